"""What a call costs. Prices are data (`catalog/`); this module only multiplies."""

from decimal import Decimal

from steadyhand.types.model import Price, Usage

_PER = Decimal(1_000_000)


def cost_usd(usage: Usage, price: Price) -> Decimal:
    """Exact cost of one call in US dollars, not rounded.

    Tokens that were read from or written to the vendor's prompt cache are counted inside `usage.input_tokens` but
    charged at their own rates, reasoning inside `usage.output_tokens` at the rate of all output.
    """
    rates = price.at(usage.input_tokens)
    fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    input_usd = (
        fresh * rates.input + usage.cached_tokens * rates.cached + usage.cache_write_tokens * rates.cache_write
    )
    return price.per_request + (input_usd + usage.output_tokens * rates.output) / _PER
