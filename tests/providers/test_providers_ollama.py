"""Ollama's own dialect as pure translation. Answers are written after the vendor's API reference."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.errors import (
    ParameterRefused,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
)
from steadyhand.providers.dialects import ollama
from steadyhand.types.ids import ModelId
from steadyhand.types.json import Json, JsonSchema
from steadyhand.types.message import (
    Media,
    Message,
    Reasoning,
    ReasoningDelta,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
)
from steadyhand.types.model import Completion, CompletionRequest, EmbeddingRequest, Model, Provider, Usage
from steadyhand.types.text import Segment

SCHEMA: JsonSchema = {"type": "object", "properties": {"a": {"type": "string"}}}
PNG = Media("image/png", data="aGk=")
COUNTS = {"prompt_eval_count": 26, "eval_count": 298, "total_duration": 4883583458}


def model(name: str = "qwen3:8b") -> Model:
    provider = Provider(
        name="ollama", dialect="ollama", base_url="http://127.0.0.1:11434", place="local", clearance="restricted"
    )
    return Model(id=ModelId(f"ollama:{name}"), provider=provider, name=name, price=None, context_tokens=None)


def said(text: str) -> Segment:
    return Segment(text, "caller", "untrusted", "public")


def body_of(
    *messages: Message, to: Model | None = None, avoid: frozenset[str] = frozenset(), **fields: Any
) -> dict[str, Any]:
    asked = messages or (Message("user", (said("hello"),)),)
    request = CompletionRequest(messages=asked, timeout_s=1, **fields)
    wire = ollama.encode(request, to or model(), is_streamed=True, avoid=avoid)
    assert wire.path == "/api/chat"
    body: dict[str, Any] = json.loads(wire.body)
    return body


def line(message: Json = None, **more: Json) -> bytes:
    fields = {"model": "qwen3:8b", "created_at": "2026-11-21T08:52:19.385406Z", "done": False, **more}
    return json.dumps(fields | ({"message": message} if message is not None else {})).encode() + b"\n"


def last(reason: str = "stop", **more: Json) -> bytes:
    return line({"role": "assistant", "content": ""}, done=True, done_reason=reason, **{**COUNTS, **more})


def read(stream: bytes) -> Completion:
    decoder = ollama.Stream()
    decoder.feed(stream)
    return decoder.finish()


def test_a_request_says_the_options_and_wants_no_prompt_cut_unsaid() -> None:
    body = body_of(top_p=0.5, seed=7, stop=("x",), extra={"options": {"num_ctx": 8192}, "keep_alive": "5m"})
    assert body["messages"] == [{"role": "user", "content": "hello"}]
    assert body["options"] == {
        "num_predict": 2048, "temperature": 0.0, "top_p": 0.5, "seed": 7, "stop": ["x"], "num_ctx": 8192,
    }  # fmt: skip
    assert (body["stream"], body["truncate"], body["shift"], body["keep_alive"]) == (True, False, False, "5m")
    assert "options" not in body_of(max_output_tokens=None, temperature=None)


def test_a_schema_is_the_format_and_any_object_is_json() -> None:
    assert body_of(output_schema=SCHEMA)["format"] == SCHEMA
    assert body_of(is_json=True)["format"] == "json"
    assert "format" not in body_of()


@pytest.mark.parametrize(
    ("name", "effort", "expected"),
    [
        ("qwen3:8b", "high", True),
        ("qwen3:8b", "none", False),
        ("gpt-oss:20b", "minimal", "low"),
        ("qwen3:8b", "", None),
    ],
)
def test_how_long_to_think_is_yes_or_no_but_for_gpt_oss(name: str, effort: str, expected: Json) -> None:
    assert body_of(to=model(name), effort=effort).get("think") == expected
    assert "think" not in body_of(to=model(name), effort=effort, avoid=frozenset({"think"}))


def test_a_conversation_with_tools_and_images_has_a_turn_for_every_result() -> None:
    call = ToolCall("c1", "find", '{"q": 1}')
    body = body_of(
        Message("system", (said("Be brief."),)),
        Message("user", (said("What is this?"), PNG)),
        Message("assistant", (Reasoning("hm", {"thinking": True}), Reasoning("no", {"signature": "s"}), call)),
        Message("user", (ToolResult("c1", (said("a cat"),), name="find"), said("Go on."))),
        Message("assistant", (said("It is"),)),
        tools=(Tool("find", "Finds.", SCHEMA),),
    )
    arguments = {"name": "find", "arguments": {"q": 1}}
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is this?", "images": ["aGk="]},
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [{"id": "c1", "function": arguments}]},
        {"role": "tool", "content": "a cat", "tool_call_id": "c1", "tool_name": "find"},
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": "It is"},
    ]
    declared = {"name": "find", "description": "Finds.", "parameters": SCHEMA}
    assert body["tools"] == [{"type": "function", "function": declared}]


def test_tools_are_not_offered_when_none_may_be_called_and_broken_arguments_go_back_as_they_are() -> None:
    assert "tools" not in body_of(tools=(Tool("f", "", SCHEMA),), tool_choice=ToolChoice("none"))
    failed = ToolResult("c", (said("down"),), is_error=True)
    first, second = body_of(Message("assistant", (ToolCall("c", "f", "{"),)), Message("user", (failed,)))[
        "messages"
    ]
    assert first["tool_calls"][0]["function"]["arguments"] == {"arguments": "{"}
    assert second["content"] == "Error: down"


@pytest.mark.parametrize("media", [Media("image/*", url="https://h/x.png"), Media("application/pdf", data="aGk=")])
def test_what_ollama_cannot_look_at_is_refused_before_it_is_sent(media: Media) -> None:
    with pytest.raises(ProviderRefused, match="images with their data") as refused:
        body_of(Message("user", (media,)))
    assert refused.value.hint


def test_a_stream_tells_text_thoughts_and_calls_as_they_come() -> None:
    call = {"function": {"name": "find", "arguments": {"q": [1]}}}
    stream = ollama.Stream()
    heard = stream.feed(
        line({"role": "assistant", "content": "", "thinking": "hm"})
        + line({"role": "assistant", "content": "Hi"})
        + line({"role": "assistant", "content": "", "tool_calls": [call, {"id": "own", **call}]})
    )
    made = "call_20261121085219385406_0"
    assert heard == [
        ReasoningDelta("hm"),
        TextDelta("Hi"),
        ToolCallDelta(0, made, "find", '{"q":[1]}'),
        ToolCallDelta(1, "own", "find", '{"q":[1]}'),
    ]
    assert not stream.is_done
    assert stream.feed(last()) == []
    assert stream.is_done
    found = stream.finish()
    assert (found.text, found.finish, found.model) == ("Hi", "tool", "qwen3:8b")
    assert found.usage == Usage(input_tokens=26, output_tokens=298)
    assert [call.id for call in found.tool_calls] == [made, "own"]
    assert found.reasoning == (Reasoning("hm", {"thinking": True}),)
    assert found.extra["total_duration"] == 4883583458


def test_a_whole_answer_is_one_object_and_lines_are_taken_as_well() -> None:
    whole = line({"role": "assistant", "content": "Hi"}, done=True, done_reason="length", **COUNTS)
    assert (ollama.decode(200, {}, whole).text, ollama.decode(200, {}, whole).finish) == ("Hi", "length")
    assert ollama.decode(200, {}, line({"content": "a"}) + line({"content": "b"}) + last()).text == "ab"
    assert ollama.decode(200, {}, last("unload")).finish == "other"
    uncounted = line({"content": "a"}, done=True)
    assert ollama.decode(200, {}, uncounted).usage == Usage()


@given(cuts=st.lists(st.integers(0, 700)), text=st.text(max_size=30))
def test_a_stream_cut_anywhere_is_the_same_stream(cuts: list[int], text: str) -> None:
    whole = line({"content": "", "thinking": text}) + line({"content": text}) + line({"content": "ü👋"}) + last()
    stream = ollama.Stream()
    bounds = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    heard = [delta for a, b in pairwise(bounds) for delta in stream.feed(whole[a:b])]
    assert stream.finish().text == text + "ü👋" == "".join(d.text for d in heard if isinstance(d, TextDelta))


@given(length=st.integers(0, 600))
def test_a_stream_that_breaks_off_is_never_an_answer(length: int) -> None:
    whole = (line({"content": "one "}) + line({"content": "two"}) + last()).rstrip()
    with pytest.raises(ProviderUnavailable, match="broke off"):
        read(whole[: min(length, len(whole) - 1)])


def test_an_error_inside_a_stream_is_raised() -> None:
    with pytest.raises(ProviderUnavailable, match="unexpected EOF"):
        read(line({"content": "a"}) + b'{"error": "llama runner: unexpected EOF"}\n')


def test_errors_say_what_the_server_said() -> None:
    body = json.dumps({"error": 'model "nope" not found, try pulling it first'}).encode()
    with pytest.raises(ProviderRefused, match="try pulling it"):
        ollama.decode(404, {}, body)
    with pytest.raises(ParameterRefused) as refused:
        ollama.decode(400, {}, b'{"error": "\\"llama3.2:3b\\" does not support thinking"}')
    assert (refused.value.parameter, refused.value.vendor_status) == ("think", 400)
    with pytest.raises(ProviderRateLimited):
        ollama.decode(429, {}, b"slow down")


def test_embeddings_and_the_list_of_models() -> None:
    request = EmbeddingRequest(("a", "b"), timeout_s=1, dimensions=2)
    wire = ollama.encode_embeddings(request, model("nomic-embed-text"))
    assert wire.path == "/api/embed"
    assert json.loads(wire.body) == {
        "model": "nomic-embed-text", "input": ["a", "b"], "truncate": False, "dimensions": 2,
    }  # fmt: skip
    body = b'{"model": "m", "embeddings": [[1, 2], [3.5, 4]], "prompt_eval_count": 8}'
    found = ollama.decode_embeddings(200, {}, body)
    assert (found.vectors, found.usage.input_tokens, found.model) == (((1.0, 2.0), (3.5, 4.0)), 8, "m")
    tags = b'{"models": [{"name": "llama3.2:latest", "size": 1}]}'
    assert ollama.decode_listing(200, {}, tags) == ("llama3.2:latest",)
    for junk in (b"{}", b"[]", b""):
        with pytest.raises(ProviderProtocol):
            ollama.decode_embeddings(200, {}, junk)
        with pytest.raises(ProviderProtocol):
            ollama.decode_listing(200, {}, junk)
