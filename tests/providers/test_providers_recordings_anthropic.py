"""Recorded answers of Anthropic: read as an independent reading of them says, and as the vendor's package reads them."""

import importlib.util
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from anthropic.types.beta import BetaMessage

from steadyhand.errors import ProviderError
from steadyhand.providers.dialects import anthropic
from steadyhand.types.message import TextDelta
from steadyhand.types.model import Completion

FINISH = {"end_turn": "stop", "tool_use": "tool"}


def oracle(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle", shared / "bench/providers/oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recordings(shared: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    expect = oracle(shared).expect
    for line in (shared / "data/providers/anthropic.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        if case["path"].endswith("/v1/messages") and (expected := expect(case)):
            yield case, expected


def streamed(body: bytes, cuts: list[int]) -> tuple[Completion, list[Any]]:
    stream = anthropic.Stream()
    deltas = [
        delta for start, end in pairwise([0, *sorted(cuts), len(body)]) for delta in stream.feed(body[start:end])
    ]
    return stream.finish(), deltas


def read(case: dict[str, Any], step: int) -> Completion | None:
    """What our dialect reads, the stream fed `step` bytes at a time; None where it raises."""
    body = case["body"].encode()
    try:
        if case["kind"] != "sse":
            return anthropic.decode(case["status"], case["headers"], body)
        return streamed(body, list(range(step, len(body), step)))[0]
    except ProviderError:
        return None


def agrees(expected: dict[str, Any], found: Completion | None) -> bool:
    if expected.get("error") or found is None:
        return bool(expected.get("error")) and found is None
    usage = found.usage
    fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    return (
        found.text == expected["text"]
        and [[call.name, json.loads(call.arguments)] for call in found.tool_calls] == expected["tools"]
        and (fresh, usage.output_tokens) == (expected["in"], expected["out"])
        and found.finish == FINISH[expected["finish"]]
    )


@pytest.mark.parametrize("step", [7, 1460, 10_000_000])
def test_recorded_answers_are_read_as_the_oracle_reads_them(shared: Path, step: int) -> None:
    cases = list(recordings(shared))
    wrong = [(case["id"], expected) for case, expected in cases if not agrees(expected, read(case, step))]
    print(f"{len(cases) - len(wrong)} of {len(cases)} agree")
    assert len(cases) > 100
    assert wrong == []


def test_a_recorded_stream_reads_the_same_wherever_it_is_cut(shared: Path) -> None:
    random = Random(3)
    for case in [case for case, _ in recordings(shared) if case["kind"] == "sse"]:
        body = case["body"].encode()
        whole, _ = streamed(body, [])
        for _ in range(20):
            cut, deltas = streamed(body, random.choices(range(len(body)), k=random.randrange(40)))
            assert cut == whole
            assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == whole.text


def test_thoughts_and_caches_are_read_as_the_vendors_package_reads_them(shared: Path) -> None:
    thoughts = 0
    for case in [case for case, _ in recordings(shared) if case["kind"] == "json" and case["status"] == 200]:
        theirs = BetaMessage.construct(**json.loads(case["body"]))
        ours = anthropic.decode(200, {}, case["body"].encode())
        signed = [block.signature for block in theirs.content if block.type == "thinking"]
        hidden = [block.data for block in theirs.content if block.type == "redacted_thinking"]
        assert [
            thought.opaque["signature"] for thought in ours.reasoning if "signature" in thought.opaque
        ] == signed
        assert [thought.opaque["data"] for thought in ours.reasoning if "data" in thought.opaque] == hidden
        assert ours.usage.cached_tokens == (theirs.usage.cache_read_input_tokens or 0)
        assert ours.usage.cache_write_tokens == (theirs.usage.cache_creation_input_tokens or 0)
        assert (ours.id, ours.model) == (theirs.id, theirs.model)
        thoughts += len(signed) + len(hidden)
    assert thoughts > 0
