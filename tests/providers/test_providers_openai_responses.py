"""Answers in OpenAI's responses dialect: items, thoughts, calls, the ways to end, and errors after a status 200."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import openai as vendor
import pytest
from hypothesis import given
from hypothesis import strategies as st

import openai_server as upstream
from openai_server import serving
from steadyhand.errors import (
    ParameterRefused,
    ProviderError,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
)
from steadyhand.providers.dialects import openai_responses
from steadyhand.types.message import Delta, Reasoning, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta
from steadyhand.types.model import Completion, Usage

THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Größe?"}, {"type": "summary_text", "text": "Frage."}],
    "encrypted_content": "gAAA",
}
SAID = {
    "type": "message",
    "id": "msg_1",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Ich frage 👋.", "annotations": [], "logprobs": []}],
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "add",
    "arguments": '{"x":"ü"}',
    "status": "completed",
}
SEARCH = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "q"},
}
USAGE = {
    "input_tokens": 11,
    "output_tokens": 7,
    "total_tokens": 18,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
    "output_tokens_details": {"reasoning_tokens": 3},
}


def response(*output: dict[str, Any], **changes: Any) -> dict[str, Any]:
    found = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "m-1",
        "output": list(output),
        "usage": USAGE,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "metadata": {},
    }
    return found | changes


def read(body: dict[str, Any]) -> Completion:
    return openai_responses.decode(200, {}, json.dumps(body).encode())


def event(kind: str, place: int = 0, **fields: Any) -> bytes:
    data = {"type": f"response.{kind}", "sequence_number": 0, "output_index": place, **fields}
    return f"event: response.{kind}\ndata: {json.dumps(data)}\n\n".encode()


def begun(place: int, item: dict[str, Any], **empty: Any) -> bytes:
    return event("output_item.added", place, item=item | {"status": "in_progress"} | empty)


def ended(place: int, item: dict[str, Any]) -> bytes:
    return event("output_item.done", place, item=item)


BEFORE = b"".join(
    [
        event("created", response=response(status="in_progress", usage=None)),
        begun(0, THOUGHT, summary=[]),
        event("reasoning_summary_part.added", 0, item_id="rs_1", summary_index=0, part={"type": "summary_text", "text": ""}),
        event("reasoning_summary_text.delta", 0, item_id="rs_1", summary_index=0, delta="Größe?"),
        event("reasoning_summary_part.added", 0, item_id="rs_1", summary_index=1, part={"type": "summary_text", "text": ""}),
        event("reasoning_summary_text.delta", 0, item_id="rs_1", summary_index=1, delta="Frage."),
        ended(0, THOUGHT),
        begun(1, SAID, content=[]),
        event("content_part.added", 1, item_id="msg_1", content_index=0, part=SAID["content"][0] | {"text": ""}),
        event("output_text.delta", 1, item_id="msg_1", content_index=0, logprobs=[], delta="Ich frage"),
        event("output_text.delta", 1, item_id="msg_1", content_index=0, logprobs=[], delta=" 👋."),
        event("output_text.done", 1, item_id="msg_1", content_index=0, logprobs=[], text="Ich frage 👋."),
        ended(1, SAID),
        begun(2, CALL, arguments=""),
        event("function_call_arguments.delta", 2, item_id="fc_1", delta='{"x":'),
        event("function_call_arguments.delta", 2, item_id="fc_1", delta='"ü"}'),
        event("function_call_arguments.done", 2, item_id="fc_1", name="add", arguments='{"x":"ü"}'),
        ended(2, CALL),
    ]
)  # fmt: skip
RICH = BEFORE + event("completed", response=response(THOUGHT, SAID, CALL))


def heard(body: bytes, cuts: list[int] | None = None) -> tuple[list[Delta], Completion]:
    stream = openai_responses.Stream()
    bounds = [0, *sorted(cuts or []), len(body)]
    deltas = [delta for start, end in pairwise(bounds) for delta in stream.feed(body[start:end])]
    return deltas, stream.finish()


def test_every_item_has_its_place() -> None:
    completion = read(response(THOUGHT, SAID, CALL, service_tier="flex"))
    assert completion == Completion(
        text="Ich frage 👋.",
        tool_calls=(ToolCall("call_1", "add", '{"x":"ü"}'),),
        reasoning=(Reasoning("Größe?\n\nFrage.", THOUGHT),),
        usage=Usage(11, 7, 4, cache_write_tokens=2, reasoning_tokens=3),
        finish="tool",
        model="m-1",
        id="resp_1",
        extra={"service_tier": "flex"},
    )


def test_items_of_the_vendors_own_are_kept_beside_the_answer() -> None:
    completion = read(response(SEARCH, SAID))
    assert (completion.text, completion.finish, completion.extra) == ("Ich frage 👋.", "stop", {"output": [SEARCH]})


def test_an_open_thought_is_read_and_a_call_keeps_its_namespace() -> None:
    open_thought = {
        "type": "reasoning",
        "id": "1",
        "content": [{"type": "reasoning_text", "text": "Hm."}],
        "summary": [],
    }
    completion = read(response(open_thought, CALL | {"namespace": "sums", "arguments": {"x": 1}}))
    assert completion.reasoning == (Reasoning("Hm.", open_thought),)
    assert completion.tool_calls == (ToolCall("call_1", "add", '{"x":1}', {"namespace": "sums"}),)


@pytest.mark.parametrize(
    ("changes", "finish"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "filter"),
        ({"status": "incomplete"}, "other"),
        ({"status": "queued", "output": [], "usage": None}, "other"),
        ({"output": [SAID | {"content": [{"type": "refusal", "refusal": "No."}]}]}, "filter"),
    ],
)
def test_the_way_an_answer_ended_is_said(changes: dict[str, Any], finish: str) -> None:
    assert read(response(SAID, **changes)).finish == finish


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "boom"}}, ProviderUnavailable),
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}}, ProviderRateLimited),
        ({"status": "failed", "error": {"code": "invalid_prompt", "message": "no"}}, ProviderRefused),
        ({"status": "failed"}, ProviderUnavailable),
        ({"status": "cancelled"}, ProviderUnavailable),
    ],
)
def test_an_answer_that_failed_is_none(changes: dict[str, Any], expected: type[ProviderError]) -> None:
    with pytest.raises(expected):
        read(response(SAID, **changes))
    with pytest.raises(expected):
        heard(BEFORE + event("failed", response=response(SAID, **changes)))


@pytest.mark.parametrize(
    "fault",
    [
        {"type": "error", "code": "server_error", "message": "boom", "param": None},
        {"type": "error", "error": {"type": "server_error", "message": "boom"}},
        {"error": {"message": "boom"}},
    ],
)
def test_an_error_event_ends_the_stream_with_that_error(fault: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnavailable, match="boom"):
        heard(BEFORE + b"data: " + json.dumps(fault).encode() + b"\n\n")


def test_a_stream_says_what_the_whole_answer_says() -> None:
    deltas, completion = heard(RICH)
    assert completion == read(response(THOUGHT, SAID, CALL))
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == completion.text
    thought = "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))
    assert thought == completion.reasoning[0].text
    assert [delta for delta in deltas if isinstance(delta, ToolCallDelta)] == [
        ToolCallDelta(0, "call_1", "add", ""),
        ToolCallDelta(0, "", "", '{"x":'),
        ToolCallDelta(0, "", "", '"ü"}'),
    ]


@pytest.mark.parametrize(
    "events",
    [
        ended(0, CALL),
        begun(0, CALL, arguments="") + ended(0, CALL),
        begun(0, CALL, call_id=None, arguments="") + ended(0, CALL),
        begun(0, CALL) + ended(0, CALL),
    ],
)
def test_a_call_that_was_not_streamed_is_told_once_and_whole(events: bytes) -> None:
    deltas, completion = heard(events + event("completed", response=response()))
    told = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert (told[0].id, told[0].name) == ("call_1", "add")
    assert "".join(delta.arguments for delta in told) == '{"x":"ü"}'
    assert completion.tool_calls == (ToolCall("call_1", "add", '{"x":"ü"}'),)  # though the last event leaves it out


@given(st.lists(st.integers(0, len(RICH)), max_size=30))
def test_a_stream_reads_the_same_wherever_it_is_cut(cuts: list[int]) -> None:
    assert heard(RICH, cuts) == heard(RICH)


@given(st.integers(0, len(RICH) - 4))
def test_a_stream_cut_before_its_end_is_never_taken_for_whole(length: int) -> None:
    with pytest.raises(ProviderUnavailable, match="broke off"):
        heard(RICH[:length])


def test_nothing_after_the_end_matters() -> None:
    stream = openai_responses.Stream()
    stream.feed(RICH)
    assert stream.is_done
    assert stream.feed(b"data: [DONE]\n\ndata: {nonsense\n\n") == []
    assert stream.finish().finish == "tool"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"output": 3}', b'{"output": [{"type": "message", "content": 3}]}']
)
def test_garbage_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProviderProtocol):
        openai_responses.decode(200, {}, body)


@given(
    st.sampled_from(
        ["output_text.delta", "output_item.added", "output_item.done", "completed", "reasoning_text.delta"]
    ),
    st.sampled_from(["delta", "item", "response", "output_index", "error"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    ),
)
def test_any_json_in_any_field_is_an_answer_or_a_provider_error(kind: str, field: str, junk: Any) -> None:
    fields = {"delta": "x", "item": SAID, "response": response(SAID), "output_index": 0, field: junk}
    with suppress(ProviderError):
        heard(event(kind, place=fields.pop("output_index"), **fields))


def test_a_refused_parameter_is_named() -> None:
    error = {"message": "Unsupported parameter: 'temperature' is not supported.", "param": "temperature"}
    with pytest.raises(ParameterRefused) as refused:
        openai_responses.decode(400, {}, json.dumps({"error": error}).encode())
    assert (refused.value.parameter, refused.value.vendor_status) == ("temperature", 400)


async def test_the_vendors_own_client_puts_the_same_stream_together() -> None:
    async with serving(upstream.events(RICH)) as server:
        client = vendor.AsyncOpenAI(api_key="x", base_url=server.base_url, max_retries=0)
        async with client.responses.stream(model="m", input="?") as stream:
            theirs = await stream.get_final_response()
        await client.close()
    _, ours = heard(RICH)
    assert ours.text == theirs.output_text
    calls = [(item.call_id, item.name, item.arguments) for item in theirs.output if item.type == "function_call"]
    assert calls == [(call.id, call.name, call.arguments) for call in ours.tool_calls]
    assert theirs.usage is not None
    assert (ours.usage.input_tokens, ours.usage.output_tokens) == (
        theirs.usage.input_tokens,
        theirs.usage.output_tokens,
    )
