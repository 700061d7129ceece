"""Recorded answers of many vendors: text, tool calls, finish, tokens and errors as an independent reading says."""

import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from steadyhand.errors import ProviderError
from steadyhand.providers.dialects import openai, openai_responses
from steadyhand.types.model import Completion

DIALECTS = {"/chat/completions": openai, "/responses": openai_responses}
FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool",
    "content_filter": "filter",
    "completed": "stop",
    "queued": "other",
    None: "other",
}


def oracle(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle", shared / "bench/providers/oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recordings(shared: Path, end: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((shared / "data/providers").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            case = json.loads(line)
            if case["path"].endswith(end) and case["method"] == "POST":
                yield path.stem, case


def streamed(dialect: Any, body: bytes, cuts: list[int]) -> Completion:
    stream = dialect.Stream()
    for start, end in pairwise([0, *sorted(cuts), len(body)]):
        stream.feed(body[start:end])
    completion: Completion = stream.finish()
    return completion


def read(dialect: Any, case: dict[str, Any], step: int) -> Completion | None:
    """What our dialect reads, the stream fed `step` bytes at a time; None where it raises."""
    body = case["body"].encode()
    try:
        if case["kind"] == "sse" and case["status"] < 300:
            return streamed(dialect, body, list(range(step, len(body), step)))
        completion: Completion = dialect.decode(case["status"], case["headers"], body)
    except ProviderError:
        return None
    return completion


def differences(expected: dict[str, Any], found: Completion | None) -> list[str]:
    if expected.get("error") or found is None:
        return [] if expected.get("error") and found is None else ["error"]
    tools = [[call.name, json.loads(call.arguments or "{}")] for call in found.tool_calls]
    finish = "tool" if expected["tools"] else FINISH[expected["finish"]]
    agrees = {
        "text": found.text == expected["text"],
        "tools": tools == expected["tools"],
        "finish": found.finish == finish,
        "in": found.usage.input_tokens == (expected["in"] or 0),
        "out": found.usage.output_tokens == (expected["out"] or 0),
    }
    return [name for name, is_same in agrees.items() if not is_same]


@pytest.mark.parametrize("step", [7, 1460, 10_000_000])
@pytest.mark.parametrize("path", DIALECTS)
def test_recorded_answers_are_read_as_the_oracle_reads_them(shared: Path, path: str, step: int) -> None:
    expect = oracle(shared).expect
    total: Counter[str] = Counter()
    wrong = []
    for vendor, case in recordings(shared, path):
        if (expected := expect(case)) is not None:
            total[vendor] += 1
            if found := differences(expected, read(DIALECTS[path], case, step)):
                wrong.append((vendor, case["id"], found))
    print(f"{path}: {total.total() - len(wrong)} of {total.total()} agree: {dict(total)}")
    assert total.total() > 0
    assert wrong == []


@pytest.mark.parametrize("path", DIALECTS)
def test_recorded_streams_say_the_same_wherever_they_are_cut(shared: Path, path: str) -> None:
    random = Random(20261121)
    for _, case in recordings(shared, path):
        if case["kind"] == "sse" and case["status"] < 300:
            body = case["body"].encode()
            whole = streamed(DIALECTS[path], body, [])
            for _ in range(5):
                assert streamed(DIALECTS[path], body, random.choices(range(len(body)), k=20)) == whole


def test_recorded_vectors_are_read_as_the_oracle_reads_them(shared: Path) -> None:
    expect = oracle(shared).expect
    for _, case in recordings(shared, "/embeddings"):
        expected = expect(case)
        found = openai.decode_embeddings(case["status"], case["headers"], case["body"].encode())
        assert len(found.vectors) == expected["n"]
        assert {len(vector) for vector in found.vectors} == {expected["dim"] or len(found.vectors[0])}
        assert found.model
