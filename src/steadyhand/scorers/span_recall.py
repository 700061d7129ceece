"""How much of a quote is in the passages that were found, letter by letter."""

from collections.abc import Iterator, Sequence

_LEAST = 8  # characters: a shorter piece of a quote may be there by chance


def score(quote: str, passages: Sequence[str]) -> float:
    """Share in [0, 1] of the quote's characters that stand in the passages, white space folded.

    A passage may hold all of the quote, begin or end inside it, or lie within it; pieces of fewer than 8 characters
    do not count, unless they are the whole quote. 1.0 for an empty quote.
    """
    wanted = " ".join(quote.split()).casefold()
    covered = bytearray(len(wanted))
    for passage in passages:
        for start, end in _pieces(wanted, " ".join(passage.split()).casefold()):
            covered[start:end] = b"\1" * (end - start)
    return sum(covered) / len(wanted) if wanted else 1.0


def _pieces(quote: str, passage: str) -> Iterator[tuple[int, int]]:
    """Where in the quote the passage stands, or an end of it."""
    if quote in passage:
        yield 0, len(quote)
        return
    if len(passage) >= _LEAST and (start := quote.find(passage)) >= 0:
        yield start, start + len(passage)
    longest = min(len(quote), len(passage))
    for length in range(longest, _LEAST - 1, -1):
        if passage.endswith(quote[:length]):
            yield 0, length
            break
    for length in range(longest, _LEAST - 1, -1):
        if passage.startswith(quote[-length:]):
            yield len(quote) - length, len(quote)
            break
