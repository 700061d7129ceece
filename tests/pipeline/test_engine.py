"""However a run goes, it ends with a status, in time, with its rows recorded."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from house import CALLER, FEATURE, GOOD, PASSAGE, House
from steadyhand.errors import DatabaseUnavailable, ProviderUnavailable
from steadyhand.pipeline.engine import Engine
from steadyhand.pipeline.order import STEPS
from steadyhand.types.feature import Budget, Check, Review
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Rule
from steadyhand.types.passage import Retrieval

DOWN = ProviderUnavailable("connection refused")
SECOND = ModelId("cloud:small")
EXTRACTIVE = ModelId("local:extractive")


def test_the_path_is_what_the_documents_say() -> None:
    assert [step.__name__ for step in STEPS] == [
        "admit",
        "guard_input",
        "recall",
        "retrieve",
        "choose",
        "reserve",
        "generate",
        "validate",
        "guard_output",
        "judge",
        "decide_review",
        "record",
    ]


async def test_a_good_answer_carries_its_evidence_checks_model_and_cost() -> None:
    house = House({"large": [GOOD]})
    answer = await house.ask()
    assert answer.status == "answered"
    assert answer.output == {"answer": "The limit may be exceeded by 20 %.", "found": True}
    [evidence] = answer.evidence
    assert (evidence.field, evidence.source, evidence.page) == ("answer", "travel.pdf", 3)
    assert PASSAGE.text[evidence.start - 100 : evidence.end - 100] == evidence.quote
    assert all(check.ok for check in answer.checks)
    assert (answer.model, answer.cost_usd, answer.snapshot) == ("cloud:large", Decimal(3), "policies@1")
    assert [run.id for run in house.runs] == [answer.run_id]
    assert [step.name for step in house.runs[0].steps] == [step.__name__ for step in STEPS[:-1]]


async def test_a_quote_that_is_in_no_source_is_sent_back_and_never_leaves() -> None:
    lie = GOOD.replace("by 20 %", "by 90 %")
    house = House({"large": [lie, GOOD]})
    answer = await house.ask()
    assert answer.status == "answered"
    assert len(answer.evidence) == 1
    assert "copied exactly from a source" in house.requests[1].messages[-1].text
    assert (await House({"large": [lie]}).ask()).status == "failed"


async def test_an_answer_without_any_citation_is_refused_where_citing_is_a_must() -> None:
    bare = '{"answer": "20 %.", "found": true}'
    assert (await House({"large": [bare]}).ask()).status == "failed"
    abstention = '{"answer": "I do not know.", "found": false}'
    assert (await House({"large": [abstention]}).ask()).status == "answered"


async def test_the_next_model_answers_when_the_first_is_down() -> None:
    house = House({"large": [DOWN], "small": [GOOD]})
    answer = await house.ask(models=(*FEATURE.models, SECOND))
    assert (answer.status, answer.model) == ("answered", "cloud:small")
    assert [(call.model, call.error) for call in house.runs[0].calls] == [
        ("cloud:large", "connection refused"),
        ("cloud:small", ""),
    ]


@pytest.mark.parametrize("reply", [DOWN, 5.0, "no JSON at all", '{"answer": 1, "found": true}'])
async def test_the_declared_fallback_answers_when_models_are_down_slow_or_wrong(reply: object) -> None:
    house = House({"large": [reply], "extractive": [GOOD]})  # type: ignore[list-item]
    answer = await house.ask(fallback_model=EXTRACTIVE)
    assert (answer.status, answer.model) == ("fallback", "local:extractive")
    assert answer.error is not None
    assert len(answer.evidence) == 1
    assert len(house.runs) == 1


async def test_the_declared_values_answer_when_nothing_else_can() -> None:
    values = {"answer": "Ask the front desk.", "found": False}
    house = House({"large": [DOWN], "extractive": [DOWN]})
    answer = await house.ask(fallback_model=EXTRACTIVE, fallback=values)
    assert (answer.status, answer.output, answer.evidence, answer.model) == ("fallback", values, (), None)


async def test_without_a_fallback_the_run_fails_and_says_why() -> None:
    answer = await House({"large": [DOWN]}).ask()
    assert (answer.status, answer.output) == ("failed", None)
    assert answer.error is not None
    assert (answer.error.code, answer.error.message) == ("provider.unavailable", "connection refused")


async def test_a_search_that_broke_is_no_reason_to_say_that_nothing_was_found() -> None:
    def broken() -> Retrieval:
        raise DatabaseUnavailable("gone")

    house = House({"large": [GOOD], "extractive": [GOOD]}, search=broken)
    answer = await house.ask(fallback_model=EXTRACTIVE)
    assert (answer.status, house.requests) == ("failed", [])


async def test_a_silent_model_does_not_hold_the_caller_longer_than_the_contract_says() -> None:
    house = House({"large": [30.0]})
    answer = await house.ask(timeout_s=0.3, model_timeout_s=30, attempts=5)
    assert answer.error is not None
    assert (answer.status, answer.error.code) == ("failed", "provider.timeout")  # it would answer after 30 s
    assert ["expected an answer within" in call.error for call in house.runs[0].calls] == [True]


async def test_a_bug_in_a_step_ends_the_run_without_showing_its_text_to_the_caller() -> None:
    answer = await House({"large": [RuntimeError("secret detail")]}).ask()
    assert answer.status == "failed"
    assert answer.error is not None
    assert answer.error.code == "internal"
    assert "secret" not in answer.error.message


async def test_an_input_that_breaks_its_promise_is_refused_and_recorded() -> None:
    house = House({"large": [GOOD]})
    answer = await house.ask({"question": 7, "surprise": True})
    assert answer.status == "refused"
    assert answer.error is not None
    assert answer.error.code == "input.invalid"
    assert "surprise" in answer.error.message
    assert "question" in answer.error.message
    assert [run.status for run in house.runs] == ["refused"]


@pytest.mark.parametrize("value", ["half \ud800 of a pair", datetime(2026, 1, 1, tzinfo=UTC), {1, 2}])
async def test_an_input_that_is_no_json_is_refused_and_recorded(value: object) -> None:
    house = House({"large": [GOOD]})
    answer = await house.ask({"question": value})
    assert answer.error is not None
    assert (answer.status, answer.error.code) == ("refused", "input.invalid")
    assert [run.status for run in house.runs] == ["refused"]


async def test_a_day_whose_budget_is_spent_refuses_or_falls_back() -> None:
    house = House({"large": [GOOD]}, spent_usd=Decimal(5))
    budget = Budget(None, Decimal(5))
    assert (await house.ask(budget=budget)).status == "refused"
    values = {"answer": "Later.", "found": False}
    assert (await house.ask(budget=budget, fallback=values)).status == "fallback"
    assert house.requests == []


async def test_personal_data_keeps_a_run_from_models_that_may_not_see_it() -> None:
    house = House({"large": [GOOD], "extractive": [GOOD]})
    mail = {"question": "May jane.doe@example.com travel?"}
    answer = await house.ask(mail, models=(*FEATURE.models, EXTRACTIVE))
    assert answer.model == "local:extractive"
    assert house.runs[0].data_class == "confidential"
    choice = next(step for step in house.runs[0].steps if step.name == "choose")
    assert "may see up to internal, this run is confidential" in choice.detail
    alone = await house.ask(mail)
    assert alone.error is not None
    assert (alone.status, alone.error.code) == ("failed", "model.none")


async def test_the_fallback_never_lowers_the_data_class() -> None:
    house = House({"extractive": [DOWN], "large": [GOOD]})
    mail = {"question": "May jane.doe@example.com travel?"}
    answer = await house.ask(mail, models=(EXTRACTIVE,), fallback_model=ModelId("cloud:large"))
    assert answer.status == "failed"
    assert {request.task.input["question"] for request in house.requests} == {mail["question"]}
    assert {call.model for call in house.runs[0].calls} == {EXTRACTIVE}


async def test_rules_that_settle_everything_need_no_model() -> None:
    rule = Rule("input.question == 'ping'", {"answer": "pong", "found": False})
    house = House()
    answer = await house.ask({"question": "ping"}, rules=(rule,))
    assert (answer.status, answer.model, answer.output) == (
        "answered",
        "local:rules",
        {"answer": "pong", "found": False},
    )
    assert answer.cost_usd == 0


async def test_what_a_rule_settles_no_model_changes() -> None:
    rule = Rule("input.question == 'How much?'", {"answer": "Ask finance: the limit may be exceeded by 20 %"})
    answer = await House({"large": [GOOD]}).ask(rules=(rule,))
    assert answer.output == {"answer": "Ask finance: the limit may be exceeded by 20 %", "found": True}


async def test_a_person_is_asked_where_the_contract_says_so_and_no_output_leaves_before() -> None:
    house = House({"large": [GOOD]})
    answer = await house.ask(review=Review("confidence < 0.95", 1800))
    assert (answer.status, answer.output, answer.evidence) == ("review", None, ())
    assert house.runs[0].review is not None
    assert house.runs[0].review.due_s == 1800
    assert house.runs[0].output is not None


async def test_a_failed_check_does_what_its_severity_says() -> None:
    house = House({"large": [GOOD]})
    expected = {"note": "answered", "review": "review", "block": "failed"}
    for severity, status in expected.items():
        check = Check("short", "size(output.answer) < 5", severity, "answers are short")  # type: ignore[arg-type]
        answer = await house.ask(checks=(check,))
        assert answer.status == status
        assert [(found.id, found.ok) for found in answer.checks if found.id == "short"] == [("short", False)]


@pytest.mark.parametrize("depth", [100, 300, 900, 3000])
async def test_a_deeply_nested_answer_is_sent_back_like_any_other_wrong_one(depth: int) -> None:
    house = House({"large": [GOOD.replace("true", "[" * depth + "]" * depth), GOOD]})
    assert (await house.ask()).status == "answered"


async def test_a_run_that_is_broken_off_is_recorded_with_what_it_called() -> None:
    house = House({"large": [DOWN], "small": [30.0]})
    asking = asyncio.create_task(house.ask(models=(*FEATURE.models, SECOND), timeout_s=60, model_timeout_s=60))
    while len(house.requests) < 2:
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    [run] = house.runs
    assert run.failure is not None
    assert (run.status, run.failure.code) == ("failed", "run.cancelled")


async def test_no_answer_leaves_when_its_rows_cannot_be_written() -> None:
    house = House({"large": [GOOD]})

    async def broken(run: object) -> None:
        raise DatabaseUnavailable("gone")

    engine = Engine(replace(house.ports(), record=broken))
    with pytest.raises(DatabaseUnavailable):
        await engine.run(FEATURE, {"question": "x"}, principal=CALLER, door="python")
