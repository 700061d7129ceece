"""How a run finds its model: hedges, shadows, flags, budgets that are spent, switches that are thrown."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from house import CALLER, FEATURE, GOOD, House
from steadyhand.errors import ProviderRefused, ProviderUnavailable
from steadyhand.pipeline.engine import Engine
from steadyhand.routing.conditions import Conditions
from steadyhand.routing.switches import Off
from steadyhand.types.feature import Budget, Check, Feature
from steadyhand.types.ids import ModelId
from steadyhand.types.routing import Experiment, Flag, Routing, Shadow

LARGE, SMALL = ModelId("cloud:large"), ModelId("cloud:small")
BOTH = (LARGE, SMALL)
DOWN = ProviderUnavailable("connection refused")


def routed(**known: object) -> Routing:
    return Routing(**known)  # type: ignore[arg-type]


async def shadowed(house: House, feature: Feature) -> None:
    """One run and its shadow."""
    engine = Engine(house.ports())
    await engine.run(feature, {"question": "How much?"}, principal=CALLER, door="python")
    await engine.close()


async def test_the_reasons_of_the_choice_are_kept_with_the_run_and_its_step() -> None:
    house = House({"large": [GOOD]})
    await house.ask(models=BOTH)
    [run] = house.runs
    assert run.routing.startswith("order listed; cloud:large may see up to internal")
    assert [step.detail for step in run.steps if step.name == "choose"] == [run.routing]


async def test_a_run_that_no_model_may_serve_keeps_its_reasons_too() -> None:
    house = House({"large": [GOOD]})
    answer = await house.ask(data_class="restricted")
    assert answer.error is not None
    assert (answer.status, answer.error.code) == ("failed", "model.none")
    assert "not cloud:large" in house.runs[0].routing


async def test_a_failure_that_passes_is_tried_again_when_no_other_model_is_left() -> None:
    house = House({"large": [DOWN, GOOD]})
    assert (await house.ask()).status == "answered"
    assert [call.error for call in house.runs[0].calls] == ["connection refused", ""]


async def test_a_model_that_cannot_take_our_request_leaves_it_to_the_next() -> None:
    house = House({"large": [ProviderRefused("no such schema", vendor_status=400)], "small": [GOOD]})
    assert (await house.ask(models=BOTH)).model == SMALL


async def test_runs_leave_a_model_alone_that_keeps_failing() -> None:
    house = House({"large": [DOWN], "small": [GOOD]})
    for _ in range(5):
        assert (await house.ask(models=BOTH)).model == SMALL
    assert [len(run.calls) for run in house.runs] == [2, 2, 2, 1, 1]
    assert "keeps failing" in house.runs[-1].routing


async def test_a_second_model_is_asked_when_the_first_is_slow_and_both_are_billed() -> None:
    house = House({"large": [5.0], "small": [GOOD]})
    answer = await house.ask(models=BOTH, routing=routed(hedge_s=0.05))
    assert (answer.status, answer.model) == ("answered", SMALL)
    assert answer.duration_s < 1
    won, lost = house.runs[0].calls
    assert (won.model, won.error) == (SMALL, "")
    assert (lost.model, lost.error) == (LARGE, "broken off: another model answered first")
    assert lost.usage.is_estimated
    assert lost.cost_usd
    assert answer.cost_usd == won.cost_usd + lost.cost_usd  # type: ignore[operator]


async def test_a_run_that_is_broken_off_keeps_what_it_had_asked_and_bills_it() -> None:
    for routing in (Routing(), routed(hedge_s=0.02)):
        house = House({"large": [5.0], "small": [5.0]})
        asking = asyncio.create_task(house.ask(models=BOTH, routing=routing))
        while not house.requests:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        [run] = house.runs
        assert [call.model for call in run.calls] == [LARGE, SMALL][: len(house.requests)]
        assert all(call.error == "broken off" and call.usage.is_estimated and call.cost_usd for call in run.calls)


async def test_a_hedge_is_not_asked_when_the_first_answers_in_time() -> None:
    house = House({"large": [GOOD], "small": [GOOD]})
    await house.ask(models=BOTH, routing=routed(hedge_s=0.5))
    assert [call.model for call in house.runs[0].calls] == [LARGE]


async def test_a_failed_race_goes_on_like_any_failure() -> None:
    house = House({"large": [DOWN, GOOD], "small": [DOWN]})
    answer = await house.ask(models=BOTH, routing=routed(hedge_s=0.5))
    assert (answer.status, answer.model) == ("answered", LARGE)
    assert [call.model for call in house.runs[0].calls] == [LARGE, SMALL, LARGE]


async def test_a_shadow_is_a_run_of_its_own_that_answers_nobody() -> None:
    house = House({"large": [GOOD], "small": [GOOD.replace("by 20 %.", "somewhat.")]})
    always_asks = Check("person", "false", "review", "a person looks")
    feature = replace(FEATURE, routing=routed(shadow=Shadow(SMALL, 100)), checks=(always_asks,))
    await shadowed(house, feature)
    run, shadow = house.runs
    assert (run.model, run.door, run.status) == (LARGE, "python", "review")
    assert (shadow.model, shadow.door, shadow.status) == (SMALL, "shadow", "answered")
    assert shadow.review is None
    assert shadow.routing == f"shadow of {run.id}"
    assert [call.model for call in shadow.calls] == [SMALL]
    assert shadow.cost_usd
    assert shadow.output != run.output


async def test_a_shadow_that_fails_is_recorded_and_not_corrected() -> None:
    house = House({"large": [GOOD], "small": ["no JSON"]})
    await shadowed(house, replace(FEATURE, routing=routed(shadow=Shadow(SMALL, 100)), attempts=3))
    assert [(run.door, run.status, len(run.calls)) for run in house.runs] == [
        ("python", "answered", 1),
        ("shadow", "failed", 1),
    ]


async def test_a_run_that_got_no_answer_has_no_shadow() -> None:
    for changes in ({"budget": Budget(Decimal("0.000001"), None, "refuse")}, {}):
        house = House({"large": [DOWN], "small": [GOOD]})
        feature = replace(FEATURE, routing=routed(shadow=Shadow(SMALL, 100)), **changes)
        await shadowed(house, feature)
        assert [run.door for run in house.runs] == ["python"]


async def test_a_flag_names_the_model_that_is_asked_first() -> None:
    asked: list[tuple[str, str, str]] = []

    async def flags(name: str, default: str, *, caller: str, feature: str) -> str:
        asked.append((name, caller, feature))
        return "cloud:small"

    house = House({"large": [GOOD], "small": [GOOD]}, routing=Conditions(flags=flags))
    answer = await house.ask(routing=routed(flag=Flag("answer-model", "")))
    assert answer.model == SMALL
    assert asked == [("answer-model", "tester", "answers")]
    assert "flag answer-model = cloud:small" in house.runs[0].routing


async def test_an_experiment_goes_by_its_key() -> None:
    experiment = Experiment("smaller", "input.question", {SMALL: 50})
    house = House({"large": [GOOD], "small": [GOOD]})
    for question in ("one", "two", "three", "four", "five", "six"):
        first = await house.ask({"question": question}, routing=routed(experiment=experiment))
        again = await house.ask({"question": question}, routing=routed(experiment=experiment))
        assert first.model == again.model
    assert {run.model for run in house.runs} == {LARGE, SMALL}


@pytest.mark.parametrize(
    ("over", "fallback", "status", "code"),
    [
        ("cheaper", None, "failed", "model.none"),
        ("fallback", {"answer": "Later.", "found": False}, "fallback", "budget.exceeded"),
        ("refuse", {"answer": "Later.", "found": False}, "refused", "budget.exceeded"),
    ],
)
async def test_over_the_budget_the_contract_has_the_choice(
    over: str, fallback: dict[str, object] | None, status: str, code: str
) -> None:
    budget = Budget(Decimal("0.000001"), None, over)  # type: ignore[arg-type]
    house = House({"large": [GOOD]})
    answer = await house.ask(budget=budget, fallback=fallback)
    assert answer.error is not None
    assert (answer.status, answer.error.code, house.requests) == (status, code, [])


async def test_a_spent_day_is_refused_where_the_contract_says_so() -> None:
    house = House({"large": [GOOD]}, spent_usd=Decimal(5))
    budget = Budget(None, Decimal(5), "refuse")
    answer = await house.ask(budget=budget, fallback={"answer": "Later.", "found": False})
    assert answer.status == "refused"


async def test_what_is_switched_off_is_not_asked_not_even_as_a_fallback() -> None:
    house = House({"large": [GOOD], "small": [GOOD]})
    house.routing.switches.replace([Off("provider:cloud", "incident", "ann", datetime.now(UTC))])
    answer = await house.ask(fallback_model=SMALL)
    assert answer.error is not None
    assert (answer.status, house.requests) == ("failed", [])
    assert "ann switched cloud off: incident" in answer.error.message
