"""Values as JSON, and back."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand import errors
from steadyhand.types.findings import CheckResult
from steadyhand.types.ids import RunId
from steadyhand.types.passage import Evidence
from steadyhand.types.run import Answer, Failure
from steadyhand.types.wire import answer_json, answer_of, plain


def an_answer(cost_usd: Decimal | None, error: Failure | None = None) -> Answer:
    return Answer(
        status="answered",
        output={"answer": "120 EUR", "list": [1, {"a": None}]},
        confidence=0.5,
        evidence=(
            Evidence(field="answer", source="a.pdf", page=1, start=0, end=3, quote="120", knowledge_base="p"),
        ),
        checks=(CheckResult("schema", "block", True), CheckResult("own", "note", False, "why")),
        model="test:m",
        cost_usd=cost_usd,
        run_id=RunId("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        snapshot="p@1",
        duration_s=0.25,
        error=error,
    )


@given(st.integers(0, 10**15 - 1), st.integers(0, 18))
def test_money_comes_back_to_the_last_digit(digits: int, places: int) -> None:
    answer = an_answer(Decimal(digits).scaleb(-places))
    printed = json.dumps(answer_json(answer))
    assert answer_of(json.loads(printed)) == answer


@pytest.mark.parametrize("error", [None, Failure("provider.timeout", "late", "wait")])
def test_an_answer_comes_back_as_it_was(error: Failure | None) -> None:
    answer = an_answer(None, error)
    assert answer_of(json.loads(json.dumps(answer_json(answer)))) == answer
    assert ("error" in answer_json(answer)) == (error is not None)


def test_fields_of_a_newer_server_are_left_alone() -> None:
    received = {**answer_json(an_answer(Decimal(0))), "certificate": "new"}
    received["evidence"][0]["colour"] = "new"
    assert answer_of(received) == an_answer(Decimal(0))


def test_instants_are_utc_text() -> None:
    assert plain(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05Z"


def test_what_is_not_of_the_vocabulary_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        plain({"a": b""})


def test_every_code_stands_for_the_class_that_names_it() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.SteadyhandError) and "code" in vars(kind):
            assert errors.of_code(kind.code) is kind
            assert kind("message", hint="hint").hint == "hint"
    assert errors.of_code("no.such.code") is None
