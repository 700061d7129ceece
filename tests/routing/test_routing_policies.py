"""Every order of models keeps to the same promise; each has its own idea of who is first."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routed import ACME, Clock, model, priced

from steadyhand import plugins
from steadyhand.routing.demand import Demand
from steadyhand.routing.health import Health
from steadyhand.routing.policy import FOLDER, Context, arrange
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Candidate, Model, Order, Provider

LOCAL = Provider(name="local", dialect="local", base_url="", place="local", clearance="restricted")
BOUND = Provider(
    name="bound", dialect="openai", base_url="https://b", place="eu", clearance="confidential", agreement="DPA 2026"
)
DEAR = model("dear", price=priced("10", "40"), size="large")
CHEAP = model("cheap", price=priced("0.1", "0.4"), size="small")
MYSTERY = model("mystery", price=None, size="medium")
HERE = model("here", LOCAL, price=priced("0", "0"))
SIGNED = model("signed", BOUND, price=priced("2", "6"), size="medium")
ALL = (DEAR, CHEAP, MYSTERY, HERE, SIGNED)
DEMAND = Demand(input_tokens=1_000, output_tokens=1_000)


def allowed(*models: Model) -> list[Candidate]:
    return [Candidate(each, is_allowed=True, reason=f"{each.id} may") for each in models]


def context(**known: object) -> Context:
    return Context(**{"health": Health(Clock()), **known})  # type: ignore[arg-type]


def first(order: Order, *models: Model, **known: object) -> str:
    return arrange(order, allowed(*models), DEMAND, context(**known))[0].model.name


def test_the_orders_of_a_contract_are_the_files_of_the_folder() -> None:
    assert sorted(get_args(Order)) == list(plugins.names(FOLDER))


@pytest.mark.parametrize("order", plugins.names(FOLDER))
@given(
    chosen=st.lists(st.tuples(st.sampled_from(ALL), st.booleans()), unique_by=lambda pair: pair[0].id),
    draw=st.floats(0, 1, exclude_max=True),
    data_class=st.sampled_from(["public", "confidential"]),
    is_narrow=st.booleans(),
    is_frequent=st.booleans(),
)
def test_every_order_gives_each_candidate_back_once_and_allows_none_that_was_excluded(
    order: Order, chosen: list[tuple[Model, bool]], draw: float, **known: object
) -> None:
    given_ones = [Candidate(each, is_allowed=is_allowed, reason="because") for each, is_allowed in chosen]
    weights = {DEAR.id: 3, CHEAP.id: 1}
    found = arrange(order, given_ones, DEMAND, context(draw=draw, weights=weights, **known))
    assert sorted(each.model.id for each in found) == sorted(each.model.id for each in given_ones)
    excluded = {each.model.id for each in given_ones if not each.is_allowed}
    assert excluded <= {each.model.id for each in found if not each.is_allowed}
    assert all(each.reason for each in found)


def test_cost_puts_the_cheapest_first_and_unknown_prices_last() -> None:
    found = arrange("cost", allowed(DEAR, MYSTERY, CHEAP, HERE), DEMAND, context())
    assert [each.model.name for each in found] == ["here", "cheap", "dear", "mystery"]
    assert found[1].reason == "acme:cheap may; costs at most $0.0005"
    assert found[-1].reason.endswith("its price is unknown")


def test_latency_measures_the_unknown_first_then_takes_the_fastest() -> None:
    health = Health(Clock())
    health.succeeded(DEAR.id, 0.9)
    health.succeeded(CHEAP.id, 0.3)
    assert first("latency", DEAR, CHEAP, SIGNED, health=health, draw=0.5) == "signed"
    health.succeeded(SIGNED.id, 0.5)
    assert first("latency", DEAR, CHEAP, SIGNED, health=health, draw=0.5) == "cheap"
    assert first("latency", DEAR, CHEAP, SIGNED, health=health, draw=0.049) == "dear"  # one in twenty looks again


def test_weight_shares_the_first_place_out_and_leaves_the_rest_in_order() -> None:
    weights = {CHEAP.id: 1, DEAR.id: 3}
    draws = [first("weight", CHEAP, DEAR, SIGNED, weights=weights, draw=step / 100) for step in range(100)]
    assert (draws.count("dear"), draws.count("cheap")) == (75, 25)
    found = arrange("weight", allowed(CHEAP, DEAR, SIGNED), DEMAND, context(weights=weights, draw=0.9))
    assert [each.model.name for each in found] == ["cheap", "dear", "signed"]


def test_auto_keeps_sensitive_data_here_or_with_a_provider_that_is_bound() -> None:
    found = arrange("auto", allowed(DEAR, SIGNED, HERE), DEMAND, context(data_class="confidential"))
    assert {each.model.name for each in found if each.is_allowed} == {"signed", "here"}
    [reason] = [each.reason for each in found if not each.is_allowed]
    assert reason == "acme:dear: sensitive data needs an agreement with acme; none is named"


def test_auto_goes_by_volume_then_by_task_then_by_strength() -> None:
    assert first("auto", DEAR, CHEAP, SIGNED, is_frequent=True, is_narrow=True) == "cheap"
    assert first("auto", DEAR, CHEAP, HERE, is_frequent=True) == "here"
    assert first("auto", DEAR, SIGNED, CHEAP, is_narrow=True) == "cheap"
    assert first("auto", CHEAP, SIGNED, DEAR) == "dear"


def test_no_model_is_no_trouble_for_an_order() -> None:
    assert [arrange(order, [], DEMAND, context()) for order in get_args(Order)] == [()] * len(get_args(Order))
    assert ModelId("acme:dear") == DEAR.id
    assert DEAR.provider is ACME
