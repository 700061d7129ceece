"""What a call costs. `tests/catalog/test_catalog_prices.py` compares it with the price list's own calculation."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from steadyhand.routing.cost import cost_usd
from steadyhand.types.model import Price, Rates, Tier, Usage

TOKENS = st.integers(0, 5_000_000)
AMOUNTS = st.decimals("0", "900", places=6)
RATES = st.builds(Rates, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.none() | AMOUNTS, st.none() | AMOUNTS)
PRICES = st.builds(
    lambda rates, above, tier, each: Price(rates, "test", (Tier(above, tier),), each), RATES, TOKENS, RATES, AMOUNTS
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Of any vendor: parts are never more than what they are a part of."""
    fresh, cached, written, output = (draw(TOKENS) for _ in range(4))
    hour, thought = draw(st.integers(0, written)), draw(st.integers(0, output))
    return Usage(fresh + cached + written, output, cached, False, written, thought, hour)


PLAIN = Price(Rates(Decimal(3), Decimal(15), Decimal("0.3"), Decimal("3.75"), Decimal(6), None), "test")


@given(usage=usages(), price=PRICES)
def test_a_call_never_costs_less_than_nothing(usage: Usage, price: Price) -> None:
    assert cost_usd(usage, price) >= price.per_request


@given(usage=usages(), price=PRICES, factor=st.integers(2, 9))
def test_costs_are_exact_however_they_are_added_up(usage: Usage, price: Price, factor: int) -> None:
    flat = replace(price, tiers=(), per_request=Decimal(0))
    many = Usage(*(count * factor if isinstance(count, int) else count for count in parts(usage)))
    assert cost_usd(many, flat) == factor * cost_usd(usage, flat)


def parts(usage: Usage) -> tuple[int, ...]:
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.is_estimated,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        usage.cache_write_1h_tokens,
    )


@given(usage=usages(), more=st.integers(1, 1_000))
def test_a_stream_that_was_broken_off_costs_less_than_the_whole(usage: Usage, more: int) -> None:
    whole = replace(usage, output_tokens=usage.output_tokens + more)
    assert cost_usd(usage, PLAIN) < cost_usd(whole, PLAIN)


def test_every_kind_of_token_has_its_rate() -> None:
    usage = Usage(1_000_000, 1_000_000, 300_000, False, 200_000, 400_000, 100_000)
    fresh, cached, written, hour, output = 500_000, 300_000, 100_000, 100_000, 1_000_000
    expected = fresh * 3 + cached * Decimal("0.3") + written * Decimal("3.75") + hour * 6 + output * 15
    assert cost_usd(usage, PLAIN) == expected / 1_000_000
    dearer = replace(PLAIN, rates=replace(PLAIN.rates, reasoning=Decimal(20)), per_request=Decimal("0.01"))
    assert cost_usd(usage, dearer) == expected / 1_000_000 + Decimal("0.01") + Decimal(400_000 * 5) / 1_000_000


def test_what_a_vendor_miscounts_does_not_give_money_back() -> None:
    assert cost_usd(Usage(10, 0, cached_tokens=500), PLAIN) == 500 * Decimal("0.3") / 1_000_000


def test_a_tier_holds_from_the_first_token_beyond_its_start() -> None:
    tiered = replace(PLAIN, tiers=(Tier(100, Rates(*[Decimal(9)] * 4)), Tier(200, Rates(*[Decimal(1)] * 4))))
    assert [cost_usd(Usage(tokens, 0), tiered) * 1_000_000 / tokens for tokens in (100, 101, 200, 201)] == [
        3,
        9,
        9,
        1,
    ]
