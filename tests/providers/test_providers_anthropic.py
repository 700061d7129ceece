"""The Anthropic dialect as pure translation: what is sent, what is read, and what is refused."""

import json
from base64 import b64encode
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import jsonschema_rs
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from steadyhand.errors import (
    ParameterRefused,
    ProviderError,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
)
from steadyhand.providers.dialects import anthropic
from steadyhand.providers.dialects._anthropic.schema import lowered
from steadyhand.types.ids import ModelId
from steadyhand.types.json import JsonSchema
from steadyhand.types.message import (
    Media,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
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

SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {"urgency": {"enum": ["high", "low"]}, "note": {"type": "string", "maxLength": 80}},
    "required": ["urgency", "note"],
}
OPEN: JsonSchema = {"type": "object", "additionalProperties": {"type": "string"}}
WEATHER = Tool("weather", "The weather of a city.", {"properties": {"city": {"type": "string"}}})
CALL = ToolCall("call_1", "weather", '{"city": "Bern"}')
PROVIDER = Provider(name="p", dialect="anthropic", base_url="http://h/v1", place="us", clearance="public")
VENDORS_BODY: TypeAdapter[Any] = TypeAdapter(MessageCreateParamsNonStreaming)


def text(value: str) -> Segment:
    return Segment(value, "caller", "untrusted", "public")


def said(role: Role, *parts: Part | str) -> Message:
    return Message(role, tuple(text(part) if isinstance(part, str) else part for part in parts))


def model(name: str = "claude-sonnet-4-5", most: int | None = None) -> Model:
    return Model(
        id=ModelId("p:m"), provider=PROVIDER, name=name, price=None, context_tokens=None, max_output_tokens=most
    )


def sent(
    *messages: Message, to: Model | None = None, avoid: frozenset[str] = frozenset(), **fields: Any
) -> dict[str, Any]:
    """The body, which the vendor's package has to accept as well."""
    request = CompletionRequest(messages=messages or (said("user", "Hello"),), timeout_s=1, **fields)
    wire = anthropic.encode(request, to or model(), is_streamed=False, avoid=avoid)
    assert wire.path == "/messages"
    assert wire.headers["anthropic-version"] == "2023-06-01"
    body: dict[str, Any] = json.loads(wire.body)
    exhaust(VENDORS_BODY.validate_python(body))
    return body


def exhaust(value: Any) -> None:
    """Go through everything: the vendor's lists are checked only while they are read."""
    if isinstance(value, dict):
        value = value.values()
    if not isinstance(value, (str, bytes)) and isinstance(value, Iterable):
        for item in value:
            exhaust(item)


def test_a_request_says_the_model_the_limit_and_the_turns() -> None:
    body = sent(
        said("system", "Be brief.\n", "Be kind."), said("user", "Grüße", " 👋"), stop=("END", "\n"), user="u1"
    )
    assert body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 2048,
        "system": [{"type": "text", "text": "Be brief.\nBe kind."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Grüße 👋"}]}],
        "temperature": 0.0,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
    }


@pytest.mark.parametrize(
    ("wanted", "most", "expected"), [(None, None, 4096), (None, 8000, 8000), (9000, 8000, 8000), (100, 8000, 100)]
)
def test_the_limit_is_always_said_and_never_above_the_models_own(
    wanted: int | None, most: int | None, expected: int
) -> None:
    assert sent(to=model(most=most), max_output_tokens=wanted)["max_tokens"] == expected


def test_neighbours_of_one_role_become_one_turn_with_the_results_of_tools_first() -> None:
    body = sent(
        said("user", "Weather?"),
        said("assistant", "I look.", CALL),
        said("user", "Hurry!"),
        said("user", ToolResult("call_1", (text("Sunny"),), "weather", is_error=True)),
        said("user", "  ", "\n"),
        tools=(WEATHER,),
    )
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Bern"}},
    ]
    assert body["messages"][2]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "call_1",
            "content": [{"type": "text", "text": "Sunny"}],
            "is_error": True,
        },
        {"type": "text", "text": "Hurry!"},
    ]


def test_what_only_the_system_said_is_the_users_turn() -> None:
    body = sent(said("system", "Say hello."))
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}]
    assert "system" not in body


def test_an_answer_that_was_begun_is_sent_without_the_white_space_at_its_end() -> None:
    body = sent(said("user", "Go on"), said("assistant", "Once  upon ", "a time \n"), output_schema=SCHEMA)
    assert body["messages"][1]["content"] == [{"type": "text", "text": "Once  upon a time"}]
    assert "output_config" not in body
    assert "tools" not in body
    assert body["system"][0]["text"].startswith("Answer with one JSON object")


def test_media_are_sent_by_value_or_by_address_also_inside_of_results() -> None:
    page = Media("application/pdf", data="cGRm", name="Invoice")
    photo = Media("image/png", data="cG5n")
    body = sent(
        said("user", photo, Media("image/*", url="https://h/x.png"), page),
        said("user", Media("text/plain", data=b64encode("Grüße".encode()).decode())),
        said("assistant", CALL),
        said("user", ToolResult("call_1", (photo,), "weather")),
    )
    sources = [block["source"] for block in body["messages"][0]["content"]]
    assert sources == [
        {"type": "base64", "media_type": "image/png", "data": "cG5n"},
        {"type": "url", "url": "https://h/x.png"},
        {"type": "base64", "media_type": "application/pdf", "data": "cGRm"},
        {"type": "text", "media_type": "text/plain", "data": "Grüße"},
    ]
    assert body["messages"][0]["content"][2]["title"] == "Invoice"
    assert body["messages"][2]["content"][0]["content"][0]["source"]["data"] == "cG5n"
    with pytest.raises(ProviderRefused, match="audio/wav"):
        sent(said("user", Media("audio/wav", data="eA==")))


def test_thoughts_go_back_with_their_signature_and_those_of_others_stay_here() -> None:
    body = sent(
        said("user", "Weather?"),
        said(
            "assistant",
            Reasoning("I look it up.", {"signature": "sig"}),
            Reasoning("", {"data": "hidden"}),
            Reasoning("unsigned", {"thoughtSignature": "of another"}),
            CALL,
        ),
        said("user", ToolResult("call_1", (text("Sunny"),))),
    )
    assert body["messages"][1]["content"][:-1] == [
        {"type": "thinking", "thinking": "I look it up.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "hidden"},
    ]


def test_ids_and_arguments_of_other_vendors_calls_are_made_to_fit() -> None:
    body = sent(
        said("user", "?"),
        said("assistant", ToolCall("call|fc.1", "weather", "not json"), ToolCall("b", "weather", "")),
        said("user", ToolResult("call|fc.1", ()), ToolResult("b", ())),
    )
    first, second = body["messages"][1]["content"]
    assert first["id"] == body["messages"][2]["content"][0]["tool_use_id"] == "call_fc_1"
    assert (first["input"], second["input"]) == ({"arguments": "not json"}, {})
    assert body["tools"] == [{"name": "weather", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        (ToolChoice(), None),
        (ToolChoice("auto", is_parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("required"), {"type": "any"}),
        (
            ToolChoice("tool", "weather", is_parallel=True),
            {"type": "tool", "name": "weather", "disable_parallel_tool_use": False},
        ),
        (ToolChoice("none", is_parallel=False), {"type": "none"}),
    ],
)
def test_the_choice_among_tools(choice: ToolChoice | None, expected: dict[str, Any] | None) -> None:
    assert sent(tools=(WEATHER,), tool_choice=choice).get("tool_choice") == expected
    assert "tool_choice" not in sent(tool_choice=choice)


def test_a_tool_is_strict_where_it_asks_for_it_and_can_be() -> None:
    strict = Tool("a", "", {**SCHEMA}, is_strict=True)
    loose = Tool("b", "", {**OPEN}, is_strict=True)
    first, second = sent(tools=(strict, loose))["tools"]
    assert first["strict"] is True
    assert first["input_schema"]["additionalProperties"] is False
    assert second == {"name": "b", "input_schema": {**OPEN}}
    assert "strict" not in sent(tools=(strict,), avoid=frozenset({"strict"}))["tools"][0]


def test_a_schema_is_held_natively_else_by_a_tool_else_told() -> None:
    native = sent(output_schema=SCHEMA)
    assert native["output_config"]["format"]["schema"]["additionalProperties"] is False
    assert "tools" not in native
    forced = sent(output_schema=SCHEMA, output_name="my triage", avoid=frozenset({"output_format"}))
    assert forced["tools"][0]["input_schema"] == SCHEMA
    assert forced["tool_choice"]["name"] == forced["tools"][0]["name"] == "answer__my_triage"
    told = sent(output_schema=SCHEMA, avoid=frozenset({"output_format", "tool_choice"}))
    assert "tools" not in told
    assert '"maxLength":80' in told["system"][-1]["text"]
    assert "any" not in str(sent(is_json=True)["system"])


def test_a_schema_that_cannot_be_said_natively_is_a_tools_beside_others_one_of_which_must_be_called() -> None:
    body = sent(output_schema=OPEN, tools=(WEATHER,), tool_choice=ToolChoice(is_parallel=False))
    assert [tool["name"] for tool in body["tools"]] == ["weather", "answer__output"]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    forced = sent(output_schema=OPEN, tools=(WEATHER,), tool_choice=ToolChoice("required"))
    assert [tool["name"] for tool in forced["tools"]] == ["weather"]
    assert "JSON Schema" in forced["system"][-1]["text"]


@pytest.mark.parametrize(
    "schema",
    [
        OPEN,
        {"type": "array", "items": SCHEMA},
        {**SCHEMA, "not": {}},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "object", "properties": {"a": {"oneOf": [{}], "anyOf": [{}]}}},
        {"type": "object", "properties": {"a": {"enum": [{"b": 1}]}}},
        {"type": "object", "properties": {"a": {"$ref": "other.json"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"anyOf": [{"$ref": "#/$defs/n"}]}}},
        {"type": "object", "properties": []},
        {"type": "object", "properties": {"a": True}},
    ],
)  # fmt: skip
def test_schemas_that_structured_outputs_cannot_say(schema: dict[str, Any]) -> None:
    assert lowered(schema) is None


def test_limits_that_cannot_be_said_are_told_and_what_fits_the_schema_fits_the_lowered_one() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1, "description": "How many."},
            "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "minItems": 2},
            "due": {"oneOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "owner": {"$ref": "#/$defs/person"},
        },
        "required": ["count", "due"],
        "$defs": {"person": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    }
    held = lowered(schema)
    assert held is not None
    assert held["properties"]["count"] == {"type": "integer", "description": 'How many. {"minimum":1}'}  # type: ignore[index, call-overload]
    assert "minItems" not in held["properties"]["tags"]  # type: ignore[index, call-overload, operator]
    fitting = {"count": 2, "tags": ["a", "b"], "due": "2026-11-21", "owner": {"name": "Ada"}}
    assert jsonschema_rs.is_valid(schema, fitting)
    assert jsonschema_rs.is_valid(held, fitting)
    assert not jsonschema_rs.is_valid(held, {**fitting, "other": 1})


@pytest.mark.parametrize(
    ("fields", "avoid", "expected"),
    [
        ({"effort": "high"}, (), {"type": "enabled", "budget_tokens": 8000}),
        ({"effort": "minimal"}, (), {"type": "enabled", "budget_tokens": 1024}),
        ({"thinking_tokens": 5000}, (), {"type": "enabled", "budget_tokens": 5000}),
        ({"thinking_tokens": 50_000}, (), {"type": "enabled", "budget_tokens": 9999}),
        ({"effort": "high"}, ("budget_tokens",), {"type": "adaptive"}),
        ({"effort": "none"}, (), {"type": "disabled"}),
        ({"effort": "high"}, ("thinking",), None),
        ({"effort": "high", "tool_choice": ToolChoice("required"), "tools": (WEATHER,)}, (), None),
        ({"effort": "high", "max_output_tokens": 1024}, (), None),
        ({}, (), None),
    ],
)
def test_effort_becomes_a_budget_else_is_left_to_the_model(
    fields: dict[str, Any], avoid: tuple[str, ...], expected: dict[str, Any] | None
) -> None:
    body = sent(**{"max_output_tokens": 10_000, "top_p": 0.5, **fields}, avoid=frozenset(avoid))
    assert body.get("thinking") == expected
    is_thought = expected is not None and expected["type"] != "disabled"
    assert ("temperature" in body, "top_p" in body) == (not is_thought, not is_thought)
    if expected == {"type": "adaptive"}:
        assert body["output_config"] == {"effort": "high"}


def test_thought_forces_no_tool_and_needs_the_thoughts_before_a_result() -> None:
    body = sent(output_schema=OPEN, effort="high", max_output_tokens=10_000)
    assert "tools" not in body
    assert "JSON Schema" in body["system"][-1]["text"]
    behind = (said("user", "?"), said("assistant", CALL), said("user", ToolResult("call_1", ())))
    assert "thinking" not in sent(*behind, effort="high", max_output_tokens=10_000)
    assert "thinking" in sent(*behind, effort="high", avoid=frozenset({"budget_tokens"}))


def test_what_was_refused_is_left_out_and_what_we_do_not_know_goes_through() -> None:
    body = sent(temperature=1.7, top_p=0.9, user="u", extra={"top_k": 5, "output_config": {"effort": "xhigh"}},
                output_schema=SCHEMA, avoid=frozenset({"top_p", "metadata"}))  # fmt: skip
    assert (body["temperature"], body["top_k"], body["output_config"]["effort"]) == (1.0, 5, "xhigh")
    assert "format" in body["output_config"]
    assert not {"top_p", "metadata"} & body.keys()
    assert "temperature" not in sent(extra={"thinking": {"type": "adaptive"}})


LONG = "word " * 1200  # some 2,000 tokens


def test_the_stable_beginning_is_marked_when_it_is_long_enough_to_pay() -> None:
    turns = (said("system", LONG), said("user", "Hi", CALL), said("user", "Bye"))
    mark = {"type": "ephemeral"}
    body = sent(*turns, stable_messages=1)
    assert body["system"][0]["cache_control"] == mark
    assert "cache_control" not in str(body["messages"])
    body = sent(*turns, stable_messages=2)
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [None, mark, None]
    assert "cache_control" not in str(body["system"])
    assert "cache_control" not in str(sent(*turns))
    assert "cache_control" not in str(sent(*turns, stable_messages=1, avoid=frozenset({"cache_control"})))
    assert "cache_control" not in str(sent(said("system", "short"), said("user", LONG), stable_messages=1))
    assert "cache_control" not in str(sent(*turns, stable_messages=1, to=model("claude-haiku-4-5")))


def test_tools_count_to_the_beginning_and_a_later_system_message_ends_it() -> None:
    big = Tool("big", LONG, {"type": "object"})
    assert (
        "cache_control"
        in sent(said("system", "s"), said("user", "u"), tools=(big,), stable_messages=1)["system"][0]
    )
    late = (said("system", LONG), said("user", "one"), said("system", "today"), said("user", "two"))
    body = sent(*late, stable_messages=2)
    assert [block.get("cache_control") for block in body["system"]] == [{"type": "ephemeral"}, None]
    assert "cache_control" not in str(body["messages"])


USAGE: dict[str, Any] = {
    "input_tokens": 5,
    "cache_read_input_tokens": 10,
    "cache_creation_input_tokens": 20,
    "cache_creation": {"ephemeral_5m_input_tokens": 12, "ephemeral_1h_input_tokens": 8},
    "output_tokens": 7,
}
WHOLE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "Grüß", "signature": "sig"},
        {"type": "redacted_thinking", "data": "hidden"},
        {"type": "text", "text": "Hello 👋", "citations": [{"type": "page_location"}]},
        {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Bern"}},
        {"type": "tool_use", "id": "t2", "name": "weather", "input": {}},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"q": "x"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "container": {"id": "c"},
    "usage": {**USAGE, "service_tier": "standard", "output_tokens_details": {"thinking_tokens": 3}},
}
COMPLETION = Completion(
    text="Hello 👋",
    tool_calls=(ToolCall("t1", "weather", '{"city":"Bern"}'), ToolCall("t2", "weather", "{}")),
    reasoning=(Reasoning("Grüß", {"signature": "sig"}), Reasoning("", {"data": "hidden"})),
    usage=Usage(35, 7, 10, cache_write_tokens=20, reasoning_tokens=3, cache_write_1h_tokens=8),
    finish="tool",
    model="claude-x",
    id="msg_1",
    extra={
        "container": {"id": "c"},
        "usage": {"service_tier": "standard"},
        "citations": [{"type": "page_location"}],
        "content": [WHOLE["content"][-1]],
    },
)


def decoded(**changes: Any) -> Completion:
    return anthropic.decode(200, {}, json.dumps({**WHOLE, **changes}).encode())


def event(kind: str, **fields: Any) -> bytes:
    told = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {told}\n\n".encode()


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    pieces = b"".join(event("content_block_delta", index=index, delta=delta) for delta in deltas)
    return (
        event("content_block_start", index=index, content_block=start)
        + pieces
        + event("content_block_stop", index=index)
    )


def piece(**fields: str) -> dict[str, Any]:
    return {"type": "delta", **fields}


BEGUN = event("message_start", message={**WHOLE, "content": [], "stop_reason": None, "container": None,
    "usage": {**USAGE, "output_tokens": 1, "service_tier": "standard"}})  # fmt: skip
ENDED = event(
    "message_delta",
    delta={"stop_reason": "tool_use", "stop_sequence": None, "container": {"id": "c"}},
    usage={"input_tokens": 5, "output_tokens": 7, "output_tokens_details": {"thinking_tokens": 3}},
) + event("message_stop")
STREAM = b"".join(
    [
        BEGUN,
        event("ping"),
        block(0, {"type": "thinking", "thinking": "", "signature": ""}, piece(thinking="Gr"), piece(thinking="üß"),
              piece(signature="sig")),
        block(1, {"type": "redacted_thinking", "data": "hidden"}),
        block(2, {"type": "text", "text": ""}, {"type": "citations_delta", "citation": {"type": "page_location"}},
              piece(text="Hel"), piece(text="lo 👋")),
        block(3, {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}, piece(partial_json=""),
              piece(partial_json='{"city"'), piece(partial_json=':"Bern"}')),
        block(4, {"type": "tool_use", "id": "t2", "name": "weather", "input": {}}),
        block(5, {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
              piece(partial_json='{"q":'), piece(partial_json=' "x"}')),
        event("a_new_kind", what=1),
        ENDED,
    ]
)  # fmt: skip


def read(stream: bytes, cuts: list[int]) -> tuple[Completion, list[Any]]:
    decoder = anthropic.Stream()
    bounds = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    deltas = [delta for start, end in pairwise(bounds) for delta in decoder.feed(stream[start:end])]
    return decoder.finish(), deltas


def test_a_whole_answer_is_read() -> None:
    assert decoded() == COMPLETION


@given(st.lists(st.integers(0, 10_000), max_size=40), st.booleans())
def test_a_stream_reads_as_the_whole_answer_wherever_it_is_cut(cuts: list[int], is_crlf: bool) -> None:
    completion, deltas = read(STREAM.replace(b"\n", b"\r\n") if is_crlf else STREAM, cuts)
    assert completion == COMPLETION
    assert "".join(each.text for each in deltas if isinstance(each, TextDelta)) == "Hello 👋"
    assert "".join(each.text for each in deltas if isinstance(each, ReasoningDelta)) == "Grüß"
    calls = [each for each in deltas if isinstance(each, ToolCallDelta)]
    assert [(each.index, each.id, each.name) for each in calls if each.id] == [
        (0, "t1", "weather"),
        (1, "t2", "weather"),
    ]
    for index, call in enumerate(COMPLETION.tool_calls):
        assert "".join(each.arguments for each in calls if each.index == index) == call.arguments


@given(st.integers(0, len(STREAM) - len(event("message_stop"))))
def test_a_stream_cut_before_its_end_is_never_taken_for_whole(length: int) -> None:
    with pytest.raises(ProviderUnavailable, match="broke off"):
        read(STREAM[:length], [])


def test_the_call_of_the_answers_tool_is_the_answer() -> None:
    use = {"type": "tool_use", "id": "t", "name": "answer__output", "input": {"urgency": "high"}}
    completion = decoded(content=[use], stop_reason="tool_use")
    assert (completion.text, completion.finish, completion.tool_calls) == ('{"urgency":"high"}', "stop", ())
    start = {**use, "input": {}}
    answer = block(0, start, piece(partial_json='{"urgency":'), piece(partial_json=' "high"}'))
    completion, deltas = read(BEGUN + answer + ENDED, [])
    assert (completion.text, completion.finish) == ('{"urgency": "high"}', "stop")
    assert deltas == [TextDelta('{"urgency":'), TextDelta(' "high"}')]
    beside = decoded(content=[use, WHOLE["content"][3]])
    assert (beside.finish, len(beside.tool_calls)) == ("tool", 1)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool"),
        ("refusal", "filter"),
        ("pause_turn", "other"),
        ("something_new", "other"),
        (None, "other"),
    ],
)
def test_reasons_to_stop(reason: str | None, finish: str) -> None:
    assert decoded(stop_reason=reason).finish == finish
    assert decoded(stop_sequence="END").extra["stop_sequence"] == "END"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", ProviderUnavailable),
        ("api_error", ProviderUnavailable),
        ("timeout_error", ProviderUnavailable),
        ("rate_limit_error", ProviderRateLimited),
        ("invalid_request_error", ProviderRefused),
        ("something_new", ProviderUnavailable),
    ],
)
def test_an_error_inside_of_an_answer_is_an_error(kind: str, expected: type[ProviderError]) -> None:
    failure = {"type": "error", "error": {"type": kind, "message": "no such luck"}}
    with pytest.raises(expected, match="no such luck"):
        read(BEGUN + event("error", error=failure["error"]) + ENDED, [])
    with pytest.raises(expected, match="no such luck"):
        anthropic.decode(200, {}, json.dumps(failure).encode())


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ('"thinking.type.enabled" is not supported. Use "thinking.type.adaptive" and effort.', "budget_tokens"),
        ("adaptive thinking is not supported on this model", "thinking"),
        ("This model does not support the effort parameter.", "effort"),
        ("Thinking may not be enabled when tool_choice forces tool use.", "thinking"),
        ("output_config.format: Extra inputs are not permitted", "output_format"),
        ("The compiled grammar is too large", "output_format"),
        ("tools.0.custom.strict: Extra inputs are not permitted", "strict"),
        ("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "top_p"),
        ("`temperature` is deprecated for this model.", "temperature"),
        ("tool_choice: not supported", "tool_choice"),
    ],
)  # fmt: skip
def test_a_refused_parameter_is_named(message: str, parameter: str) -> None:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    with pytest.raises(ParameterRefused) as refused:
        anthropic.decode(400, {}, json.dumps(body).encode())
    assert refused.value.parameter == parameter


def test_an_empty_account_and_a_begun_answer_are_refused_as_what_they_are() -> None:
    for message in ("Your credit balance is too low", "This model does not support assistant message prefill."):
        with pytest.raises(ProviderRefused, match=message) as refused:
            anthropic.decode(400, {}, json.dumps({"error": {"message": message}}).encode())
        assert not isinstance(refused.value, ParameterRefused)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"content": 3}', b'{"content": [{"text": "a"}]}', b'{"content": [{"type": "text", "text": 3}]}',
     json.dumps({**WHOLE, "usage": {"input_tokens": "many"}}).encode(), b"\xff\xfe"],
)  # fmt: skip
def test_garbage_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProviderProtocol):
        anthropic.decode(200, {}, body)


def test_events_that_cannot_be_are_a_protocol_error() -> None:
    for data in (b"1", b'{"type": "ping"},{"type": "message_stop"}', b'{"type": 3}', b"{"):
        with pytest.raises(ProviderProtocol):
            anthropic.Stream().feed(b"data: " + data + b"\n\n")


def test_models_are_listed_and_there_are_no_embeddings() -> None:
    listing = anthropic.encode_listing()
    assert (listing.method, listing.path.partition("?")[0]) == ("GET", "/models")
    body = (
        b'{"data": [{"type": "model", "id": "claude-b"}, {"type": "model", "id": "claude-a"}], "has_more": false}'
    )
    assert anthropic.decode_listing(200, {}, body) == ("claude-b", "claude-a")
    with pytest.raises(ProviderRefused) as refused:
        anthropic.encode_embeddings(EmbeddingRequest(("a",), 1), model())
    assert "embedding model" in refused.value.hint
