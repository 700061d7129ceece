"""One run as a person reads it: what happened, in the order in which it happened."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steadyhand.cli._figures import count, duration, money
from steadyhand.cli._terminal import hanging
from steadyhand.ledger.reader import RunTrace
from steadyhand.ledger.turns import Turn, asked_model, turns
from steadyhand.storage import Row
from steadyhand.types.exchange import PASSTHROUGH
from steadyhand.types.wire import plain

_LONG = 2_000  # characters of a value; `--json` has all of it


def shown(trace: RunTrace, width: int) -> str:
    """The run's head, then one block each for what there is: input, steps, calls, passages, verdicts, output.

    A gateway call has turns and an answer instead of input and output; both lie with its model calls.
    """
    run = trace.run
    answers = [call for call in trace.calls if call["answer"]] if run["feature"] == PASSTHROUGH else []
    blocks = [
        _head(trace),
        _block("asked", _asked(trace, width)),
        _block("answer", [_said("  ", call["answer"], width) for call in answers]),
        _block("input", _values(run["input"], width)),
        _block("routing", [hanging("  ", reason, width) for reason in run["routing"].split("; ") if reason]),
        _block("steps", map(_step, trace.steps)),
        _block("model calls", (line for call in trace.calls for line in _call(call, width))),
        _block("passages", map(_passage, trace.retrievals)),
        _block("verdicts", map(_verdict, trace.verdicts)),
        _block("output", _values(run["output"] or {}, width)),
        _block(
            "evidence", (_evidence(number, item, width) for number, item in enumerate(run["evidence"], start=1))
        ),
        _block("error", _values({name: said for name, said in (run["error"] or {}).items() if said}, width)),
        _block("review", [_review(trace.review)] if trace.review else []),
    ]
    return "\n\n".join(block for block in blocks if block)


def _head(trace: RunTrace) -> str:
    run = trace.run
    by = f"by {run['model']}" if run["model"] else "without a model"
    confidence = "" if run["confidence"] is None else f"   confidence {run['confidence']:.2f}"
    caller = f"{run['principal']} ({run['door']})" + (f" for {run['end_user']}" if run["end_user"] else "")
    return (
        f"run {run['id']}   {_what(trace)}\n"
        f"{run['status']} {by}   {duration(run['duration_s'])}   {money(run['cost_usd'])}{confidence}\n"
        f"{run['started_at']:%Y-%m-%d %H:%M:%S} UTC   {caller}   {run['data_class']}"
        f"{_knowledge(run)}"
    )


def _what(trace: RunTrace) -> str:
    run = trace.run
    if run["feature"] != PASSTHROUGH:
        return f"{run['feature']} {run['feature_version']}"
    name = asked_model(trace.calls[0]["prompt"]) if trace.calls else ""
    return f"gateway call for {name}" if name else "gateway call"


def _knowledge(run: Row) -> str:
    if run["feature"] == PASSTHROUGH:
        return ""
    return f"   {run['snapshot'] or 'no knowledge base'}"


def _asked(trace: RunTrace, width: int) -> list[str]:
    """The turns of a gateway call, which are the same in each of its attempts."""
    if trace.run["feature"] != PASSTHROUGH or not trace.calls:
        return []
    prompt = trace.calls[0]["prompt"]
    said = turns(prompt) or (Turn("text", prompt),)
    longest = max(len(turn.speaker) for turn in said)
    return [_said(f"  {turn.speaker.ljust(longest)}  ", turn.text, width) for turn in said]


def _block(title: str, lines: Iterable[str]) -> str:
    found = list(lines)
    return "\n".join([title, *found]) if found else ""


def _values(values: Mapping[str, Any], width: int) -> list[str]:
    longest = max(map(len, values), default=0)
    return [hanging(f"  {name.ljust(longest)}  ", _text(value), width) for name, value in values.items()]


def _text(value: object) -> str:
    return _clipped(value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False))


def _said(label: str, text: str, width: int) -> str:
    """The text with its line ends, all of it under the label."""
    indent = " " * len(label)
    lines = _clipped(text).splitlines() or [""]
    return "\n".join(hanging(indent if at else label, line, width) for at, line in enumerate(lines))


def _clipped(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({count(len(text), 'character')})"


def _step(step: Row) -> str:
    again = f" (attempt {step['attempt'] + 1})" if step["attempt"] else ""
    said = f"   {step['detail']}" if step["detail"] else ""
    return f"  {step['name'] + again:<16}{duration(step['duration_s']):>8}   {step['verdict']}{said}".rstrip()


def _call(call: Row, width: int) -> Iterator[str]:
    first = "" if call["first_token_s"] is None else f", the first token after {duration(call['first_token_s'])}"
    took = f"{duration(call['duration_s'])}{first}"
    yield f"  {call['model']}   {took}   {_tokens(call)}   {money(call['cost_usd'])}"
    if call["error"]:
        yield hanging("    ", call["error"], width)


def _tokens(call: Row) -> str:
    """What was read and written, with the parts that have prices of their own."""
    read = _parts((call["cached_tokens"], "cached"), (call["cache_write_tokens"], "written to the cache"))
    written = _parts((call["reasoning_tokens"], "reasoning"))
    guessed = ", estimated" if call["is_estimated"] else ""
    return f"{call['input_tokens']:,} in{read}, {call['output_tokens']:,} out{written}{guessed}"


def _parts(*parts: tuple[int, str]) -> str:
    said = ", ".join(f"{tokens:,} {kind}" for tokens, kind in parts if tokens)
    return f" ({said})" if said else ""


def _passage(passage: Row) -> str:
    return f"  {passage['rank']:>3}  {passage['score']:.2f}  {passage['source']}, page {passage['page']}"


def _verdict(verdict: Row) -> str:
    ended = "ok" if verdict["ok"] else verdict["severity"]
    said = f"   {verdict['detail']}" if verdict["detail"] else ""
    return f"  {ended:<7} {verdict['kind']} {verdict['name']}{said}"


def _evidence(number: int, evidence: Row, width: int) -> str:
    is_due = ", which was due to be looked at again" if evidence.get("is_stale") else ""
    place = f"  [{number}] {evidence['source']}, page {evidence['page']}{is_due}: "
    return hanging(place, f'"{evidence["quote"]}"', width)


def _review(review: Row) -> str:
    ended = f"decided {review['decided_at']:%Y-%m-%d %H:%M}" if review["decided_at"] else "waits for a person"
    return f"  {ended}: {review['reason']}   due {review['due_at']:%Y-%m-%d %H:%M} UTC"
