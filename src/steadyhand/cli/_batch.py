"""A feature over a file of inputs. Interrupted at any moment, it goes on where it stopped.

An answer is one line of the output file, written as soon as its run is recorded. It belongs to an input by the
input's line number and a hash of its text.
"""

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from steadyhand.cli._terminal import Advance
from steadyhand.errors import InvalidInput, NotFound, UsageError
from steadyhand.types.json import JsonObject
from steadyhand.types.run import GOOD_ENDINGS, Answer
from steadyhand.types.wire import answer_json


@dataclass(frozen=True, slots=True)
class Files:
    inputs: Path
    out: Path


@dataclass(frozen=True, slots=True)
class Tally:
    """`statuses` counts how the runs of this time ended; `resumed` had their answer from before."""

    total: int
    resumed: int
    statuses: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Input:
    """`line` counts from 1; `key` is 16 hexadecimal digits of the SHA-256 of the line's text."""

    line: int
    key: str
    text: str


async def run(
    files: Files, ask: Callable[[JsonObject], Awaitable[Answer]], workers: int, advance: Advance
) -> Tally:
    """Have every input answered that has no answer yet, `workers` at a time.

    Raises `NotFound` for missing inputs, and `UsageError` when the output file holds something else.
    """
    if not files.inputs.is_file():
        raise NotFound(
            f"expected a file with one JSON object per line; {files.inputs} is none", hint="check --batch"
        )
    total = sum(1 for _ in _inputs(files.inputs))
    settled = _resume(files)
    waiting = (item for item in _inputs(files.inputs) if (item.line, item.key) not in settled)
    statuses: Counter[str] = Counter()
    with files.out.open("ab") as out:

        async def work() -> None:
            for item in waiting:
                row = await _row(item, ask)
                _append(out, row)
                statuses[str(row["status"])] += 1
                advance(len(settled) + statuses.total(), total, "")

        advance(len(settled), total, "")
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
    return Tally(total, len(settled), dict(statuses))


async def _row(item: _Input, ask: Callable[[JsonObject], Awaitable[Answer]]) -> JsonObject:
    head: JsonObject = {"line": item.line, "input_sha256": item.key}
    try:
        values = json.loads(item.text)
    except ValueError as error:
        return {**head, **_refusal(f"line {item.line}: expected JSON; {error}")}
    if not isinstance(values, dict):
        return {**head, **_refusal(f"line {item.line}: expected a JSON object; found {type(values).__name__}")}
    return {**head, **answer_json(await ask(values))}


def _refusal(message: str) -> JsonObject:
    return {"status": "refused", "error": {"code": InvalidInput.code, "message": message, "hint": ""}}


def _inputs(path: Path) -> Iterator[_Input]:
    """The lines that hold something."""
    with path.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            text = raw.decode("utf-8", "replace").strip()
            if text:
                yield _Input(line, hashlib.sha256(text.encode()).hexdigest()[:16], text)


def _append(out: IO[bytes], row: JsonObject) -> None:
    out.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    out.flush()


def _resume(files: Files) -> set[tuple[int, str]]:
    """Which inputs have an answer. Drops from the output what failed, is of another input, or was half written."""
    if not files.out.exists():
        return set()
    kept, dropped = _sorted_out(files)
    if dropped:
        fresh = files.out.with_name(f"{files.out.name}.{os.getpid()}")
        fresh.write_bytes(b"".join(kept.values()))
        fresh.replace(files.out)
    return set(kept)


def _sorted_out(files: Files) -> tuple[dict[tuple[int, str], bytes], int]:
    """The rows to keep, by input, and how many there are beside them. Raises `UsageError` when no row is ours."""
    wanted = {(item.line, item.key) for item in _inputs(files.inputs)}
    kept: dict[tuple[int, str], bytes] = {}
    whole = known = total = 0
    with files.out.open("rb") as file:
        for total, raw in enumerate(file, start=1):  # noqa: B007 - counted
            key, status = _read_row(raw)
            whole += raw.endswith(b"\n")
            known += key in wanted
            if key in wanted and status in GOOD_ENDINGS:
                kept[key] = raw
    if whole and not known:
        raise UsageError(
            f"expected answers to {files.inputs} in {files.out}; it holds something else",
            hint="give another --out, or remove that file",
        )
    return kept, total - len(kept)


def _read_row(raw: bytes) -> tuple[tuple[int, str], str]:
    """The input a row belongs to and how its run ended; a row that is not whole belongs to none."""
    try:
        row = json.loads(raw)
        return (int(row["line"]), str(row["input_sha256"])), str(row["status"]) if raw.endswith(b"\n") else ""
    except (ValueError, TypeError, KeyError):
        return (0, ""), ""
