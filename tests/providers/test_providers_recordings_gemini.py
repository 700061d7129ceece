"""Recorded answers of Gemini API and Vertex AI: read as an independent reading and the vendor's package read them."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.genai import types

from steadyhand.errors import ProviderError
from steadyhand.providers.dialects import gemini
from steadyhand.types.model import Completion


def oracle(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle", shared / "bench/providers/oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recordings(shared: Path, part_of_path: str) -> Iterator[dict[str, Any]]:
    for vendor in ("gemini", "vertex"):
        path = shared / f"data/providers/{vendor}.jsonl"
        if not path.is_file():
            pytest.skip(f"the recordings of {vendor} are not here")
        for line in path.read_text("utf-8").splitlines():
            case = json.loads(line)
            if part_of_path in case["path"]:
                yield case


def read(case: dict[str, Any], step: int) -> Completion | None:
    """What our dialect reads, the stream fed `step` bytes at a time; None where it raises."""
    body = case["body"].encode()
    try:
        if case["kind"] != "sse":
            return gemini.decode(case["status"], case["headers"], body)
        stream = gemini.Stream()
        for start in range(0, len(body), step):
            stream.feed(body[start : start + step])
        return stream.finish()
    except ProviderError:
        return None


def tokens_of_tools(found: Completion) -> int:
    """What the vendor's own tools put into the prompt: billed as input, counted beside it."""
    counts = found.extra.get("usageMetadata")
    told = counts.get("toolUsePromptTokenCount", 0) if isinstance(counts, dict) else 0
    assert isinstance(told, int)
    return told


def agrees(expected: dict[str, Any], found: Completion | None) -> bool:
    if expected.get("error") or found is None:
        return bool(expected.get("error")) and found is None
    calls = [[call.name, json.loads(call.arguments)] for call in found.tool_calls]
    counted = (found.usage.input_tokens - tokens_of_tools(found), found.usage.output_tokens)
    return (
        found.text == expected["text"]
        and calls == expected["tools"]
        and counted == (expected["in"] or 0, expected["out"] or 0)
    )


@pytest.mark.parametrize("step", [7, 1460, 10_000_000])
def test_recorded_answers_are_read_as_the_oracle_reads_them(shared: Path, step: int) -> None:
    expect = oracle(shared).expect
    cases = [(case, expected) for case in recordings(shared, "enerateContent") if (expected := expect(case))]
    wrong = [(case["id"], expected) for case, expected in cases if not agrees(expected, read(case, step))]
    print(f"{len(cases) - len(wrong)} of {len(cases)} agree")
    assert len(cases) > 100
    assert wrong == []


def test_calls_thoughts_and_signatures_are_those_the_vendors_package_finds(shared: Path) -> None:
    compared = 0
    for case in recordings(shared, "enerateContent"):
        found = read(case, 10_000_000)
        if found is None or case["kind"] == "sse":
            continue
        body = json.loads(case["body"])
        del body["usageMetadata"]  # holds fields newer than the package
        theirs = types.GenerateContentResponse.model_validate(body)
        assert theirs.candidates
        content = theirs.candidates[0].content
        assert content is not None
        parts = body["candidates"][0]["content"].get("parts") or []
        signatures = [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]
        kept = json.dumps([dict(each.opaque) for each in (*found.tool_calls, *found.reasoning)])
        assert all(json.dumps(signature) in kept for signature in signatures)
        thoughts = "".join(part.text or "" for part in content.parts or () if part.thought)
        assert "".join(each.text for each in found.reasoning) == thoughts
        calls = [part.function_call for part in content.parts or () if part.function_call]
        assert [call.name for call in calls] == [call.name for call in found.tool_calls]
        assert all(not call.id or call.id == own.id for call, own in zip(calls, found.tool_calls, strict=True))
        assert (found.model, found.id) == (theirs.model_version, theirs.response_id)
        compared += 1
    assert compared > 100


def test_recorded_embeddings_are_read_and_their_errors_raised(shared: Path) -> None:
    expect = oracle(shared).expect
    for case in recordings(shared, "batchEmbedContents"):
        expected, body = expect(case), case["body"].encode()
        if expected.get("error"):
            with pytest.raises(ProviderError):
                gemini.decode_embeddings(case["status"], case["headers"], body)
            continue
        vectors = gemini.decode_embeddings(case["status"], case["headers"], body).vectors
        assert [len(vector) for vector in vectors] == [len(e["values"]) for e in json.loads(body)["embeddings"]]
