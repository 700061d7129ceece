"""Recorded answers of Amazon Bedrock: read as an independent reading says, and framed as the vendor's package frames."""

import importlib.util
import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer

from steadyhand.errors import ProviderError
from steadyhand.providers.dialects import bedrock
from steadyhand.providers.dialects._bedrock.events import Messages
from steadyhand.types.model import Completion, Embeddings

FINISH = {"end_turn": "stop", "tool_use": "tool", "max_tokens": "length"}


def oracle(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle", shared / "bench/providers/oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recordings(shared: Path, *ends: str) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    expect = oracle(shared).expect
    for line in (shared / "data/providers/bedrock.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        if case["path"].endswith(ends):
            yield case, expect(case)


def streams(shared: Path) -> list[bytes]:
    return [b64decode(case["body_b64"]) for case, _ in recordings(shared, "/converse-stream") if "body_b64" in case]


def streamed(body: bytes, step: int) -> Completion:
    stream = bedrock.Stream()
    for start in range(0, len(body), step):
        stream.feed(body[start : start + step])
    return stream.finish()


def read(case: dict[str, Any], step: int) -> Completion | None:
    """What our dialect reads, the stream fed `step` bytes at a time; None where it raises."""
    try:
        if case["kind"] == "eventstream":
            return streamed(b64decode(case["body_b64"]), step)
        return bedrock.decode(case["status"], case["headers"], case["body"].encode())
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
    cases = [(case, expected) for case, expected in recordings(shared, "/converse", "/converse-stream") if expected]
    wrong = [(case["id"], expected) for case, expected in cases if not agrees(expected, read(case, step))]
    print(f"{len(cases) - len(wrong)} of {len(cases)} agree")
    assert len(cases) > 50
    assert wrong == []


def test_recorded_vectors_are_read_whole(shared: Path) -> None:
    read = 0
    for case, expected in recordings(shared, "/invoke"):
        if "cohere" in case["path"] or "titan" in case["path"]:
            found: Embeddings = bedrock.decode_embeddings(case["status"], case["headers"], case["body"].encode())
            wanted = expected or {"n": 1, "dim": None}
            assert len(found.vectors) == wanted["n"]
            assert wanted["dim"] in (None, len(found.vectors[0]))
            read += 1
    assert read > 5


def test_recorded_streams_read_the_same_wherever_they_are_cut(shared: Path) -> None:
    random = Random(3)
    for body in streams(shared):
        whole = bedrock.Stream()
        whole.feed(body)
        for _ in range(20):
            stream, rest = bedrock.Stream(), body
            while rest:
                cut = random.randrange(1, 400)
                stream.feed(rest[:cut])
                rest = rest[cut:]
            assert stream.finish() == whole.finish()


def test_recorded_messages_are_framed_as_the_vendors_package_frames_them(shared: Path) -> None:
    for body in streams(shared):
        theirs = EventStreamBuffer()
        theirs.add_data(body)
        ours = [(dict(message.headers), message.payload) for message in Messages().feed(body)]
        assert ours == [(event.headers, event.payload) for event in theirs]
