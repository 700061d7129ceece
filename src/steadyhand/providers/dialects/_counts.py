"""Tokens as vendors count them."""

from steadyhand.types.model import Usage

_MOST_TOKENS = 100_000_000  # of one call; more is a vendor's mistake, and would be a cost


def counted(
    input_tokens: int,
    output_tokens: int = 0,
    *,
    cached: int = 0,
    written: int = 0,
    written_1h: int = 0,
    reasoning: int = 0,
) -> Usage:
    """The counts, no part of which is more than its whole; `Usage()`, as if none came, when they cannot be."""
    if not (0 <= input_tokens <= _MOST_TOKENS and 0 <= output_tokens <= _MOST_TOKENS):
        return Usage()
    cached = min(max(cached, 0), input_tokens)
    written = min(max(written, 0), input_tokens - cached)
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(max(written_1h, 0), written),
        reasoning_tokens=min(max(reasoning, 0), output_tokens),
    )
