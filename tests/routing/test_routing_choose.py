"""Which models may serve a run: in the contract's order, each with the sentence that says why or why not."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import house
from steadyhand.errors import NotFound
from steadyhand.routing.choose import Choice, Situation, candidate, choose
from steadyhand.routing.cost import cost_usd
from steadyhand.routing.demand import Demand
from steadyhand.routing.health import Health
from steadyhand.routing.switches import Switches
from steadyhand.types.feature import Budget, Feature
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Model, Price, Provider, Rates, Usage
from steadyhand.types.text import DATA_CLASSES, DataClass, rank

MINI = Price(Rates(Decimal("0.15"), Decimal("0.60"), Decimal("0.075"), Decimal("0.15")), "list")
FREE = Price(Rates(Decimal(0), Decimal(0), Decimal(0), Decimal(0)), "local")
NO_BUDGET = Budget(per_run_usd=None, per_day_usd=None)


def entry(model: str, price: Price | None, clearance: DataClass, context_tokens: int | None = None) -> Model:
    name, _, rest = model.partition(":")
    provider = Provider(
        name=name, dialect="openai", base_url="https://h", key_variable="", place="us", clearance=clearance
    )
    return Model(id=ModelId(model), provider=provider, name=rest, price=price, context_tokens=context_tokens)


CATALOGUE = {
    found.id: found
    for found in (
        entry("local:extractive", FREE, "restricted"),
        entry("openai:gpt-4o-mini", MINI, "internal"),
        entry("mistral:small", MINI, "confidential", context_tokens=4_000),
        entry("acme:mystery", None, "restricted"),
    )
}
FEATURE = replace(house.FEATURE, models=tuple(CATALOGUE))


def choice(feature: Feature, data_class: DataClass) -> Choice:
    situation = Situation(data_class=data_class, today=date(2026, 1, 1))
    return choose(feature, situation, CATALOGUE.get, Health(lambda: 0.0), Switches())


def reason(model: str, budget: Budget, demand: Demand, data_class: DataClass = "public") -> str:
    found = candidate(ModelId(model), budget, data_class, CATALOGUE.get, demand)
    return "" if found.is_allowed else found.reason


@pytest.mark.parametrize("data_class", DATA_CLASSES)
def test_a_model_sees_a_run_only_up_to_its_clearance_and_the_order_is_the_contracts(data_class: DataClass) -> None:
    found = choice(FEATURE, data_class).candidates
    assert [each.model.id for each in found] == list(FEATURE.models)
    for each in found:
        assert each.is_allowed == (rank(data_class) <= rank(each.model.provider.clearance))


def test_the_reason_names_both_classes() -> None:
    by_model = {each.model.id: each.reason for each in choice(FEATURE, "confidential").candidates}
    excluded = by_model[ModelId("openai:gpt-4o-mini")]
    assert excluded == "openai:gpt-4o-mini: openai may see up to internal, this run is confidential"
    assert (
        by_model[ModelId("mistral:small")] == "mistral:small may see up to confidential, this run is confidential"
    )


def test_a_model_that_may_cost_more_than_a_run_may_is_excluded_with_both_figures() -> None:
    demand = Demand(input_tokens=1_000, output_tokens=2_000)
    cheap = Budget(per_run_usd=Decimal("0.001"), per_day_usd=None)
    assert reason("openai:gpt-4o-mini", cheap, demand) == (
        "openai:gpt-4o-mini may cost $0.00135, the budget of a run is $0.001"
    )
    assert reason("openai:gpt-4o-mini", replace(cheap, per_run_usd=Decimal("0.00135")), demand) == ""
    assert reason("local:extractive", cheap, demand) == ""


def test_what_the_run_and_the_day_have_cost_already_counts() -> None:
    demand = Demand(input_tokens=0, output_tokens=1_000, run_usd=Decimal("0.5"), today_usd=Decimal("4.9995"))
    per_run = Budget(per_run_usd=Decimal("0.5"), per_day_usd=None)
    per_day = Budget(per_run_usd=None, per_day_usd=Decimal(5))
    assert "after $0.5 spent, the budget of a run is $0.5" in reason("mistral:small", per_run, demand)
    assert "after $4.9995 spent, the budget of a day is $5" in reason("mistral:small", per_day, demand)
    assert reason("local:extractive", per_day, replace(demand, today_usd=Decimal(9))) == ""


def test_an_unknown_price_is_never_taken_for_zero() -> None:
    assert reason("acme:mystery", NO_BUDGET, Demand()) == ""
    assert "no known price" in reason("acme:mystery", Budget(Decimal(1), None), Demand())


def test_a_prompt_that_does_not_fit_excludes_the_model() -> None:
    assert reason("mistral:small", NO_BUDGET, Demand(input_tokens=3_000, output_tokens=1_001)) == (
        "mistral:small takes 4000 tokens, this run may need 4001"
    )


def test_a_model_that_left_the_catalogue_is_said_to_have() -> None:
    with pytest.raises(NotFound, match="openai:gone"):
        choice(replace(FEATURE, models=(ModelId("openai:gone"),)), "public")


tokens = st.integers(0, 10**9)
prices = st.decimals(0, 1000, places=6)


@given(fresh=tokens, cached=tokens, output=tokens, charged=st.tuples(prices, prices, prices))
def test_a_cost_is_exact(fresh: int, cached: int, output: int, charged: tuple[Decimal, Decimal, Decimal]) -> None:
    usage = Usage(fresh + cached, output, cached)
    millionths = [int(price * 10**6) for price in charged]
    exact = fresh * millionths[0] + output * millionths[1] + cached * millionths[2]
    cost = cost_usd(usage, Price(Rates(*charged, Decimal(0)), "list"))
    assert int(cost.scaleb(12)) == exact
