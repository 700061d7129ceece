"""The Gemini dialect as pure translation: what is sent, what is read, and what is refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.errors import (
    ParameterRefused,
    ProviderError,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
)
from steadyhand.providers.dialects import gemini
from steadyhand.types.ids import ModelId
from steadyhand.types.json import Json, JsonSchema
from steadyhand.types.message import (
    Media,
    Message,
    Part,
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

BASE = "https://generativelanguage.googleapis.com/v1beta"
VERTEX = "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu/publishers/google"
SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {"kind": {"const": "a"}, "note": {"type": "string", "minLength": 1, "pattern": "x"}},
    "required": ["kind"],
}
PNG = Media("image/png", data="aGk=")


def model(name: str = "gemini-3-flash", base_url: str = BASE) -> Model:
    provider = Provider(name="p", dialect="gemini", base_url=base_url, place="us", clearance="public")
    return Model(id=ModelId(f"p:{name}"), provider=provider, name=name, price=None, context_tokens=None)


def said(text: str) -> Segment:
    return Segment(text, "caller", "untrusted", "public")


def ask(*parts: Part, **fields: Any) -> CompletionRequest:
    return CompletionRequest(messages=(Message("user", parts or (said("hello"),)),), timeout_s=1, **fields)


def talk(*messages: Message) -> CompletionRequest:
    return CompletionRequest(messages=messages, timeout_s=1)


def body_of(
    request: CompletionRequest, to: Model | None = None, avoid: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The body sent, which the vendor's own package has to take as well."""
    found: dict[str, Any] = json.loads(gemini.encode(request, to or model(), is_streamed=False, avoid=avoid).body)
    for content in found["contents"]:
        types.Content.model_validate(content)
    types.GenerationConfig.model_validate(found.get("generationConfig", {}))
    types.ToolConfig.model_validate(found.get("toolConfig", {}))
    for tool in found.get("tools", []):
        types.Tool.model_validate(tool)
    return found


def event(parts: list[Json], finish: str = "", **more: Json) -> bytes:
    candidate = {"content": {"parts": parts, "role": "model"}, **({"finishReason": finish} if finish else {})}
    return b"data: " + json.dumps({"candidates": [candidate], "responseId": "r", **more}).encode() + b"\r\n\r\n"


def streamed(*events: bytes) -> Completion:
    stream = gemini.Stream()
    stream.feed(b"".join(events))
    return stream.finish()


def test_a_request_goes_to_the_models_own_path_and_a_tuned_model_says_its_own() -> None:
    assert gemini.encode(ask(), model(), is_streamed=False).path == "/models/gemini-3-flash:generateContent"
    path = gemini.encode(ask(), model(), is_streamed=True).path
    assert path == "/models/gemini-3-flash:streamGenerateContent?alt=sse"
    assert gemini.encode(ask(), model("tunedModels/x"), is_streamed=False).path == "/tunedModels/x:generateContent"


def test_system_messages_become_the_instruction_and_neighbours_of_one_role_one_turn() -> None:
    body = body_of(
        talk(
            Message("system", (said("Be brief."),)),
            Message("user", (said("a"), PNG)),
            Message("user", (Media("application/pdf", url="https://h/x.pdf"), Media("image/*", url="https://h/y"))),
            Message("assistant", (said("b"),)),
        )
    )
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert body["contents"] == [
        {
            "role": "user",
            "parts": [
                {"text": "a"},
                {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
                {"fileData": {"mimeType": "application/pdf", "fileUri": "https://h/x.pdf"}},
                {"fileData": {"fileUri": "https://h/y"}},
            ],
        },
        {"role": "model", "parts": [{"text": "b"}]},
    ]


def test_sampling_and_limits_are_said_where_they_are_given_and_not_where_they_are_not() -> None:
    config = body_of(ask(top_p=0.5, seed=7, stop=("x",)))["generationConfig"]
    assert config == {"maxOutputTokens": 2048, "temperature": 0.0, "topP": 0.5, "seed": 7, "stopSequences": ["x"]}
    assert "generationConfig" not in body_of(ask(max_output_tokens=None, temperature=None))


def test_a_schema_is_sent_in_what_gemini_reads_of_it_or_else_in_the_instruction() -> None:
    config = body_of(ask(output_schema=SCHEMA))["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"] == {
        "type": "object",
        "properties": {"kind": {"enum": ["a"]}, "note": {"type": "string"}},
        "required": ["kind"],
    }
    told = body_of(ask(output_schema=SCHEMA), avoid=frozenset({"response_format"}))
    assert "responseMimeType" not in told["generationConfig"]
    assert '"minLength":1' in told["systemInstruction"]["parts"][0]["text"]
    assert body_of(ask(is_json=True))["generationConfig"]["responseMimeType"] == "application/json"


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("gemini-3-pro", {"effort": "high"}, {"thinkingLevel": "high", "includeThoughts": True}),
        ("gemini-3-pro", {"effort": "none"}, {"thinkingLevel": "minimal", "includeThoughts": False}),
        ("gemini-2.5-pro", {"effort": "low"}, {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-3-pro", {"thinking_tokens": 99, "effort": "low"}, {"thinkingBudget": 99, "includeThoughts": True}),
        ("gemini-3-pro", {}, None),
    ],
)
def test_effort_is_a_level_or_for_older_models_a_number_of_tokens(
    name: str, fields: dict[str, Any], expected: Json
) -> None:
    assert body_of(ask(**fields), model(name))["generationConfig"].get("thinkingConfig") == expected
    avoided = body_of(ask(**fields), model(name), frozenset({"thinking"}))
    assert "thinkingConfig" not in avoided["generationConfig"]


def test_tools_are_declared_with_their_schema_and_one_may_be_insisted_on() -> None:
    tool = Tool("find", "Finds.", SCHEMA)
    body = body_of(ask(tools=(tool,), tool_choice=ToolChoice("tool", "find")))
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert (declared["name"], declared["description"]) == ("find", "Finds.")
    assert declared["parametersJsonSchema"]["properties"]["kind"] == {"enum": ["a"]}
    calling = body["toolConfig"]["functionCallingConfig"]
    assert calling == {"mode": "ANY", "allowedFunctionNames": ["find"]}
    assert "toolConfig" not in body_of(ask(tools=(tool,)))


def test_what_the_caller_adds_is_passed_on_beside_ours() -> None:
    extra: dict[str, Json] = {
        "safetySettings": [{"category": "c"}],
        "generationConfig": {"topK": 5, "temperature": 1},
        "tools": [{"googleSearch": {}}],
    }
    body = body_of(ask(extra=extra, tools=(Tool("t", "", {"type": "object"}),)))
    assert body["safetySettings"] == [{"category": "c"}]
    assert (body["generationConfig"]["topK"], body["generationConfig"]["temperature"]) == (5, 1)
    assert body["generationConfig"]["maxOutputTokens"] == 2048
    assert [list(tool) for tool in body["tools"]] == [["functionDeclarations"], ["googleSearch"]]


def test_a_conversation_with_tools_gives_every_signature_back_on_its_own_part() -> None:
    parts: list[Json] = [
        {"text": "hm", "thought": True},
        {"text": "Looking."},
        {"functionCall": {"name": "find", "args": {"q": 1}}, "thoughtSignature": "c2lnMQ=="},
        {"functionCall": {"name": "find", "args": {}}},
        {"executableCode": {"code": "1", "language": "PYTHON"}, "thoughtSignature": "c2lnMg=="},
        {"text": "", "thoughtSignature": "c2lnMw=="},
    ]
    answer = streamed(event(parts[:2]), event(parts[2:], "STOP"))
    assert answer.finish == "tool"
    assert [call.id for call in answer.tool_calls] == ["call_r_0", "call_r_1"]
    turn = (*answer.reasoning, said(answer.text), *answer.tool_calls)
    results = (ToolResult("call_r_0", (said('{"n": 1}'),)), ToolResult("call_r_1", (said("no"),), is_error=True))
    asked, back, told = body_of(
        talk(Message("user", (said("?"),)), Message("assistant", turn), Message("user", results))
    )["contents"]
    assert asked["role"] == told["role"] == "user"
    assert back["parts"] == [
        parts[0],
        parts[4],
        {"text": "Looking.", "thoughtSignature": "c2lnMw=="},
        {"functionCall": {"id": "call_r_0", "name": "find", "args": {"q": 1}}, "thoughtSignature": "c2lnMQ=="},
        {"functionCall": {"id": "call_r_1", "name": "find", "args": {}}},
    ]
    assert [each["functionResponse"]["response"] for each in told["parts"]] == [{"n": 1}, {"error": "no"}]
    assert {each["functionResponse"]["name"] for each in told["parts"]} == {"find"}


def test_calls_of_another_vendor_pass_without_their_signature_and_its_thoughts_are_not_sent() -> None:
    turn = (
        Reasoning("secret", {"signature": "s"}),
        ToolCall("a", "f", "{}", {"extra": "theirs"}),
        ToolCall("b", "f", "no json"),
    )
    (back,) = body_of(talk(Message("assistant", turn)))["contents"]
    first, second = back["parts"]
    assert first["thoughtSignature"] == "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
    assert second == {"functionCall": {"id": "b", "name": "f", "args": {"arguments": "no json"}}}
    assert "secret" not in json.dumps(back)


def test_an_image_from_a_tool_lies_in_its_result_or_behind_it_where_the_model_is_older() -> None:
    result = ToolResult("a", (said("here"), PNG), name="f")
    (turn,) = body_of(talk(Message("user", (result,))))["contents"]
    (part,) = turn["parts"]
    assert part["functionResponse"]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]
    assert part["functionResponse"]["response"] == {"output": "here"}
    (turn,) = body_of(talk(Message("user", (result,))), model("gemini-2.5-flash"))["contents"]
    assert [list(part) for part in turn["parts"]] == [["functionResponse"], ["inlineData"]]


def test_a_stream_tells_text_thoughts_and_calls_as_they_come() -> None:
    stream = gemini.Stream()
    deltas = stream.feed(
        event([{"text": "hm", "thought": True}])
        + event([{"text": "Hi"}, {"functionCall": {"id": "x", "name": "f", "args": {"a": [1]}}}], "STOP")
    )
    assert deltas == [ReasoningDelta("hm"), TextDelta("Hi"), ToolCallDelta(0, "x", "f", '{"a":[1]}')]
    found = stream.finish()
    assert (found.text, found.reasoning[0].text, found.tool_calls[0].arguments) == ("Hi", "hm", '{"a":[1]}')


def test_usage_counts_thoughts_as_output_and_what_googles_tools_read_as_input() -> None:
    counts: Json = {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 4,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 20,
        "trafficType": "ON_DEMAND",
    }
    found = streamed(
        event([{"text": "a"}], usageMetadata={"promptTokenCount": 10}), event([], "STOP", usageMetadata=counts)
    )
    assert found.usage == Usage(input_tokens=15, output_tokens=5, cached_tokens=4, reasoning_tokens=3)
    assert found.extra["usageMetadata"] == {"toolUsePromptTokenCount": 5, "trafficType": "ON_DEMAND"}
    absurd = streamed(event([], "STOP", usageMetadata={"promptTokenCount": -1}))
    assert absurd.usage == Usage()


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "filter"), ("SPII", "filter"), ("NEW_ONE", "other")],
)
def test_why_it_ended_is_said_in_our_words_and_the_vendors_kept_where_they_say_more(
    reason: str, finish: str
) -> None:
    found = streamed(event([{"text": "a"}], reason))
    assert found.finish == finish
    assert ("candidates" in found.extra) == (finish in {"filter", "other"})


def test_a_blocked_prompt_is_an_answer_that_was_filtered() -> None:
    body = json.dumps({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "m"}).encode()
    for found in (gemini.decode(200, {}, body), streamed(b"data: " + body + b"\n\n")):
        assert (found.text, found.finish) == ("", "filter")
        assert found.extra["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}


def test_unknown_fields_are_kept_where_they_were() -> None:
    chunk = {
        "candidates": [
            {
                "content": {"parts": [{"text": "a"}]},
                "finishReason": "STOP",
                "groundingMetadata": {"webSearchQueries": ["q"]},
            }
        ],
        "createTime": "now",
    }
    found = gemini.decode(200, {}, json.dumps(chunk).encode())
    assert found.extra == {"createTime": "now", "candidates": [{"groundingMetadata": {"webSearchQueries": ["q"]}}]}
    assert gemini.decode(200, {}, json.dumps([chunk]).encode()).text == "a"


def failure(status: int, code: str, message: str, **more: Json) -> bytes:
    return json.dumps({"error": {"code": status, "status": code, "message": message, **more}}).encode()


def test_errors_are_read_from_objects_and_lists_and_say_how_long_to_wait() -> None:
    details: Json = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    body = failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded", details=details)
    for each in (body, b"[" + body + b"]"):
        with pytest.raises(ProviderRateLimited, match="Quota exceeded") as limited:
            gemini.decode(429, {}, each)
        assert limited.value.retry_after_s == 34.5
    with pytest.raises(ProviderRefused) as refused:
        gemini.decode(400, {}, failure(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."))
    assert "key" in refused.value.hint


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ("Function calling with a response mime type: 'application/json' is unsupported", "response_format"),
        ("Thinking level is not supported for this model.", "thinking"),
        ("Budget 0 is invalid. This model only works in thinking mode.", "thinking"),
    ],
)
def test_a_refused_parameter_is_named(message: str, parameter: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        gemini.decode(400, {}, failure(400, "INVALID_ARGUMENT", message))
    assert (refused.value.parameter, refused.value.vendor_status) == (parameter, 400)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}, ProviderUnavailable),
        ({"message": "slow down", "status": "RESOURCE_EXHAUSTED"}, ProviderRateLimited),
        ({"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}, ProviderRefused),
        ("what", ProviderUnavailable),
    ],
)
def test_an_error_inside_a_stream_is_raised(error: Json, kind: type[ProviderError]) -> None:
    stream = gemini.Stream()
    stream.feed(event([{"text": "a"}]))
    with pytest.raises(kind):
        stream.feed(b"data: " + json.dumps({"error": error}).encode() + b"\n\n")


@given(cuts=st.lists(st.integers(0, 500)), text=st.text(max_size=30))
def test_a_stream_cut_anywhere_is_the_same_stream(cuts: list[int], text: str) -> None:
    whole = event([{"text": text, "thought": True}]) + event([{"text": text}]) + event([{"text": "ü👋"}], "STOP")
    stream = gemini.Stream()
    bounds = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    heard = [delta for a, b in pairwise(bounds) for delta in stream.feed(whole[a:b])]
    found = stream.finish()
    assert found.text == text + "ü👋" == "".join(d.text for d in heard if isinstance(d, TextDelta))
    assert "".join(d.text for d in heard if isinstance(d, ReasoningDelta)) == text


@given(length=st.integers(0, 400))
def test_a_stream_that_breaks_off_is_never_an_answer(length: int) -> None:
    whole = event([{"text": "one "}]) + event([{"text": "two"}], "STOP").rstrip()
    stream = gemini.Stream()
    stream.feed(whole[: min(length, len(whole) - 1)])
    with pytest.raises(ProviderUnavailable, match="broke off"):
        stream.finish()


def test_a_key_goes_into_googles_header_or_as_a_bearers_token() -> None:
    now, wire = datetime(2026, 11, 21, tzinfo=UTC), gemini.encode_listing()
    provider = model().provider
    assert gemini.authorize(provider, wire, "k", now) == {"x-goog-api-key": "k"}
    vertex = replace(provider, key_header="authorization")
    assert gemini.authorize(vertex, wire, "k", now) == {"authorization": "Bearer k"}


def test_embeddings_are_asked_for_as_each_of_googles_two_addresses_wants_them() -> None:
    request = EmbeddingRequest(("a", "b"), timeout_s=1, dimensions=3, purpose="query")
    wire = gemini.encode_embeddings(request, model("gemini-embedding-001"))
    assert wire.path == "/models/gemini-embedding-001:batchEmbedContents"
    assert json.loads(wire.body)["requests"][1] == {
        "content": {"parts": [{"text": "b"}]},
        "model": "models/gemini-embedding-001",
        "taskType": "RETRIEVAL_QUERY",
        "outputDimensionality": 3,
    }
    wire = gemini.encode_embeddings(request, model("text-embedding-005", VERTEX))
    assert wire.path == "/models/text-embedding-005:predict"
    assert json.loads(wire.body) == {
        "instances": [{"content": text, "task_type": "RETRIEVAL_QUERY"} for text in "ab"],
        "parameters": {"outputDimensionality": 3},
    }
    values = {"values": [1.0, 2.0], "statistics": {"token_count": 3.0, "truncated": False}}
    found = gemini.decode_embeddings(200, {}, json.dumps({"predictions": [{"embeddings": values}] * 2}).encode())
    assert (found.vectors, found.usage.input_tokens) == (((1.0, 2.0), (1.0, 2.0)), 6)
    for junk in (b"{}", b"[]", b"", b'{"embeddings": [{"values": "x"}]}'):
        with pytest.raises(ProviderProtocol):
            gemini.decode_embeddings(200, {}, junk)


def test_the_models_are_listed_by_their_short_names() -> None:
    body = json.dumps({"models": [{"name": "models/gemini-3-flash"}, {"name": "tunedModels/x"}]}).encode()
    assert gemini.decode_listing(200, {}, body) == ("gemini-3-flash", "tunedModels/x")
    with pytest.raises(ProviderProtocol):
        gemini.decode_listing(200, {}, b"{}")
