"""Values as JSON: one shape for the HTTP API, the command line's `--json` and the client.

Money is a JSON number, because a string breaks typed clients; it is printed exactly up to 15 significant digits.
Instants are ISO 8601 in UTC.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from steadyhand.types.findings import CheckResult
from steadyhand.types.ids import RunId
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.passage import Contradiction, Evidence, Passage, Retrieval
from steadyhand.types.run import Answer, Failure, StepRecord

Received = Mapping[str, Any]
"""JSON from elsewhere. What takes it raises `KeyError`, `TypeError` or `ValueError` when it is amiss."""


def plain(value: object) -> Json:
    """Any value of our vocabulary as JSON: dataclasses become objects, decimals numbers, instants text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return float(value)
        case date():  # and instants
            return value.isoformat().replace("+00:00", "Z")
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"expected a value of the vocabulary; found {type(value).__name__}")


def answer_json(answer: Answer) -> JsonObject:
    """What every door prints of an answer. `error` is left out when there is none."""
    shown = cast("JsonObject", plain(answer))
    if answer.error is None:
        del shown["error"]
    return shown


def error_json(code: str, message: str, *, hint: str = "", run_id: str = "") -> JsonObject:
    """The body of every error. `run_id` is "" when it did not come to a run."""
    return {"error": {"code": code, "message": message, "hint": hint, "run_id": run_id}}


def answer_of(received: Received) -> Answer:
    """The answer that `answer_json` printed. Fields that a newer server adds are left alone."""
    cost, error = received["cost_usd"], received.get("error")
    return Answer(
        status=received["status"],
        output=received["output"],
        confidence=received["confidence"],
        evidence=tuple(Evidence(**_known(Evidence, item)) for item in received["evidence"]),
        checks=tuple(CheckResult(**_known(CheckResult, item)) for item in received["checks"]),
        model=received["model"],
        cost_usd=None if cost is None else Decimal(str(cost)),
        run_id=RunId(received["run_id"]),
        snapshot=received["snapshot"],
        duration_s=received["duration_s"],
        error=Failure(**_known(Failure, error)) if error else None,
        contradictions=_contradictions(received),
    )


def step_of(received: Received) -> StepRecord:
    return StepRecord(**_known(StepRecord, received))


def retrieval_of(received: Received) -> Retrieval:
    passages = tuple(_passage(item) for item in received["passages"])
    return Retrieval(passages, received["snapshot"], _contradictions(received))


def _passage(received: Received) -> Passage:
    review_by = received.get("review_by")
    known = _known(Passage, received)
    return Passage(**{**known, "review_by": date.fromisoformat(review_by) if review_by else None})


def _contradictions(received: Received) -> tuple[Contradiction, ...]:
    """A server of an earlier version says nothing of them."""
    return tuple(
        Contradiction(item["about"], tuple(Evidence(**_known(Evidence, it)) for it in item["statements"]))
        for item in received.get("contradictions", ())
    )


def _known(kind: type, received: Received) -> dict[str, Any]:
    """The fields that this version knows."""
    return {field.name: received[field.name] for field in fields(kind) if field.name in received}
