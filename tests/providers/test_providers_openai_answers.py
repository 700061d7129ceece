"""Answers in OpenAI's chat dialect beyond plain text: tool calls, thoughts, refusals, tokens and unknown fields."""

import base64
import json
import struct
from contextlib import suppress
from itertools import pairwise
from typing import Any

import openai as vendor
import pytest
from hypothesis import given
from hypothesis import strategies as st

import openai_server as upstream
from openai_server import DONE, USAGE, serving, whole
from steadyhand.errors import (
    ParameterRefused,
    ProviderError,
    ProviderProtocol,
    ProviderRefused,
    ProviderUnavailable,
)
from steadyhand.providers.dialects import openai
from steadyhand.types.message import Delta, Reasoning, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta
from steadyhand.types.model import Completion, Usage

END: dict[str, Any] = {"finish_reason": "tool_calls"}


def events(*choices: dict[str, Any], **last: Any) -> bytes:
    """A stream of these choices, a `delta` each or more than that; `last` is a chunk without choices."""
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
    whole_choices = [{"index": 0, "delta": {}, "finish_reason": None, **choice} for choice in choices]
    sent = [{**base, "choices": [choice]} for choice in whole_choices] + [{**base, "choices": [], **last}]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in sent) + DONE


def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
    return {"delta": {"tool_calls": list(pieces)}}


def piece(index: int | None, given: str | None, name: str | None, arguments: object) -> dict[str, Any]:
    found = {"index": index, "id": given, "function": {"name": name, "arguments": arguments}}
    return {key: value for key, value in found.items() if value is not None}


def heard(body: bytes, cuts: list[int] | None = None) -> tuple[list[Delta], Completion]:
    stream = openai.Stream()
    bounds = [0, *sorted(cuts or []), len(body)]
    deltas = [delta for start, end in pairwise(bounds) for delta in stream.feed(body[start:end])]
    return deltas, stream.finish()


def told(deltas: list[Delta]) -> dict[int, list[str]]:
    """Id, name and arguments of each call as its deltas tell them."""
    found: dict[int, list[str]] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            call = found.setdefault(delta.index, ["", "", ""])
            for place, text in enumerate((delta.id, delta.name, delta.arguments)):
                call[place] += text
    return found


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(
            [[piece(0, "a", "add", "")], [piece(0, None, None, '{"x"')], [piece(0, None, None, ":1}")]],
            [("a", "add", '{"x":1}')],
            id="in pieces",
        ),
        pytest.param(
            [[piece(0, "a", "add", "{}"), piece(1, "b", "sub", "")], [piece(1, None, None, "{}")]],
            [("a", "add", "{}"), ("b", "sub", "{}")],
            id="in parallel",
        ),
        pytest.param(
            [
                [piece(1, "b", "sub", "{")],
                [piece(0, "a", "add", "{")],
                [piece(1, "", "", "}")],
                [piece(0, "", "", "}")],
            ],
            [("b", "sub", "{}"), ("a", "add", "{}")],
            id="interleaved, not from 0",
        ),
        pytest.param(
            [[piece(0, "a", None, None)], [piece(0, None, None, "{")], [piece(0, None, "add", "}")]],
            [("a", "add", "{}")],
            id="a name that comes late",
        ),
        pytest.param(
            [[piece(0, "a", "add", "{")], [piece(0, "a", "add", "}")]],
            [("a", "add", "{}")],
            id="id and name again with every piece",
        ),
        pytest.param(
            [[piece(0, "a", "add", "{")], [piece(0, "other", None, "}")]],
            [("a", "add", "{}")],
            id="a new id with every piece",
        ),
        pytest.param(
            [[piece(None, "a", "add", "{}")], [piece(None, "b", "add", "{")], [piece(None, None, None, "}")]],
            [("a", "add", "{}"), ("b", "add", "{}")],
            id="without an index",
        ),
        pytest.param(
            [[piece(None, "a", "add", "{"), piece(None, "b", "sub", "{")], [piece(None, "a", None, "}")]],
            [("a", "add", "{}"), ("b", "sub", "{")],
            id="by their ids",
        ),
        pytest.param(
            [[piece(0, "a", "add", "{}")], [piece(0, "b", "add", "{}")]],
            [("a", "add", "{}"), ("b", "add", "{}")],
            id="every one with index 0",
        ),
        pytest.param(
            [[piece(None, None, "add", "{}")], [piece(None, None, "sub", "{}")]],
            [("call_c1_0", "add", "{}"), ("call_c1_1", "sub", "{}")],
            id="without ids",
        ),
        pytest.param([[piece(0, "a", "add", {"x": 1})]], [("a", "add", '{"x":1}')], id="arguments as an object"),
    ],
)
def test_calls_are_put_together_from_whatever_pieces_vendors_send(
    pieces: list[list[dict[str, Any]]], expected: list[tuple[str, str, str]]
) -> None:
    deltas, completion = heard(events(*(calls(*some) for some in pieces), END))
    assert [(call.id, call.name, call.arguments) for call in completion.tool_calls] == expected
    assert {index: tuple(call) for index, call in told(deltas).items()} == dict(enumerate(expected))
    assert completion.finish == "tool"


def test_an_id_that_comes_after_one_had_to_be_made_changes_nothing_that_was_told() -> None:
    deltas, completion = heard(events(calls(piece(0, None, "add", "{")), calls(piece(0, "late", None, "}")), END))
    assert [*completion.tool_calls] == [ToolCall(*told(deltas)[0])] == [ToolCall("call_c1_0", "add", "{}")]


def test_the_signature_of_a_call_is_kept_also_when_it_comes_alone() -> None:
    signature = {"google": {"thought_signature": "s"}}
    _, completion = heard(events(calls(piece(None, "a", "add", "{}")), calls({"extra_content": signature}), END))
    assert completion.tool_calls == (ToolCall("a", "add", "{}", {"extra_content": signature}),)


def test_calls_of_a_whole_answer_are_read_whatever_their_index_says() -> None:
    reply = whole("", "stop")
    pieces = [piece(0, "a", "add", '{"x":1}'), piece(0, "a", "add", {"x": 2}), {"function": {"name": "sub"}}]
    reply["choices"][0]["message"] |= {"content": None, "tool_calls": pieces}
    completion = openai.decode(200, {}, json.dumps(reply).encode())
    assert [(call.id, call.arguments) for call in completion.tool_calls] == [
        ("a", '{"x":1}'),
        ("a", '{"x":2}'),
        ("call_c1_2", ""),
    ]
    assert completion.finish == "tool"


DETAILS = [
    {"type": "reasoning.text", "text": "Hm. ", "index": 0, "format": "f"},
    {"type": "reasoning.text", "text": "Yes.", "index": 0, "signature": "s"},
    {"type": "reasoning.encrypted", "data": "gAAA", "index": 1},
    {"type": "reasoning.encrypted", "data": "gBBB", "index": 1},
]


@pytest.mark.parametrize(
    ("pieces", "opaque"),
    [
        ([{"reasoning_content": "Hm. "}, {"reasoning_content": "Yes."}], {"field": "reasoning_content"}),
        ([{"reasoning": "Hm. "}, {"reasoning": "Yes.", "content": ""}], {"field": "reasoning"}),
        ([{"reasoning": "Hm. ", "reasoning_content": "Hm. "}, {"reasoning": "Yes."}], {"field": "reasoning"}),
        (
            [
                {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}
                for text in ("Hm. ", "Yes.")
            ],
            {"field": "content"},
        ),
        (
            [{"reasoning": detail.get("text"), "reasoning_details": [detail]} for detail in DETAILS],
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "Hm. Yes.", "index": 0, "format": "f", "signature": "s"},
                    *DETAILS[2:],
                ]
            },
        ),
        ([{"reasoning_details": [detail]} for detail in DETAILS[:2]], None),
    ],
)
def test_thoughts_are_read_from_every_field_and_kept_from_the_text(
    pieces: list[dict[str, Any]], opaque: dict[str, Any] | None
) -> None:
    body = events(*({"delta": piece} for piece in pieces), {"delta": {"content": "No."}, "finish_reason": "stop"})
    deltas, completion = heard(body)
    assert [delta.text for delta in deltas if isinstance(delta, ReasoningDelta)] == ["Hm. ", "Yes."]
    assert [delta.text for delta in deltas if isinstance(delta, TextDelta)] == ["No."]
    assert completion.text == "No."
    (thought,) = completion.reasoning
    assert thought.text == "Hm. Yes."
    assert opaque is None or thought.opaque == opaque


def test_details_of_a_whole_thought_come_back_unchanged() -> None:
    reply = whole("No.")
    reply["choices"][0]["message"] |= {"reasoning": "Hm. Yes.", "reasoning_details": DETAILS}
    completion = openai.decode(200, {}, json.dumps(reply).encode())
    assert completion.reasoning == (Reasoning("Hm. Yes.", {"reasoning_details": DETAILS}),)


@pytest.mark.parametrize(
    "strange", [{"reasoning": {"a": 1}}, {"reasoning_details": "x"}, {"reasoning_details": [1]}]
)
def test_a_strange_thought_costs_no_answer(strange: dict[str, Any]) -> None:
    _, completion = heard(events({"delta": {"content": "Yes", **strange}, "finish_reason": "stop"}))
    assert (completion.text, completion.reasoning) == ("Yes", ())


def test_a_refusal_is_a_filtered_answer_whose_words_are_kept() -> None:
    _, streamed = heard(
        events({"delta": {"refusal": "I "}}, {"delta": {"refusal": "won't."}, "finish_reason": "stop"})
    )
    reply = whole("")
    reply["choices"][0]["message"]["refusal"] = "I won't."
    for completion in (streamed, openai.decode(200, {}, json.dumps(reply).encode())):
        assert (completion.text, completion.finish) == ("", "filter")
        assert completion.extra == {"choices": [{"message": {"refusal": "I won't."}}]}


def test_fields_that_nobody_knows_are_kept_where_they_were() -> None:
    reply = whole("Yes") | {"service_tier": "flex", "system_fingerprint": None, "citations": ["u"]}
    reply["choices"][0] |= {"logprobs": {"content": []}, "native_finish_reason": "STOP"}
    reply["choices"][0]["message"] |= {"annotations": [{"type": "url"}], "audio": None}
    choice = {
        "logprobs": {"content": []},
        "native_finish_reason": "STOP",
        "message": {"annotations": [{"type": "url"}]},
    }
    completion = openai.decode(200, {}, json.dumps(reply).encode())
    assert completion.extra == {"service_tier": "flex", "citations": ["u"], "choices": [choice]}
    _, streamed = heard(
        events({"delta": {"content": "Yes"}}, {"finish_reason": "stop"}, moderation={"flagged": False})
    )
    assert streamed.extra == {"moderation": {"flagged": False}}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4},
            },
            Usage(9, 2, 3, cache_write_tokens=4),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 4},
            },
            Usage(9, 2, 8, cache_write_tokens=1),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 5}},
            Usage(9, 2, reasoning_tokens=2),
        ),
    ],
)
def test_parts_of_the_tokens_are_never_more_than_the_whole(usage: dict[str, Any], expected: Usage) -> None:
    assert openai.decode(200, {}, json.dumps(whole("x", usage=usage)).encode()).usage == expected


def test_groq_counts_in_a_field_of_its_own() -> None:
    base = {"id": "c1", "model": "m-1", "x_groq": {"id": "r"}}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": USAGE}}
    sent = [base | {"choices": [{"index": 0, "delta": {"content": "x"}}]}, last]
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in sent) + DONE
    assert heard(body)[1].usage == Usage(11, 7, 4)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({"object": "error", "message": "too long", "type": "invalid_request_error", "code": 400}, ProviderRefused),
        ({"x_groq": {"error": "over capacity"}}, ProviderUnavailable),
        ({"error": {"message": "no", "code": "invalid_prompt"}}, ProviderRefused),
    ],
)
def test_errors_of_other_shapes_are_errors_too(last: dict[str, Any], expected: type[ProviderError]) -> None:
    with pytest.raises(expected):
        heard(events({"delta": {"content": "Ye"}}, **last))
    with pytest.raises(expected):
        openai.decode(200, {}, json.dumps({"choices": [], **last}).encode())


@pytest.mark.parametrize("reason", ["error", "insufficient_system_resource"])
def test_an_answer_that_the_vendor_gave_up_is_none(reason: str) -> None:
    with pytest.raises(ProviderUnavailable, match=reason):
        openai.decode(200, {}, json.dumps(whole("half an", reason)).encode())


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ("Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", "tool_call_id"),
        ("'messages.1' : property 'reasoning_content' is unsupported", "reasoning"),
        ("Extra inputs are not permitted, field: 'messages[2].reasoning'", "reasoning"),
        ("The encrypted content gAAA could not be verified.", "reasoning"),
        ("Encrypted content is not supported with this model.", "include"),
        ("Unsupported parameter: 'reasoning.effort' is not supported with this model.", "reasoning_effort"),
        ("Unsupported value: 'top_p' does not support 0.9 with this model.", "top_p"),
        ("Unrecognized request argument supplied: prompt_cache_key", "prompt_cache_key"),
    ],
)
def test_a_refusal_names_what_can_be_left_out(message: str, parameter: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        openai.decode(400, {}, json.dumps({"error": {"message": message}}).encode())
    assert refused.value.parameter == parameter


@pytest.mark.parametrize("message", ["messages must alternate between user and assistant", "the store is closed"])
def test_a_refusal_that_only_sounds_like_a_parameter_names_none(message: str) -> None:
    with pytest.raises(ProviderRefused) as refused:
        openai.decode(400, {}, json.dumps({"error": {"message": message}}).encode())
    assert type(refused.value) is ProviderRefused


RICH = events(
    {"delta": {"reasoning_content": "Größe? "}},
    {"delta": {"content": "Ich 👋 "}},
    calls(piece(0, "a", "add", ""), piece(1, "b", "sub", '{"x"')),
    calls(piece(1, None, None, ':"ü"}')),
    {"delta": {"content": "frage."}, "finish_reason": "tool_calls"},
    usage=USAGE,
)


@given(st.lists(st.integers(0, len(RICH)), max_size=30))
def test_a_rich_stream_reads_the_same_wherever_it_is_cut(cuts: list[int]) -> None:
    deltas, completion = heard(RICH, cuts)
    assert (deltas, completion) == heard(RICH)
    assert completion.text == "Ich 👋 frage."
    assert [tuple(call) for call in told(deltas).values()] == [("a", "add", ""), ("b", "sub", '{"x":"ü"}')]


@given(st.integers(0, RICH.index(b'"finish_reason": "tool_calls"')))
def test_a_rich_stream_cut_before_its_end_is_never_taken_for_whole(length: int) -> None:
    with pytest.raises(ProviderUnavailable, match="broke off"):
        heard(RICH[:length])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_in_any_field_is_an_answer_or_a_provider_error(junk: Any) -> None:
    for field in ("content", "reasoning", "reasoning_details", "tool_calls", "refusal"):
        with suppress(ProviderError):
            heard(events({"delta": {field: junk}, "finish_reason": "stop"}))
        reply = whole("x")
        reply["choices"][0]["message"][field] = junk
        with suppress(ProviderError):
            openai.decode(200, {}, json.dumps(reply).encode())


async def test_the_vendors_own_client_puts_the_same_stream_together() -> None:
    async with serving(upstream.events(RICH)) as server:
        client = vendor.AsyncOpenAI(api_key="x", base_url=server.base_url, max_retries=0)
        async with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "?"}]) as stream:
            theirs = (await stream.get_final_completion()).choices[0].message
        await client.close()
    _, ours = heard(RICH)
    assert ours.text == theirs.content
    assert [(call.id, call.function.name, call.function.arguments) for call in theirs.tool_calls or []] == [
        (call.id, call.name, call.arguments) for call in ours.tool_calls
    ]


def test_vectors_come_in_the_order_of_the_texts_as_numbers_or_in_base64() -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -1)).decode()
    body = {
        "data": [{"index": 1, "embedding": packed}, {"index": 0, "embedding": [1, 0]}],
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
        "model": "e",
    }
    found = openai.decode_embeddings(200, {}, json.dumps(body).encode())
    assert found.vectors == ((1.0, 0.0), (0.5, -1.0))
    assert (found.usage, found.model) == (Usage(4), "e")


@pytest.mark.parametrize("vector", ["AAA", "!!!!", "AAAA"])
def test_a_vector_that_is_no_vector_is_a_protocol_error(vector: str) -> None:
    with pytest.raises(ProviderProtocol):
        openai.decode_embeddings(200, {}, json.dumps({"data": [{"embedding": vector}]}).encode())
