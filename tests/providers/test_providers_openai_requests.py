"""Requests in OpenAI's two dialects: every part of a conversation, every parameter, and what its vendors differ in.

The vendor's own package describes the requests it takes; ours have to come through it unchanged.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import msgspec
import pytest
from openai.types.chat import ChatCompletionContentPartParam
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import response_create_params as response_params
from pydantic import TypeAdapter

from steadyhand.errors import ProviderRefused
from steadyhand.providers.dialects import openai, openai_responses
from steadyhand.types.ids import ModelId
from steadyhand.types.message import Media, Message, Part, Reasoning, Tool, ToolCall, ToolChoice, ToolResult
from steadyhand.types.model import CompletionRequest, EmbeddingRequest, Model, Prefill, Provider
from steadyhand.types.text import Segment

DIALECTS = [openai, openai_responses]
ACCEPTED = {
    openai: TypeAdapter(chat_params.CompletionCreateParamsNonStreaming),
    openai_responses: TypeAdapter(response_params.ResponseCreateParamsNonStreaming),
}
PARTS = TypeAdapter(list[ChatCompletionContentPartParam])

WEATHER = Tool("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
STRICT = Tool(
    "add",
    "",
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False},
    is_strict=True,
)
SCHEMA = STRICT.parameters
PNG = Media("image/png", data="iVBORw0=")
PDF = Media("application/pdf", data="JVBERi0=", name="bill.pdf")


def model(base_url: str = "https://h.example/v1", prefill: Prefill = "none") -> Model:
    provider = Provider(
        name="p", dialect="openai", base_url=base_url, place="us", clearance="public", prefill=prefill
    )
    return Model(id=ModelId("p:m"), provider=provider, name="m", price=None, context_tokens=None)


OPENAI = model("https://api.openai.com/v1")


def text(words: str) -> Segment:
    return Segment(words, "caller", "untrusted", "public")


def user(*parts: Part) -> Message:
    return Message("user", parts)


def assistant(*parts: Part) -> Message:
    return Message("assistant", parts)


TALK = (
    Message("system", (text("Be brief."),)),
    Message("system", (text("Be kind."),)),
    user(text("What is on "), text("these?"), PNG, Media("image/*", url="https://h/a.png"), PDF),
    assistant(
        text("Let me see."), ToolCall("call_1", "weather", '{"city": "Bern"}'), ToolCall("call_2", "add", "{}")
    ),
    user(
        ToolResult("call_1", (text("sunny"),)), ToolResult("call_2", (text("no a"),), is_error=True), text("Well?")
    ),
)


def request(*messages: Message, **changes: Any) -> CompletionRequest:
    return replace(
        CompletionRequest(
            messages=messages
            or (
                user(
                    text("Hi"),
                ),
            ),
            timeout_s=1,
        ),
        **changes,
    )


def sent(
    dialect: ModuleType, asked: CompletionRequest, to: Model = OPENAI, avoid: frozenset[str] = frozenset()
) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(dialect.encode(asked, to, is_streamed=False, avoid=avoid).body)
    return body


FULL = {
    "tools": (WEATHER, STRICT),
    "tool_choice": ToolChoice("tool", "add", is_parallel=False),
    "output_schema": SCHEMA,
    "output_name": "sum",
    "top_p": 0.9,
    "effort": "low",
    "user": "u1",
    "stable_messages": 2,
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "changes", [{}, FULL, {"is_json": True}, {"tools": (WEATHER,), "tool_choice": ToolChoice()}]
)
def test_the_vendors_own_types_take_every_request_whole(dialect: ModuleType, changes: dict[str, Any]) -> None:
    body = sent(dialect, request(*TALK, **changes))
    for message in body.get(
        "messages", []
    ):  # pydantic reads the parts of these only once, while it looks for a type
        if isinstance(message["content"], list):
            assert PARTS.dump_python(PARTS.validate_python(message["content"])) == message["content"]
            message["content"] = "parts"
    adapter: TypeAdapter[Any] = ACCEPTED[dialect]
    assert json.loads(adapter.dump_json(adapter.validate_python(body), warnings=False)) == body


def test_a_conversation_keeps_its_order_and_results_follow_their_calls() -> None:
    messages = sent(openai, request(*TALK))["messages"]
    assert [message["role"] for message in messages] == [
        "system",
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert [part["type"] for part in messages[2]["content"]] == ["text", "text", "image_url", "image_url", "file"]
    assert messages[2]["content"][2]["image_url"] == {"url": "data:image/png;base64,iVBORw0="}
    assert messages[2]["content"][4]["file"]["file_data"] == "data:application/pdf;base64,JVBERi0="
    assert [call["id"] for call in messages[3]["tool_calls"]] == ["call_1", "call_2"]
    assert messages[5] == {"role": "tool", "tool_call_id": "call_2", "content": "Error: no a"}
    assert messages[6] == {"role": "user", "content": "Well?"}

    items = sent(openai_responses, request(*TALK))["input"]
    kinds = [item.get("type", item.get("role")) for item in items]
    calls = ["function_call", "function_call", "function_call_output", "function_call_output"]
    assert kinds == ["system", "system", "user", "assistant", *calls, "user"]
    assert [part["type"] for part in items[2]["content"]][2:] == ["input_image", "input_image", "input_file"]
    assert items[2]["content"][3]["image_url"] == "https://h/a.png"
    assert items[4] == {
        "type": "function_call",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city": "Bern"}',
    }


def test_media_of_a_tool_go_where_the_dialect_takes_them() -> None:
    talk = (assistant(ToolCall("c", "look", "{}")), user(ToolResult("c", (text("Here:"), PNG), name="look")))
    messages = sent(openai, request(*talk))["messages"]
    assert messages[0]["content"] is None
    assert messages[1]["content"] == "Here:\n(The files of this result are in the next message.)"
    assert messages[2]["content"][0] == {"type": "text", "text": "Files of the result of look:"}
    assert messages[2]["content"][1]["type"] == "image_url"
    output = sent(openai_responses, request(*talk))["input"][1]["output"]
    assert [part["type"] for part in output] == ["input_text", "input_image"]


def test_documents_with_a_url_are_fetched_by_the_vendor() -> None:
    document = Media("application/pdf", url="https://h/bill.pdf")
    content = sent(openai_responses, request(user(document)))["input"][0]["content"]
    assert content == [{"type": "input_file", "file_url": "https://h/bill.pdf"}]
    content = sent(openai, request(user(document)))["messages"][0]["content"]
    assert content[0]["file"]["file_data"] == "https://h/bill.pdf"


def test_every_parameter_has_its_place() -> None:
    body = sent(openai, request(seed=7, stop=("END",), **FULL))
    assert (body["seed"], body["stop"], body["top_p"], body["reasoning_effort"]) == (7, ["END"], 0.9, "low")
    assert body["tools"][0]["function"]["parameters"] == WEATHER.parameters
    assert "strict" not in body["tools"][0]["function"]
    assert body["tools"][1]["function"]["strict"] is True
    assert body["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    assert body["parallel_tool_calls"] is False
    assert body["response_format"]["json_schema"] == {"name": "sum", "strict": True, "schema": SCHEMA}

    body = sent(openai_responses, request(**FULL))
    assert (body["max_output_tokens"], body["reasoning"], body["store"]) == (2048, {"effort": "low"}, False)
    assert body["include"] == ["reasoning.encrypted_content"]
    assert [tool["strict"] for tool in body["tools"]] == [False, True]
    assert body["tool_choice"] == {"type": "function", "name": "add"}
    assert body["text"]["format"] == {"type": "json_schema", "name": "sum", "strict": True, "schema": SCHEMA}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_not_asked_for_is_left_to_the_vendor(dialect: ModuleType) -> None:
    body = sent(dialect, request(max_output_tokens=None, temperature=None, tool_choice=ToolChoice("required")))
    assert body.keys() <= {"model", "messages", "input", "store"}
    assert sent(dialect, request(tools=(WEATHER,), tool_choice=ToolChoice("none")))["tool_choice"] == "none"


def test_a_dialect_without_stop_sequences_says_so_instead_of_running_past_them() -> None:
    with pytest.raises(ProviderRefused, match="stop sequences"):
        sent(openai_responses, request(stop=("END",)))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_fields_of_the_caller_pass_untouched_and_win(dialect: ModuleType) -> None:
    extra = {"store": True, "logit_bias": {"1": 2}, "reasoning": {"summary": "auto"}, "temperature": 0.5}
    body = sent(dialect, request(effort="low", extra=extra))
    assert body["store"] is True
    assert body["logit_bias"] == {"1": 2}
    assert body["temperature"] == 0.5
    assert body["reasoning"]["summary"] == "auto"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_vendors_own_tool_of_the_caller_comes_behind_ours(dialect: ModuleType) -> None:
    search: Any = {"type": "web_search"}
    body = sent(dialect, request(tools=(Tool("add", "", {"type": "object"}),), extra={"tools": [search]}))
    assert [tool["type"] for tool in body["tools"]] == ["function", "web_search"]


def test_tokens_of_a_stream_are_counted_whatever_the_caller_says_of_it() -> None:
    options = {"include_usage": False, "include_obfuscation": False}
    wire = openai.encode(request(extra={"stream_options": options}), OPENAI, is_streamed=True)
    body = json.loads(wire.body)
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert json.loads(openai_responses.encode(request(), OPENAI, is_streamed=True).body)["stream"] is True


@pytest.mark.parametrize("dialect", DIALECTS)
def test_only_openai_hears_of_its_own_parameters(dialect: ModuleType) -> None:
    asked = request(*TALK, user="u1", stable_messages=2)
    body = sent(dialect, asked)
    assert body["safety_identifier"] == "u1"
    assert len(body["prompt_cache_key"]) == 32
    assert sent(dialect, replace(asked, messages=TALK[:3]))["prompt_cache_key"] == body["prompt_cache_key"]
    assert sent(dialect, replace(asked, stable_messages=3))["prompt_cache_key"] != body["prompt_cache_key"]
    azure = sent(dialect, asked, model("https://mine.openai.azure.com/openai/v1"))
    assert azure["prompt_cache_key"] == body["prompt_cache_key"]
    for host in ("https://openai.com.evil.example/v1", "http://127.0.0.1:1/v1"):
        other = sent(dialect, asked, model(host))
        assert other["user"] == "u1"
        assert not {"safety_identifier", "prompt_cache_key"} & other.keys()


@pytest.mark.parametrize(
    ("prefill", "message", "flags"),
    [
        ("none", {}, {}),
        ("plain", {}, {}),
        ("prefix", {"prefix": True}, {}),
        ("vllm", {}, {"continue_final_message": True, "add_generation_prompt": False}),
    ],
)
def test_an_answer_that_was_begun_goes_on_as_the_provider_wants_it(
    prefill: Prefill, message: dict[str, Any], flags: dict[str, Any]
) -> None:
    body = sent(openai, request(user(text("Count.")), assistant(text("One,"))), model(prefill=prefill))
    assert body["messages"][-1] == {"role": "assistant", "content": "One,", **message}
    assert {name: body[name] for name in flags} == flags
    ended = sent(openai, request(user(text("Count."))), model(prefill=prefill))
    assert "prefix" not in ended["messages"][-1]
    assert "continue_final_message" not in ended


@pytest.mark.parametrize(
    ("opaque", "fields"),
    [
        ({}, {"reasoning_content": "Hm."}),
        ({"field": "reasoning_content"}, {"reasoning_content": "Hm."}),
        ({"field": "reasoning"}, {"reasoning": "Hm."}),
        ({"reasoning_details": [{"type": "reasoning.text"}]}, {"reasoning_details": [{"type": "reasoning.text"}]}),
        ({"signature": "of another dialect"}, {}),
    ],
)
def test_a_thought_goes_back_into_the_field_it_came_from(opaque: dict[str, Any], fields: dict[str, Any]) -> None:
    talk = request(user(text("Hi")), assistant(Reasoning("Hm.", opaque), text("Yes")))
    assert sent(openai, talk)["messages"][1] == {"role": "assistant", "content": "Yes", **fields}
    refused = sent(openai, talk, avoid=frozenset({"reasoning"}))
    assert refused["messages"][1] == {"role": "assistant", "content": "Yes"}


def test_thoughts_of_mistral_go_back_before_the_text() -> None:
    content = sent(openai, request(assistant(Reasoning("Hm.", {"field": "content"}), text("Yes"))))["messages"][0]
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    assert content["content"] == [thinking, {"type": "text", "text": "Yes"}]


def test_only_thoughts_that_the_vendor_can_read_go_back_to_responses() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    thoughts = [Reasoning("", item), Reasoning("", item | {"encrypted_content": None}), Reasoning("Hm.")]
    talk = request(assistant(*thoughts, ToolCall("c", "add", "{}", {"namespace": "sums"})))
    call = {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}", "namespace": "sums"}
    assert sent(openai_responses, talk)["input"] == [item, call]
    assert sent(openai_responses, talk, avoid=frozenset({"reasoning"}))["input"] == [call]


def test_ids_of_calls_are_shortened_for_the_models_that_insist_on_it() -> None:
    calls = [ToolCall("call_from_elsewhere", "add", "{}"), ToolCall("abcDEF123", "add", "{}")]
    results = [ToolResult(call.id, (text("1"),)) for call in calls]
    avoid = frozenset({"tool_call_id"})
    messages = sent(openai, request(assistant(*calls), user(*results)), avoid=avoid)["messages"]
    ids = [call["id"] for call in messages[0]["tool_calls"]]
    assert len(ids[0]) == 9
    assert ids[0].isalnum()
    assert ids[1] == "abcDEF123"
    assert [message["tool_call_id"] for message in messages[1:]] == ids


def test_the_signature_of_a_call_goes_back_with_it() -> None:
    signed = ToolCall("c", "add", "{}", {"extra_content": {"google": {"thought_signature": "s"}}})
    call = sent(openai, request(assistant(signed)))["messages"][0]["tool_calls"][0]
    assert call["extra_content"] == {"google": {"thought_signature": "s"}}


def test_responses_leave_out_what_was_refused_and_say_a_refused_schema() -> None:
    avoid = frozenset(
        {"temperature", "reasoning_effort", "include", "store", "prompt_cache_key", "response_format"}
    )
    body = sent(openai_responses, request(**FULL), avoid=avoid)
    assert not {"temperature", "reasoning", "include", "store", "prompt_cache_key"} & body.keys()
    assert body["text"] == {"format": {"type": "json_object"}}
    assert body["input"][0]["content"].endswith(json.dumps(SCHEMA, separators=(",", ":")))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_key_is_sent_in_the_header_that_the_provider_names(dialect: ModuleType) -> None:
    wire, now = dialect.encode(request(), OPENAI, is_streamed=False), datetime(2026, 11, 21, tzinfo=UTC)
    assert dialect.authorize(OPENAI.provider, wire, "k", now) == {"authorization": "Bearer k"}
    azure = replace(OPENAI.provider, key_header="api-key")
    assert dialect.authorize(azure, wire, "k", now) == {"api-key": "k"}


def test_texts_to_embed_are_sent_with_the_length_wanted() -> None:
    wire = openai_responses.encode_embeddings(EmbeddingRequest(("a", "b"), 1, dimensions=8), OPENAI)
    assert json.loads(wire.body) == {"model": "m", "input": ["a", "b"], "encoding_format": "float", "dimensions": 8}
