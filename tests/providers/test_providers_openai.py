"""The OpenAI dialect as pure translation: what is sent, what is read, and what is refused."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_server import DONE, USAGE, chunks, whole
from steadyhand.errors import (
    ParameterRefused,
    ProviderError,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from steadyhand.providers.dialects import openai
from steadyhand.types.ids import ModelId
from steadyhand.types.json import JsonSchema
from steadyhand.types.message import Message
from steadyhand.types.model import Completion, CompletionRequest, Model, Provider, Task, Usage
from steadyhand.types.text import Segment

SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {"urgency": {"enum": ["high", "low"]}, "note": {"type": "string", "maxLength": 80}},
    "required": ["urgency", "note"],
    "additionalProperties": False,
}
PROVIDER = Provider(
    name="p", dialect="openai", base_url="http://h/v1", key_variable="", place="us", clearance="public"
)
MODEL = Model(id=ModelId("p:m"), provider=PROVIDER, name="m", price=None, context_tokens=None)


def request(schema: JsonSchema | None = None) -> CompletionRequest:
    rules = Segment("Be brief.", "contract", "trusted", "public")
    asked = Segment("Grüße 👋", "caller", "untrusted", "public")
    return CompletionRequest(
        messages=(Message("system", (rules,)), Message("user", (asked,))),
        task=Task(input={}, query="", output_schema={}),
        output_schema=schema,
        timeout_s=1,
    )


def sent(schema: JsonSchema | None = None, avoid: frozenset[str] = frozenset()) -> dict[str, Any]:
    wire = openai.encode(request(schema), MODEL, is_streamed=True, avoid=avoid)
    assert wire.path == "/chat/completions"
    body: dict[str, Any] = json.loads(wire.body)
    return body


def read(stream: bytes, cuts: list[int] | None = None) -> Completion:
    decoder = openai.Stream()
    bounds = [0, *sorted(cuts or []), len(stream)]
    heard = [delta.text for a, b in pairwise(bounds) for delta in decoder.feed(stream[a:b])]
    completion = decoder.finish()
    assert "".join(heard) == completion.text
    return completion


def test_a_request_says_the_model_the_messages_and_that_usage_is_wanted() -> None:
    body = sent()
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Grüße 👋"},
    ]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0.0, 2048)
    assert body["stream_options"] == {"include_usage": True}
    assert "response_format" not in body


def test_a_schema_that_strict_mode_can_say_is_sent_strict_without_the_limits_it_does_not_know() -> None:
    told = sent(SCHEMA)["response_format"]["json_schema"]
    assert told["strict"] is True
    assert told["schema"]["properties"]["note"] == {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        {**SCHEMA, "required": ["urgency"]},
        {**SCHEMA, "additionalProperties": True},
        {**SCHEMA, "oneOf": [{}]},
        {**SCHEMA, "properties": {"urgency": {}, "note": {"type": "object"}}},
        {"type": "array", "items": SCHEMA},
        {**SCHEMA, "properties": 7},
        {**SCHEMA, "required": [["urgency"], {}]},
        {**SCHEMA, "anyOf": "urgency"},
    ],
)
def test_a_schema_that_strict_mode_cannot_say_is_sent_whole_and_not_strict(schema: JsonSchema) -> None:
    told = sent(schema)["response_format"]["json_schema"]
    assert (told["strict"], told["schema"]) == (False, schema)


def test_an_open_object_is_closed_for_strict_mode() -> None:
    inner = {
        "type": "array",
        "items": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    }
    schema: JsonSchema = {"type": "object", "properties": {"rows": inner}, "required": ["rows"], "title": "T"}
    told = sent(schema)["response_format"]["json_schema"]
    assert told["strict"] is True
    assert told["schema"]["additionalProperties"] is False
    assert told["schema"]["properties"]["rows"]["items"]["additionalProperties"] is False


def test_a_refused_schema_is_said_in_the_system_message_instead() -> None:
    body = sent(SCHEMA, frozenset({"response_format"}))
    assert body["response_format"] == {"type": "json_object"}
    assert body["messages"][0]["content"].startswith("Be brief.\n\nAnswer with one JSON object")
    assert json.dumps("urgency") in body["messages"][0]["content"]
    assert len(body["messages"]) == 2


def test_other_refused_parameters_are_left_out_or_renamed() -> None:
    body = sent(avoid=frozenset({"temperature", "max_tokens", "stream_options"}))
    assert body["max_completion_tokens"] == 2048
    assert not {"temperature", "max_tokens", "stream_options"} & body.keys()


def test_a_whole_answer_is_read() -> None:
    completion = openai.decode(200, {}, json.dumps(whole("hello", "length")).encode())
    assert completion == Completion(text="hello", usage=Usage(11, 7, 4), finish="length", model="m-1", id="c1")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 5}, Usage(9, 2, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "num_cached_tokens": 3}, Usage(9, 2, 3)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": None}, Usage(9, 2, 0)),
        ({"prompt_tokens": 3_000_000_000, "completion_tokens": 2}, Usage()),
        ({"prompt_tokens": 9, "completion_tokens": -2}, Usage()),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "total_tokens": 41,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            Usage(9, 32, reasoning_tokens=30),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 32,
                "total_tokens": 41,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            Usage(9, 32, reasoning_tokens=30),
        ),
        (None, Usage()),
    ],
)
def test_tokens_are_counted_as_each_vendor_reports_them(usage: dict[str, Any] | None, expected: Usage) -> None:
    assert openai.decode(200, {}, json.dumps(whole("x", usage=usage)).encode()).usage == expected
    assert read(b"".join(chunks("x", usage=usage))).usage == expected


def test_thoughts_are_not_part_of_the_text_and_a_refusal_is_a_filter() -> None:
    reply = whole("")
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "4"}]
    reply["choices"][0]["message"] = {"content": parts, "reasoning": "hm", "role": "assistant"}
    assert openai.decode(200, {}, json.dumps(reply).encode()).text == "4"
    reply["choices"][0]["message"] = {"content": None, "refusal": "I cannot help with that."}
    refused = openai.decode(200, {}, json.dumps(reply).encode())
    assert (refused.text, refused.finish) == ("", "filter")


@given(st.lists(st.integers(0, 2000), max_size=40), st.booleans())
def test_a_stream_reads_the_same_wherever_it_is_cut(cuts: list[int], is_crlf: bool) -> None:
    stream = b": keep-alive\n\n" + b"".join(chunks("Grüße 👋 aus Zürich – schön"))
    stream = stream.replace(b"\n", b"\r\n") if is_crlf else stream
    bounded = [cut % (len(stream) + 1) for cut in cuts]
    assert read(stream, bounded) == Completion(
        text="Grüße 👋 aus Zürich – schön", usage=Usage(11, 7, 4), finish="stop", model="m-1", id="c1"
    )


@given(st.integers(0, 2000))
def test_a_stream_cut_before_its_end_is_never_taken_for_whole(length: int) -> None:
    sent = chunks("one two three four")
    ended = len(b"".join(sent[:-2]))  # up to and with the finish reason
    stream = b"".join(sent)[: length % (ended - 2)]
    with pytest.raises(ProviderUnavailable, match="broke off"):
        read(stream)


def test_a_finish_reason_or_the_end_mark_alone_ends_a_stream() -> None:
    sent = chunks("one two", usage=None)
    assert read(b"".join(sent[:-1])).text == "one two"
    without_reason = read(b"".join([*sent[:-2], DONE.strip()]))
    assert (without_reason.text, without_reason.finish) == ("one two", "other")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "overloaded", "code": 503}, ProviderUnavailable),
        ({"message": "slow down", "code": 429}, ProviderRateLimited),
        ({"message": "slow down", "type": "rate_limit_exceeded"}, ProviderRateLimited),
        ({"message": "bad", "type": "invalid_request_error", "code": None}, ProviderRefused),
        ({"message": "The server had an error", "type": "server_error"}, ProviderUnavailable),
        ("it broke", ProviderUnavailable),
    ],
)
def test_an_error_inside_an_answer_is_an_error(error: object, expected: type[ProviderError]) -> None:
    event = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    with pytest.raises(expected):
        read(b"".join([*chunks("half an")[:2], event, DONE]))
    with pytest.raises(expected):
        openai.decode(200, {}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, ProviderRefused),
        (400, ProviderRefused),
        (401, ProviderRefused),
        (402, ProviderRefused),
        (403, ProviderRefused),
        (404, ProviderRefused),
        (408, ProviderTimeout),
        (429, ProviderRateLimited),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
        (529, ProviderUnavailable),
    ],
)
def test_a_status_becomes_the_error_that_says_what_to_do(status: int, expected: type[ProviderError]) -> None:
    with pytest.raises(expected, match="no such luck") as raised:
        openai.decode(status, {}, b'{"error": {"message": "no such luck"}}')
    assert type(raised.value) is expected


def test_a_rate_limit_says_how_long_to_wait_but_an_empty_account_does_not_pass_for_one() -> None:
    with pytest.raises(ProviderRateLimited) as limited:
        openai.decode(429, {"retry-after": "7"}, b"slow down")
    assert limited.value.retry_after_s == 7.0
    with pytest.raises(ProviderRateLimited) as undated:
        openai.decode(429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"")
    assert undated.value.retry_after_s is None
    with pytest.raises(ProviderRefused, match="exceeded your current quota"):
        openai.decode(
            429, {}, b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
        )


@pytest.mark.parametrize(
    ("status", "body", "parameter"),
    [
        (
            400,
            {
                "error": {
                    "message": "Unsupported parameter: 'max_tokens' is not supported with this model.",
                    "param": "max_tokens",
                }
            },
            "max_tokens",
        ),
        (400, {"error": {"message": "Unsupported value", "param": "temperature"}}, "temperature"),
        (400, {"error": {"message": "This response_format type is unavailable now"}}, "response_format"),
        (400, {"error": {"message": "model does not support response format `json_schema`"}}, "response_format"),
        (
            422,
            {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]},
            "stream_options",
        ),
    ],
)
def test_a_refused_parameter_is_named(status: int, body: dict[str, Any], parameter: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        openai.decode(status, {}, json.dumps(body).encode())
    assert (refused.value.parameter, refused.value.vendor_status) == (parameter, status)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"choices": 3}', b'{"choices": []}', b"\xff\xfe"])
def test_garbage_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProviderProtocol):
        openai.decode(200, {}, body)


@given(st.binary(max_size=300))
def test_no_bytes_at_all_raise_anything_but_provider_errors(junk: bytes) -> None:
    for prefix in (b"", b"data: ", b'data: {"choices": '):
        with suppress(ProviderError):
            read(prefix + junk + b"\n\n")
    with suppress(ProviderError):
        openai.decode(200, {}, junk)


def test_usage_fields_have_the_types_that_msgspec_checks() -> None:
    with pytest.raises(ProviderProtocol):
        openai.decode(200, {}, msgspec.json.encode({**whole("x"), "usage": {**USAGE, "prompt_tokens": "many"}}))
