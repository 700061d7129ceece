"""What excludes a model, what pins one to the front, and that every one of them has its reason."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routed import OTHER, Clock, model, priced

import house
from steadyhand.errors import ProviderUnavailable
from steadyhand.routing.choose import Choice, Situation, candidate, choose
from steadyhand.routing.demand import Demand, is_narrow, needs
from steadyhand.routing.exclusions import withdrawn_soon
from steadyhand.routing.health import Health
from steadyhand.routing.switches import Off, Switches
from steadyhand.types.feature import Budget, Feature
from steadyhand.types.ids import ModelId
from steadyhand.types.message import Media, Message, Tool, ToolResult
from steadyhand.types.model import CompletionRequest, Model, Provider
from steadyhand.types.routing import Experiment, Flag, Routing, Shadow
from steadyhand.types.text import DATA_CLASSES, DataClass, rank

TODAY = date(2026, 6, 1)
UNFILLED = Provider(
    name="azure", dialect="openai", base_url="https://{resource}.example", place="eu", clearance="internal"
)
LARGE = model("large", price=priced("10", "10"))
SMALL = model("small", price=priced("0.1", "0.1"))
ABROAD = model("abroad", OTHER)
CATALOGUE: dict[ModelId, Model] = {
    each.id: each
    for each in (
        LARGE,
        SMALL,
        ABROAD,
        model("nameless", UNFILLED),
        model("old", deprecated_on=TODAY),
        model("ageing", deprecated_on=date(2026, 6, 2)),
        model("blind", capabilities=frozenset({"tools"})),
    )
}
FEATURE = replace(house.FEATURE, models=(LARGE.id, SMALL.id, ABROAD.id))


def choice(
    feature: Feature = FEATURE,
    health: Health | None = None,
    switches: Switches | None = None,
    *,
    data_class: DataClass = "internal",
    **known: object,
) -> Choice:
    situation = Situation(data_class=data_class, today=TODAY, **known)  # type: ignore[arg-type]
    return choose(feature, situation, CATALOGUE.get, health or Health(Clock()), switches or Switches())


def asked(found: Choice) -> list[str]:
    return [each.model.id for each in found.candidates if each.is_allowed]


def with_routing(**known: object) -> Feature:
    return replace(FEATURE, routing=Routing(**known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("azure:nameless", "azure:nameless: the address of azure still has a name to fill in"),
        ("acme:old", "acme:old was withdrawn by its vendor on 2026-06-01"),
        ("acme:ageing", ""),
        ("acme:blind", "acme:blind has no vision, which this run needs"),
        ("acme:large", ""),  # of which no capability is known
    ],
)
def test_a_model_that_cannot_serve_says_why(name: str, reason: str) -> None:
    feature = replace(FEATURE, models=(ModelId(name),))
    [found] = choice(feature, demand=Demand(needs=frozenset({"vision"}))).candidates
    assert (found.reason if not found.is_allowed else "") == reason


def test_a_model_that_is_withdrawn_soon_is_noted_and_serves_until_then() -> None:
    day = date(2026, 8, 30)
    leaving = model("leaving", deprecated_on=day)
    assert withdrawn_soon(leaving, day - timedelta(days=91)) == ""
    assert (
        withdrawn_soon(leaving, day - timedelta(days=90)) == "acme:leaving is withdrawn by its vendor on 2026-08-30"
    )
    assert withdrawn_soon(leaving, day) == "acme:leaving was withdrawn by its vendor on 2026-08-30"
    assert withdrawn_soon(LARGE, day) == ""


def test_places_of_the_contract_keep_models_elsewhere_out() -> None:
    found = choice(with_routing(places=frozenset({"eu", "local"})))
    assert asked(found) == ["acme:large", "acme:small"]
    assert found.candidates[-1].reason == "other:abroad runs in us, the contract allows eu, local"


def test_a_model_that_keeps_failing_or_is_switched_off_is_passed_over() -> None:
    health, switches = Health(Clock()), Switches()
    for _ in range(3):
        health.failed(LARGE.id, ProviderUnavailable("down"))
    switches.replace([Off("acme:small", "wrong totals", "ann", house.datetime.now(house.UTC))])
    found = choice(health=health, switches=switches)
    assert asked(found) == ["other:abroad"]
    assert "keeps failing" in found.candidates[0].reason
    assert "ann switched acme:small off: wrong totals" in found.candidates[1].reason


def test_a_flags_model_goes_first_also_one_that_the_contract_does_not_list() -> None:
    feature = replace(with_routing(flag=Flag("model", "")), models=(LARGE.id, SMALL.id))
    assert asked(choice(feature)) == ["acme:large", "acme:small"]
    assert asked(choice(feature, flag="acme:small")) == ["acme:small", "acme:large"]
    abroad = choice(feature, flag="other:abroad")
    assert asked(abroad)[0] == "other:abroad"
    assert "the flag model names it" in abroad.candidates[0].reason
    nonsense = choice(feature, flag="nobody:knows")
    assert asked(nonsense) == ["acme:large", "acme:small"]
    assert "nobody:knows is no model of the catalogue" in nonsense.summary


def test_an_arm_of_an_experiment_goes_first_and_control_is_the_contracts_order() -> None:
    feature = with_routing(experiment=Experiment("smaller", "", {SMALL.id: 10}))
    treated = choice(feature, key="ann")  # bucket 776
    control = choice(feature, key="bob")  # bucket 9142
    assert (asked(treated)[0], asked(control)[0]) == ("acme:small", "acme:large")
    assert "experiment smaller: bucket 776 of 10000, acme:small" in treated.summary
    assert "experiment smaller: bucket 9142 of 10000, control" in control.summary


@given(
    data_class=st.sampled_from(DATA_CLASSES),
    flag=st.sampled_from(["", "acme:small", "other:abroad"]),
    key=st.text(max_size=3),
    order=st.sampled_from(["listed", "cost", "latency", "weight", "auto"]),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_nothing_that_pins_or_orders_a_model_lowers_the_data_class(
    data_class: DataClass, flag: str, key: str, order: str, draw: float
) -> None:
    routing = {
        "order": order,
        "flag": Flag("model", ""),
        "experiment": Experiment("smaller", "", {ABROAD.id: 50}),
        "shadow": Shadow(ABROAD.id, 100),
    }
    found = choice(with_routing(**routing), data_class=data_class, flag=flag, key=key, draw=draw)
    for each in found.candidates:
        assert not each.is_allowed or rank(data_class) <= rank(each.model.provider.clearance)
    assert found.shadow is None or rank(data_class) <= rank(ABROAD.provider.clearance)
    assert all(each.model.id in found.summary for each in found.candidates)


def test_a_shadow_is_drawn_by_its_share_and_held_to_the_same_rules() -> None:
    feature = with_routing(shadow=Shadow(SMALL.id, 5))
    assert choice(feature, shadow_draw=0.049).shadow == SMALL.id
    assert choice(feature, shadow_draw=0.05).shadow is None
    poor = replace(with_routing(shadow=Shadow(LARGE.id, 100)), budget=Budget(Decimal("0.001"), None))
    assert choice(poor, demand=Demand(input_tokens=10_000)).shadow is None


def test_the_budget_is_over_when_the_first_choice_has_no_room_in_it() -> None:
    feature = replace(FEATURE, budget=Budget(Decimal("0.01"), None))
    found = choice(feature, demand=Demand(input_tokens=10_000))
    assert found.over_budget.startswith("acme:large may cost $0.12")
    assert asked(found) == ["acme:small"]
    assert choice(feature, demand=Demand(input_tokens=0, output_tokens=10)).over_budget == ""


def test_under_auto_neither_shadow_nor_fallback_sees_sensitive_data_without_an_agreement() -> None:
    cleared = {each.id: replace(each, provider=replace(each.provider, clearance="restricted")) for each in (LARGE,)}
    feature = replace(with_routing(order="auto", shadow=Shadow(LARGE.id, 100)), models=(LARGE.id,))
    situation = Situation(data_class="confidential", today=TODAY)
    found = choose(feature, situation, cleared.get, Health(Clock()), Switches())
    assert (asked(found), found.shadow) == ([], None)
    fallback = candidate(LARGE.id, feature.budget, "confidential", cleared.get, routing=feature.routing)
    assert fallback.reason == "acme:large: sensitive data needs an agreement with acme; none is named"


def test_many_runs_today_are_high_volume_whatever_the_contract_says() -> None:
    feature = with_routing(order="auto")
    assert "high volume" in choice(feature, runs_today=1_000).summary
    assert "high volume" not in choice(feature, runs_today=999).summary
    assert "high volume" in choice(with_routing(order="auto", is_high_volume=True)).summary


def test_a_request_needs_what_its_parts_ask_for() -> None:
    picture, paper = Media("image/png", data="eA=="), Media("application/pdf", data="eA==")
    said = Message("user", (ToolResult("1", (picture,)), paper))
    request = CompletionRequest(messages=(said,), timeout_s=1, tools=(Tool("t", "", {}),), output_schema={})
    assert needs(request) == {"tools", "vision", "documents", "json_schema"}
    assert needs(CompletionRequest(messages=(), timeout_s=1)) == frozenset()


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"urgency": {"enum": ["high", "low"]}, "sure": {"type": "boolean"}, "score": {"type": "number"}}, True),
        ({"code": {"type": "string", "maxLength": 10}}, True),
        ({"urgency": {"enum": ["high", "low"]}, "answer": {"type": "string"}}, False),
        ({}, False),
    ],
)
def test_a_task_is_narrow_when_its_outputs_are_labels(properties: dict[str, object], expected: bool) -> None:
    assert is_narrow({"type": "object", "properties": properties}) == expected  # type: ignore[dict-item]
