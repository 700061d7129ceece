"""A run as rows: which columns each table of the ledger has, and what of the run goes there."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta

import msgspec

from steadyhand.storage import jsonb
from steadyhand.types.model import ModelCall, Price
from steadyhand.types.run import Run, StepRecord

TABLES: dict[str, tuple[str, ...]] = {
    "run": (
        "id", "feature", "feature_version", "status", "door", "principal", "data_class", "model", "attempts",
        "confidence", "cost_usd", "snapshot", "error_code", "started_at", "duration_s", "key_id",
        "end_user", "routing",
    ),
    "run_payload": ("run_id", "input", "output", "evidence", "error", "told"),
    "run_step": ("run_id", "seq", "name", "attempt", "verdict", "detail", "started_s", "duration_s"),
    "model_call": (
        "run_id", "seq", "model", "attempt", "input_tokens", "output_tokens", "cached_tokens", "cost_usd", "price",
        "duration_s", "first_token_s", "error", "prompt", "answer", "cache_write_tokens", "reasoning_tokens",
        "is_estimated",
    ),
    "retrieval": (
        "run_id", "rank", "knowledge_base", "source", "version_id", "page", "start", "stop", "score", "bm25",
        "similarity",
    ),
    "verdict": ("run_id", "seq", "kind", "name", "severity", "ok", "detail"),
    "review_task": ("run_id", "reason", "due_at"),
}  # fmt: skip
"""In the order that foreign keys ask for."""

_FINDINGS = 1_000  # of one run that are listed one by one
_DEPTH = 100  # of objects and lists inside each other

_Row = tuple[object, ...]
_Rows = list[_Row]


def rows_of(run: Run) -> dict[str, _Rows]:
    """Every row of a finished run, by table, in the order of `TABLES`' columns."""
    return {
        "run": [_run(run)],
        "run_payload": [_payload(run)],
        "run_step": [_step(run.id, step) for step in run.steps],
        "model_call": [_model_call(run.id, seq, call) for seq, call in enumerate(run.calls)],
        "retrieval": list(_passages(run)),
        "verdict": list(_verdicts(run)),
        "review_task": _review(run),
    }


def _run(run: Run) -> _Row:
    return (
        run.id, run.feature.name, run.feature.version, run.status, run.door, run.principal.name, run.data_class,
        run.model, run.attempt + 1, run.confidence, run.cost_usd, run.retrieval.snapshot if run.retrieval else "",
        run.failure.code if run.failure else None, run.started_at, run.duration_s, run.principal.key_id,
        _text(run.end_user), _text(run.routing),
    )  # fmt: skip


def _payload(run: Run) -> _Row:
    output = None if run.output is None else jsonb(_storable(run.output))
    evidence = jsonb(_storable([asdict(item) for item in run.evidence]))
    error = jsonb(_storable(asdict(run.failure))) if run.failure else None
    return (run.id, jsonb(_storable(run.input)), output, evidence, error, sorted(run.told))


def _step(run_id: str, step: StepRecord) -> _Row:
    return (
        run_id, step.seq, step.name, step.attempt, step.verdict, _text(step.detail), step.started_s,
        step.duration_s,
    )  # fmt: skip


def _model_call(run_id: str, seq: int, call: ModelCall) -> _Row:
    price = jsonb(price_row(call.price)) if call.price else None
    return (
        run_id, seq, call.model, call.attempt, call.usage.input_tokens, call.usage.output_tokens,
        call.usage.cached_tokens, call.cost_usd, price, call.duration_s, call.first_token_s, _text(call.error),
        _text(call.prompt), _text(call.answer), call.usage.cache_write_tokens, call.usage.reasoning_tokens,
        call.usage.is_estimated,
    )  # fmt: skip


def price_row(price: Price) -> object:
    """What a cost was computed with, as JSON without what the price does not have; money as text, so exact."""
    return _without_nothing(msgspec.to_builtins(price))


def _without_nothing(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nothing(part) for name, part in value.items() if part not in (None, [], ())}
    if isinstance(value, (list, tuple)):
        return [_without_nothing(part) for part in value]
    return value


def _passages(run: Run) -> Iterator[_Row]:
    passages = run.retrieval.passages if run.retrieval else ()
    for rank, found in enumerate(passages, start=1):
        yield (
            run.id, rank, found.knowledge_base, found.source, found.version_id, found.page, found.start, found.end,
            found.score, found.bm25, found.similarity,
        )  # fmt: skip


def _verdicts(run: Run) -> Iterator[_Row]:
    seq = 0
    for finding in run.findings[:_FINDINGS]:
        detail = f"{finding.path}[{finding.start}:{finding.end}]"
        yield (run.id, seq, "guardrail", finding.kind, "note", False, detail)
        seq += 1
    if len(run.findings) > _FINDINGS:
        yield (run.id, seq, "guardrail", "more", "note", False, f"{len(run.findings) - _FINDINGS} further findings")
        seq += 1
    for check in run.checks:
        yield (run.id, seq, "check", check.id, check.severity, check.ok, _text(check.detail))
        seq += 1


def _review(run: Run) -> _Rows:
    if run.review is None:
        return []
    return [(run.id, run.review.reason, run.started_at + timedelta(seconds=run.review.due_s))]


def _text(value: str) -> str:
    """PostgreSQL's text holds every character but NUL."""
    return value.replace("\0", "�")


def _storable(value: object, room: int = _DEPTH) -> object:
    """The same JSON without what `jsonb` refuses: NUL characters, half surrogate pairs, infinity, endless nesting.

    What is no JSON at all, which a Python program can pass, becomes its text.
    """
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, (dict, list, tuple)) and room == 0:
        return f"nested deeper than {_DEPTH}"
    if isinstance(value, dict):
        return {_storable(str(key)): _storable(item, room - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item, room - 1) for item in value]
    return _text(str(value)).encode("utf-8", "replace").decode("utf-8")
