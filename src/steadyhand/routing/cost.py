"""What a call costs. Prices are data (`catalog/`); this module only multiplies."""

from decimal import Decimal

from steadyhand.types.model import Price, Usage

_PER = Decimal(1_000_000)


def cost_usd(usage: Usage, price: Price) -> Decimal:
    """Exact cost of one call in US dollars, not rounded.

    Tokens that were read from or written to the vendor's prompt cache are counted inside `usage.input_tokens` but
    charged at their own rates, and reasoning inside `usage.output_tokens`: at the rate of all output, unless the
    vendor has another for it. An answer that was broken off costs what was used of it until then.
    """
    rates = price.at(usage.input_tokens)
    fresh = max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens)
    cost = fresh * rates.input + usage.output_tokens * rates.output
    if usage.cached_tokens:
        cost += usage.cached_tokens * rates.cached
    if usage.cache_write_tokens:
        cost += usage.cache_write_tokens * rates.cache_write
    if usage.cache_write_1h_tokens and rates.cache_write_1h is not None:
        cost += usage.cache_write_1h_tokens * (rates.cache_write_1h - rates.cache_write)
    if usage.reasoning_tokens and rates.reasoning is not None:
        cost += usage.reasoning_tokens * (rates.reasoning - rates.output)
    return price.per_request + cost / _PER
