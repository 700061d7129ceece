"""One run as a person reads it: what happened, in the order in which it happened."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from steadyhand.cli._figures import count, duration, money
from steadyhand.cli._terminal import hanging
from steadyhand.ledger.reader import RunTrace
from steadyhand.storage import Row
from steadyhand.types.wire import plain

_LONG = 2_000  # characters of a value; `--json` has all of it


def shown(trace: RunTrace, width: int) -> str:
    """The run's head, then one block each for what there is: input, steps, calls, passages, verdicts, output."""
    run = trace.run
    blocks = [
        _head(run),
        _block("input", _values(run["input"], width)),
        _block("steps", map(_step, trace.steps)),
        _block("model calls", map(_call, trace.calls)),
        _block("passages", map(_passage, trace.retrievals)),
        _block("verdicts", map(_verdict, trace.verdicts)),
        _block("output", _values(run["output"] or {}, width)),
        _block(
            "evidence", (_evidence(number, item, width) for number, item in enumerate(run["evidence"], start=1))
        ),
        _block("error", _values(run["error"] or {}, width)),
        _block("review", [_review(trace.review)] if trace.review else []),
    ]
    return "\n\n".join(block for block in blocks if block)


def _head(run: Row) -> str:
    model = run["model"] or "no model"
    confidence = "" if run["confidence"] is None else f"   confidence {run['confidence']:.2f}"
    return (
        f"run {run['id']}   {run['feature']} {run['feature_version']}\n"
        f"{run['status']} by {model}   {duration(run['duration_s'])}   {money(run['cost_usd'])}"
        f"{confidence}\n"
        f"{run['started_at']:%Y-%m-%d %H:%M:%S} UTC   {run['principal']} ({run['door']})   {run['data_class']}"
        f"   {run['snapshot'] or 'no knowledge base'}"
    )


def _block(title: str, lines: Iterable[str]) -> str:
    found = list(lines)
    return "\n".join([title, *found]) if found else ""


def _values(values: Mapping[str, Any], width: int) -> list[str]:
    longest = max(map(len, values), default=0)
    return [hanging(f"  {name.ljust(longest)}  ", _text(value), width) for name, value in values.items()]


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({count(len(text), 'character')})"


def _step(step: Row) -> str:
    again = f" (attempt {step['attempt'] + 1})" if step["attempt"] else ""
    said = f"   {step['detail']}" if step["detail"] else ""
    return f"  {step['name'] + again:<16}{duration(step['duration_s']):>8}   {step['verdict']}{said}".rstrip()


def _call(call: Row) -> str:
    tokens = f"{call['input_tokens']:,} in, {call['output_tokens']:,} out"
    ended = f"   {call['error']}" if call["error"] else ""
    return f"  {call['model']}   {duration(call['duration_s'])}   {tokens}   {money(call['cost_usd'])}{ended}"


def _passage(passage: Row) -> str:
    return f"  {passage['rank']:>3}  {passage['score']:.2f}  {passage['source']}, page {passage['page']}"


def _verdict(verdict: Row) -> str:
    ended = "ok" if verdict["ok"] else verdict["severity"]
    said = f"   {verdict['detail']}" if verdict["detail"] else ""
    return f"  {ended:<7} {verdict['kind']} {verdict['name']}{said}"


def _evidence(number: int, evidence: Row, width: int) -> str:
    place = f"  [{number}] {evidence['source']}, page {evidence['page']}: "
    return hanging(place, f'"{evidence["quote"]}"', width)


def _review(review: Row) -> str:
    ended = f"decided {review['decided_at']:%Y-%m-%d %H:%M}" if review["decided_at"] else "waits for a person"
    return f"  {ended}: {review['reason']}   due {review['due_at']:%Y-%m-%d %H:%M} UTC"
