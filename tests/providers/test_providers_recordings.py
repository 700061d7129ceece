"""Recorded answers of many vendors: text, finish and tokens are read as an independent reading of them says."""

import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from steadyhand.errors import ProviderError
from steadyhand.providers.dialects import openai
from steadyhand.types.model import Completion

FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool", "content_filter": "filter"}


def oracle(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle", shared / "bench/providers/oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recordings(shared: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((shared / "data/providers").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            case = json.loads(line)
            if case["path"].endswith("/chat/completions"):
                yield path.stem, case


def read(case: dict[str, Any], step: int) -> Completion | None:
    """What our dialect reads, the stream fed `step` bytes at a time; None where it raises."""
    body = case["body"].encode()
    try:
        if case["kind"] != "sse":
            return openai.decode(case["status"], case["headers"], body)
        stream = openai.Stream()
        for start in range(0, len(body), step):
            stream.feed(body[start : start + step])
        return stream.finish()
    except ProviderError:
        return None


def agrees(expected: dict[str, Any], found: Completion | None) -> bool:
    if expected.get("error") or found is None:
        return bool(expected.get("error")) and found is None
    counted = (expected["in"] or 0, expected["out"] or 0)
    return (
        found.text == expected["text"]
        and found.finish == FINISH[expected["finish"]]
        and (found.usage.input_tokens, found.usage.output_tokens) == counted
    )


@pytest.mark.parametrize("step", [7, 1460, 1_000_000])
def test_recorded_answers_are_read_as_the_oracle_reads_them(shared: Path, step: int) -> None:
    expect = oracle(shared).expect
    total: Counter[str] = Counter()
    wrong = []
    for vendor, case in recordings(shared):
        expected = expect(case)
        if expected is not None:
            total[vendor] += 1
            if not agrees(expected, read(case, step)):
                wrong.append((vendor, case["id"], expected))
    print(f"{total.total() - len(wrong)} of {total.total()} agree: {dict(total)}")
    assert total.total() > 0
    assert wrong == []
