"""Prices against the package they come from: its own calculation is the oracle, for every model it knows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data import providers as price_lists
from genai_prices.types import ModelInfo
from genai_prices.types import Provider as PriceList
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.catalog import prices
from steadyhand.catalog.providers import shipped
from steadyhand.routing.cost import cost_usd
from steadyhand.types.model import Usage

INSTANTS = (
    datetime(2024, 6, 1, tzinfo=UTC),
    *(
        datetime(2026, 11, 21, hour, minute, tzinfo=UTC)
        for hour, minute in ((0, 29), (2, 0), (7, 0), (16, 30), (12, 0))
    ),
)
TOKENS = st.integers(0, 2_000_000)


def listed() -> Iterator[tuple[PriceList, ModelInfo]]:
    for vendor in price_lists:
        for model in vendor.models:
            yield vendor, model


def usages(boundary: int = 200_000) -> Iterator[Usage]:
    for tokens in (0, 1, 999, boundary, boundary + 1, 1_000_000):
        yield Usage(tokens, 777)
        yield Usage(tokens, 777, tokens // 2, reasoning_tokens=333)
        yield Usage(tokens, 0, tokens // 3, cache_write_tokens=tokens // 2, cache_write_1h_tokens=tokens // 7)


def oracle_usd(vendor: PriceList, model: ModelInfo, usage: Usage, at: datetime) -> Decimal:
    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    return model.calc_price(counted, vendor, genai_request_timestamp=at).total_price


def test_every_model_costs_what_the_list_it_is_from_calculates() -> None:
    wrong, compared = [], 0
    for vendor, model in listed():
        rows = {price: at for at in INSTANTS if (price := prices.in_force(model, at))}
        for price, at in rows.items():
            for usage in usages(price.tiers[0].above_tokens if price.tiers else 128_000):
                compared += 1
                ours, theirs = cost_usd(usage, price), oracle_usd(vendor, model, usage, at)
                if abs(ours - theirs) > Decimal("1e-12"):
                    wrong.append((vendor.id, model.id, at, usage, ours, theirs))
    assert wrong == []
    assert compared > 40_000


TIERED = [
    (vendor, model) for vendor, model in listed() if (price := prices.in_force(model, INSTANTS[-1])) and price.tiers
]


@given(model=st.sampled_from(TIERED), parts=st.tuples(TOKENS, TOKENS, TOKENS, TOKENS), at=st.sampled_from(INSTANTS))
def test_whatever_was_used_the_list_calculates_the_same(
    model: tuple[PriceList, ModelInfo], parts: tuple[int, int, int, int], at: datetime
) -> None:
    fresh, cached, written, output = parts
    usage = Usage(fresh + cached + written, output, cached, False, written, output // 2, written // 3)
    price = prices.in_force(model[1], at)
    assert price is not None
    assert cost_usd(usage, price) == oracle_usd(*model, usage, at)


def test_a_price_is_unknown_only_where_the_list_has_none_for_tokens() -> None:
    for _, model in listed():
        if prices.in_force(model, INSTANTS[-1]) is None:
            assert vars(model.get_prices(INSTANTS[-1])).get("input_mtok") is None


def test_a_prompt_beyond_a_tier_is_charged_by_it_as_a_whole() -> None:
    price = prices.price(shipped()["openai"], "gpt-5.5", INSTANTS[-1])
    assert price is not None
    [tier] = price.tiers
    assert tier.above_tokens == 272_000
    at, above = (cost_usd(Usage(tokens, 0), price) for tokens in (272_000, 272_001))
    assert at == 272_000 * price.rates.input / 1_000_000
    assert above == 272_001 * tier.rates.input / 1_000_000


def test_a_price_that_depends_on_the_hour_is_read_for_that_hour() -> None:
    noon, night = (
        prices.price(shipped()["deepseek"], "deepseek-chat", INSTANTS[-1].replace(hour=hour)) for hour in (12, 20)
    )
    assert noon != night


def test_a_price_is_the_one_of_its_day() -> None:
    model = next(model for _, model in listed() if model.id == "o3" and isinstance(model.prices, list))
    before, after = (prices.in_force(model, at) for at in (INSTANTS[0], INSTANTS[-1]))
    assert before != after


@pytest.mark.parametrize("server", ["local", "ollama", "lmstudio", "vllm", "llamacpp"])
def test_what_runs_on_this_machine_costs_nothing_whatever_it_is_asked(server: str) -> None:
    price = prices.price(shipped()[server], "anything", INSTANTS[-1])
    assert price is not None
    assert cost_usd(Usage(10**9, 10**9, 10**8, False, 10**8, 10**8, 10**8), price) == 0
