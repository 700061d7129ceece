"""The Bedrock dialect as pure translation: what is sent, what is read, and what is refused."""

import json
from base64 import b64decode
from struct import pack
from typing import Any
from zlib import crc32

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.errors import (
    ParameterRefused,
    ProviderError,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from steadyhand.providers.dialects import bedrock
from steadyhand.types.ids import ModelId
from steadyhand.types.json import JsonSchema
from steadyhand.types.message import (
    Media,
    Message,
    Part,
    Reasoning,
    Role,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
)
from steadyhand.types.model import Completion, CompletionRequest, EmbeddingRequest, Model, Provider, Usage
from steadyhand.types.text import Segment

SCHEMA: JsonSchema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
WEATHER = Tool("weather", "The weather of a city.", {"properties": {"city": {"type": "string"}}})
TIME = Tool("time", "", {})
CALL = ToolCall("call_1", "weather", '{"city": "Bern"}')
PROVIDER = Provider(name="p", dialect="bedrock", base_url="http://h", place="us", clearance="public")
VENDORS = botocore.session.get_session().get_service_model("bedrock-runtime")


def text(value: str) -> Segment:
    return Segment(value, "caller", "untrusted", "public")


def said(role: Role, *parts: Part | str) -> Message:
    return Message(role, tuple(text(part) if isinstance(part, str) else part for part in parts))


def model(name: str = "us.anthropic.claude-sonnet-4-5-v1:0") -> Model:
    return Model(id=ModelId("p:m"), provider=PROVIDER, name=name, price=None, context_tokens=None)


def sent(
    *messages: Message, to: str = model().name, avoid: frozenset[str] = frozenset(), **fields: Any
) -> dict[str, Any]:
    """The body, which has to fit the vendor's own description of its API."""
    request = CompletionRequest(messages=messages or (said("user", "Hello"),), timeout_s=1, **fields)
    wire = bedrock.encode(request, model(to), is_streamed=False, avoid=avoid)
    body: dict[str, Any] = json.loads(wire.body)
    shape = VENDORS.operation_model("Converse").input_shape
    faults = ParamValidator().validate({"modelId": to, **raw(body)}, shape)
    assert not faults.has_errors(), faults.generate_report()
    return body


def raw(value: Any) -> Any:
    """The body as the vendor's package takes it: with bytes where JSON has base64."""
    if isinstance(value, list):
        return [raw(item) for item in value]
    if not isinstance(value, dict):
        return value
    encoded = {"bytes", "redactedContent"}
    return {name: b64decode(item) if name in encoded else raw(item) for name, item in value.items()}


def test_a_request_names_the_model_in_its_path_and_says_which_answer_it_wants() -> None:
    request = CompletionRequest(messages=(said("user", "Hi"),), timeout_s=1)
    streamed = bedrock.encode(request, model("arn:aws:bedrock:eu:1:x/y"), is_streamed=True)
    assert streamed.path == "/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ax%2Fy/converse-stream"
    assert streamed.headers["accept"] == "application/vnd.amazon.eventstream"
    whole = bedrock.encode(request, model("m"), is_streamed=False)
    assert (whole.path, whole.headers["accept"]) == ("/model/m/converse", "application/json")


def test_a_request_says_the_turns_and_the_limits() -> None:
    body = sent(said("system", "Be brief."), said("user", "Grüße"), top_p=0.5, temperature=1.5, stop=("END", " "))
    assert body == {
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": "Grüße"}]}],
        "inferenceConfig": {"maxTokens": 2048, "temperature": 1.0, "topP": 0.5, "stopSequences": ["END"]},
    }
    assert "inferenceConfig" not in sent(max_output_tokens=None, temperature=None)


def test_media_thoughts_calls_and_results_are_sent() -> None:
    body = sent(
        said(
            "user",
            "What?",
            Media("image/png", data="cG5n"),
            Media("application/pdf", data="cGRm", name="A/b  c.pdf"),
        ),
        said("assistant", Reasoning("I look.", {"signature": "s"}), Reasoning("", {"data": "aGlk"}), CALL),
        said("user", ToolResult("call_1", (text("no"), Media("image/jpeg", data="anBn")), is_error=True)),
        tools=(WEATHER,),
    )
    first, second, third = (turn["content"] for turn in body["messages"])
    assert first[1:] == [
        {"image": {"format": "png", "source": {"bytes": "cG5n"}}},
        {"document": {"format": "pdf", "name": "A-b c-pdf", "source": {"bytes": "cGRm"}}},
    ]
    assert second == [
        {"reasoningContent": {"reasoningText": {"text": "I look.", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "aGlk"}},
        {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Bern"}}},
    ]
    result = third[0]["toolResult"]
    assert (result["toolUseId"], result["status"], len(result["content"])) == ("call_1", "error", 2)


def test_what_bedrock_does_not_fetch_or_read_is_refused_here() -> None:
    stored = sent(said("user", "?", Media("image/*", url="s3://bucket/a.gif")))["messages"][0]["content"][1]
    assert stored == {"image": {"format": "gif", "source": {"s3Location": {"uri": "s3://bucket/a.gif"}}}}
    for media in (
        Media("image/png", url="https://h/a.png"),
        Media("audio/wav", data="eA=="),
        Media("image/tiff", data="eA=="),
    ):
        with pytest.raises(ProviderRefused):
            sent(said("user", media))


@pytest.mark.parametrize(
    ("choice", "tools", "expected"),
    [
        (None, (WEATHER, TIME), None),
        (ToolChoice("required"), (WEATHER, TIME), {"any": {}}),
        (ToolChoice("tool", "time"), (WEATHER, TIME), {"tool": {"name": "time"}}),
        (ToolChoice("tool", "time"), (TIME,), {"any": {}}),
    ],
)
def test_the_choice_among_tools(choice: ToolChoice | None, tools: tuple[Tool, ...], expected: Any) -> None:
    config = sent(tools=tools, tool_choice=choice)["toolConfig"]
    assert config.get("toolChoice") == expected
    assert len(config["tools"]) == len(tools)


def test_tools_that_may_not_be_called_are_not_sent_unless_they_were_called_before() -> None:
    assert "toolConfig" not in sent(tools=(WEATHER,), tool_choice=ToolChoice("none"))
    before = (said("user", "?"), said("assistant", CALL), said("user", ToolResult("call_1", (text("x"),))))
    kept = {"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object"}}}}
    assert sent(*before)["toolConfig"] == {"tools": [kept]}


def test_a_schema_is_held_by_a_tool_else_told() -> None:
    config = sent(output_schema=SCHEMA)["toolConfig"]
    assert config["tools"][0]["toolSpec"]["name"] == "answer__output"
    assert config["toolChoice"] == {"any": {}}
    beside = sent(output_schema=SCHEMA, tools=(WEATHER,))["toolConfig"]
    assert (len(beside["tools"]), beside["toolChoice"]) == (2, {"any": {}})
    for body in (
        sent(output_schema=SCHEMA, avoid=frozenset({"toolChoice"})),
        sent(output_schema=SCHEMA, avoid=frozenset({"tools"})),
        sent(said("user", "?"), said("assistant", '{"a": '), output_schema=SCHEMA),
        sent(output_schema=SCHEMA, effort="high", max_output_tokens=9000),
        sent(is_json=True),
    ):
        assert "toolConfig" not in body
        assert body["system"][-1]["text"].startswith("Answer with one JSON object")


def test_thought_is_asked_of_anthropics_models_and_unknown_fields_go_to_the_model() -> None:
    body = sent(effort="medium", max_output_tokens=4096, extra={"top_k": 3, "serviceTier": {"type": "flex"}})
    thinking = {"type": "enabled", "budget_tokens": 2048}
    assert body["additionalModelRequestFields"] == {"thinking": thinking, "top_k": 3}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["inferenceConfig"] == {"maxTokens": 4096}
    assert "additionalModelRequestFields" not in sent(effort="medium", to="amazon.nova-lite-v1:0")
    adaptive = sent(effort="low", avoid=frozenset({"budget_tokens"}))["additionalModelRequestFields"]
    assert adaptive == {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}


def test_a_long_stable_beginning_ends_with_a_cache_point_for_models_that_take_one() -> None:
    turns = (said("system", "word " * 1200), said("user", "Hi"), said("assistant", "Yes?"), said("user", "Bye"))
    point = {"cachePoint": {"type": "default"}}
    assert sent(*turns, stable_messages=1)["system"][1:] == [point]
    assert sent(*turns, stable_messages=2, to="amazon.nova-pro-v1:0")["messages"][0]["content"][1:] == [point]
    for body in (
        sent(*turns),
        sent(*turns, stable_messages=1, to="mistral.mistral-large"),
        sent(*turns, stable_messages=1, avoid=frozenset({"cachePoint"})),
        sent(*turns, stable_messages=1, to="anthropic.claude-haiku-4-5"),
    ):
        assert "cachePoint" not in str(body)


USAGE = {
    "inputTokens": 5,
    "outputTokens": 7,
    "totalTokens": 42,
    "cacheReadInputTokens": 10,
    "cacheWriteInputTokens": 20,
}
CONTENT: list[dict[str, Any]] = [
    {"reasoningContent": {"reasoningText": {"text": "Grüß", "signature": "sig"}}},
    {"reasoningContent": {"redactedContent": "aGlk"}},
    {"text": "Hello 👋"},
    {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Bern"}}},
    {"toolUse": {"toolUseId": "t2", "name": "time", "input": {}}},
]
COMPLETION = Completion(
    text="Hello 👋",
    tool_calls=(ToolCall("t1", "weather", '{"city":"Bern"}'), ToolCall("t2", "time", "{}")),
    reasoning=(Reasoning("Grüß", {"signature": "sig"}), Reasoning("", {"data": "aGlk"})),
    usage=Usage(35, 7, 10, cache_write_tokens=20),
    finish="tool",
    extra={"trace": {"a": 1}, "usage": {"cacheDetails": [1]}},
)


def decoded(content: list[dict[str, Any]], reason: str | None = "tool_use") -> Completion:
    reply = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reason,
        "usage": {**USAGE, "cacheDetails": [1], "serverToolUsage": {}},
        "metrics": {"latencyMs": 3},
        "trace": {"a": 1},
    }
    return bedrock.decode(200, {}, json.dumps(reply).encode())


def header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + pack(">H", len(value)) + value.encode()


def framed(headers: bytes, payload: bytes) -> bytes:
    prelude = pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + pack(">I", crc32(prelude)) + headers + payload
    return body + pack(">I", crc32(body))


def event(kind: str, **fields: Any) -> bytes:
    return framed(
        header(":event-type", kind) + header(":message-type", "event"), json.dumps({**fields, "p": "ab"}).encode()
    )


def failure(kind: str, message: str) -> bytes:
    headers = header(":exception-type", kind) + header(":message-type", "exception")
    return framed(headers, json.dumps({"message": message}).encode())


def block(index: int, start: dict[str, Any] | None, *deltas: dict[str, Any]) -> bytes:
    begun = event("contentBlockStart", contentBlockIndex=index, start=start) if start else b""
    pieces = b"".join(event("contentBlockDelta", contentBlockIndex=index, delta=delta) for delta in deltas)
    return begun + pieces + event("contentBlockStop", contentBlockIndex=index)


STOP = event("messageStop", stopReason="tool_use")
METADATA = event("metadata", usage={**USAGE, "cacheDetails": [1]}, metrics={"latencyMs": 3}, trace={"a": 1})
STREAM = b"".join(
    [
        event("messageStart", role="assistant"),
        block(0, None, *({"reasoningContent": piece} for piece in ({"text": "Gr"}, {"text": "üß"}, {"signature": "sig"}))),
        block(1, None, {"reasoningContent": {"redactedContent": "aGlk"}}),
        block(2, None, {"text": "Hel"}, {"text": "lo 👋"}),
        block(3, {"toolUse": {"toolUseId": "t1", "name": "weather"}}, {"toolUse": {"input": '{"city"'}}, {"toolUse": {"input": ':"Bern"}'}}),
        block(4, {"toolUse": {"toolUseId": "t2", "name": "time"}}),
        event("somethingNew", what=1),
        STOP,
        METADATA,
    ]
)  # fmt: skip


def test_a_whole_answer_is_read() -> None:
    assert decoded(CONTENT) == COMPLETION


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_a_stream_reads_as_the_whole_answer_wherever_it_is_cut(cuts: list[int]) -> None:
    stream, deltas, at = bedrock.Stream(), [], 0
    for end in [*sorted(cut % len(STREAM) for cut in cuts), len(STREAM)]:
        deltas += stream.feed(STREAM[at:end])
        at = end
    assert stream.is_done
    assert stream.finish() == COMPLETION
    assert "".join(each.text for each in deltas if isinstance(each, TextDelta)) == "Hello 👋"
    for index, call in enumerate(COMPLETION.tool_calls):
        pieces = [each for each in deltas if isinstance(each, ToolCallDelta) and each.index == index]
        assert (pieces[0].id, pieces[0].name) == (call.id, call.name)
        assert "".join(each.arguments for each in pieces) == call.arguments


@given(st.integers(0, len(STREAM) - len(METADATA) - 1))
def test_a_stream_cut_before_its_end_is_never_taken_for_whole(length: int) -> None:
    stream = bedrock.Stream()
    stream.feed(STREAM[:length])
    with pytest.raises(ProviderUnavailable, match="broke off"):
        stream.finish()


def test_what_has_no_word_of_ours_is_kept() -> None:
    cited = {"citationsContent": {"content": [{"text": "x"}]}}
    assert decoded([{"text": "a"}, cited]).extra["content"] == [cited]
    stream = bedrock.Stream()
    stream.feed(block(0, None, {"text": "a"}, {"citation": {"title": "T"}}) + STOP)
    assert stream.finish().extra["content"] == [{"citation": {"title": "T"}}]


def test_the_call_of_the_answers_tool_is_the_answer() -> None:
    use = {"toolUseId": "t", "name": "answer__output"}
    whole = decoded([{"toolUse": {**use, "input": {"a": "b"}}}])
    assert (whole.text, whole.finish, whole.tool_calls) == ('{"a":"b"}', "stop", ())
    stream = bedrock.Stream()
    deltas = stream.feed(
        block(0, {"toolUse": use}, {"toolUse": {"input": '{"a":'}}, {"toolUse": {"input": '"b"}'}}) + STOP
    )
    assert deltas == [TextDelta('{"a":'), TextDelta('"b"}')]
    assert (stream.finish().text, stream.finish().finish) == ('{"a":"b"}', "stop")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "filter"),
        ("content_filtered", "filter"),
        ("malformed_tool_use", "other"),
        (None, "other"),
    ],
)
def test_reasons_to_stop(reason: str | None, finish: str) -> None:
    assert decoded([{"text": "a"}], reason).finish == finish


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("throttlingException", ProviderRateLimited),
        ("modelStreamErrorException", ProviderUnavailable),
        ("internalServerException", ProviderUnavailable),
        ("serviceUnavailableException", ProviderUnavailable),
        ("modelTimeoutException", ProviderTimeout),
        ("validationException", ProviderRefused),
        ("somethingNew", ProviderUnavailable),
    ],
)
def test_an_exception_inside_of_a_stream_is_an_error(kind: str, expected: type[ProviderError]) -> None:
    with pytest.raises(expected, match="no such luck"):
        bedrock.Stream().feed(event("messageStart", role="assistant") + failure(kind, "no such luck"))


def test_a_nameless_error_inside_of_a_stream_is_an_error_too() -> None:
    headers = (
        header(":message-type", "error") + header(":error-code", "Odd") + header(":error-message", "no such luck")
    )
    with pytest.raises(ProviderUnavailable, match="no such luck"):
        bedrock.Stream().feed(framed(headers, b""))


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ("This model doesn't support the toolConfig.toolChoice.any field.", "toolChoice"),
        ("This model doesn't support tool use.", "tools"),
        ("The model returned the following errors: `temperature` and `top_p` cannot both be specified", "topP"),
        ("This model doesn't support the temperature field. Remove temperature and try again.", "temperature"),
        ("This model doesn't support the stopSequences field.", "stopSequences"),
        ("You invoked an unsupported model or your request did not allow prompt caching.", "cachePoint"),
        ('The model returned the following errors: "thinking.type.enabled" is not supported', "budget_tokens"),
    ],
)
def test_a_refused_parameter_is_named(message: str, parameter: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        bedrock.decode(400, {}, json.dumps({"message": message}).encode())
    assert refused.value.parameter == parameter


def test_a_model_that_failed_behind_bedrock_may_answer_later() -> None:
    with pytest.raises(ProviderUnavailable, match="try again"):
        bedrock.decode(424, {}, b'{"message": "try again"}')


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"output": {"message": {"content": [{"text": 3}]}}}', b"\xff"]
)
def test_garbage_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProviderProtocol):
        bedrock.decode(200, {}, body)
    with pytest.raises(ProviderProtocol):
        bedrock.decode_embeddings(200, {}, body)
    with pytest.raises(ProviderProtocol):
        bedrock.Stream().feed(framed(header(":event-type", "x") + header(":message-type", "event"), body + b"!"))


def embedding(name: str, *texts: str, **fields: Any) -> dict[str, Any]:
    wire = bedrock.encode_embeddings(EmbeddingRequest(texts, 1, **fields), model(name))
    assert wire.path == f"/model/{name.replace(':', '%3A')}/invoke"
    body: dict[str, Any] = json.loads(wire.body)
    return body


def test_cohere_embeds_many_texts_and_titan_one() -> None:
    assert embedding("cohere.embed-v4:0", "a", "b", purpose="query", dimensions=512) == {
        "texts": ["a", "b"],
        "input_type": "search_query",
        "output_dimension": 512,
    }
    assert embedding("amazon.titan-embed-text-v2:0", "a", dimensions=256) == {"inputText": "a", "dimensions": 256}
    for name, texts in (("amazon.titan-embed-text-v2:0", ("a", "b")), ("amazon.nova-lite-v1:0", ("a",))):
        with pytest.raises(ProviderRefused) as refused:
            embedding(name, *texts)
        assert "cohere.embed" in refused.value.hint


@pytest.mark.parametrize(
    ("headers", "reply", "vectors", "tokens"),
    [
        ({}, {"embedding": [1, 2], "inputTextTokenCount": 3}, ((1.0, 2.0),), 3),
        ({"x-amzn-bedrock-input-token-count": "5"}, {"embeddings": [[1], [2]]}, ((1.0,), (2.0,)), 5),
        ({}, {"embeddings": {"float": [[1], [2]]}}, ((1.0,), (2.0,)), 0),
    ],
)
def test_vectors_are_read(headers: dict[str, str], reply: Any, vectors: Any, tokens: int) -> None:
    found = bedrock.decode_embeddings(200, headers, json.dumps(reply).encode())
    assert (found.vectors, found.usage) == (vectors, Usage(input_tokens=tokens))


def test_models_are_listed_elsewhere() -> None:
    with pytest.raises(ProviderRefused) as refused:
        bedrock.encode_listing()
    assert "list-foundation-models" in refused.value.hint
