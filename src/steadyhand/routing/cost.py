"""What a call costs. Prices are data (`catalog/`); this module only multiplies."""

from decimal import Decimal

from steadyhand.types.model import Price, Usage

_PER = Decimal(1_000_000)


def cost_usd(usage: Usage, price: Price) -> Decimal:
    """Exact cost of one call in US dollars, not rounded.

    `price` is in USD per million tokens, as vendors publish it. Cached tokens are counted inside
    `usage.input_tokens` but charged at their own price.
    """
    fresh = usage.input_tokens - usage.cached_tokens
    input_usd = fresh * price.input + usage.cached_tokens * price.cached
    return (input_usd + usage.output_tokens * price.output) / _PER
