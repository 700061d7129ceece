"""Streams as no vendor should send them: nothing breaks in the middle, nothing is lost, and no cut changes anything."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gateway_takeover import VENDORS, chat, dialect, told, writer

from steadyhand.errors import ProviderError, ProviderUnavailable
from steadyhand.pipeline.gateway.relay import CLOSING, Relay
from steadyhand.types.message import TextDelta
from steadyhand.types.model import Completion

DONE = {
    "openai": [chat({}, "stop"), CLOSING["openai"]],
    "anthropic": [
        told({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}),
        CLOSING["anthropic"],
    ],
    "openai_responses": [
        told({"type": "response.completed", "sequence_number": 99, "response": {"id": "r", "output": []}})
    ],
}
ODD = [
    b": a comment\n\n", b"\n\n", b"event: nothing\n\n", b"data: {broken\n\n", b"data: [1]\n\n", b"data: null\n\n", b"data:\n\n",
    b'data: {"error": {"message": "gone"}}\n\n', b'data: {"type": "error", "error": {"type": "overloaded_error"}}\n\n',
    b'data: {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "?"}}\n\n',
    b'data: {"type": "content_block_stop", "index": "x"}\n\n', b'data: {"type": 7}\n\n', b"data: \xff\xfe\n\n",
    b'data: {"type": "response.output_text.delta", "delta": "?", "output_index": 12}\n\n', b"\x00\x01\n\n",
    b'data: {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 5}]}}]}\n\n', b'data: {"choices": 7}\n\n',
    b'data: {"choices": [{"delta": {"content": "data: [DONE]"}}]}\n\n',
]  # fmt: skip


def fed(name: str, data: bytes, cuts: list[int], *, hides_usage: bool = False) -> tuple[Relay, bytes, str]:
    """The relay, what it let through, and how it ended."""
    relay = Relay(name, dialect(name).Stream, hides_usage=hides_usage)
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    sent = b""
    try:
        for begin, end in pairwise(edges):
            if relay.error or relay.has_ended:
                break
            sent += relay.take(data[begin:end])
        ended = f"text {relay.finish().text}"
    except ProviderError as error:
        ended = type(error).__name__
    return relay, sent, ended


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good stream with events lost, doubled, in another order and of other kinds, with either end of lines."""
    name = draw(st.sampled_from(sorted(VENDORS)))
    events = [*VENDORS[name], *DONE[name]]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(events) - 1)))
        match draw(st.sampled_from(["odd", "lost", "doubled", "swapped"])):
            case "odd":
                events.insert(at, draw(st.sampled_from(ODD)))
            case "lost":
                del events[at : at + 1]
            case "doubled":
                events[at:at] = events[at : at + 1]
            case _:
                events[at:] = events[at:][::-1]
    data = b"".join(events)
    return name, data.replace(b"\n", b"\r\n") if draw(st.booleans()) else data


@settings(max_examples=400)
@given(stream=streams(), cuts=st.lists(st.integers(0, 5_000), max_size=30), hides_usage=st.booleans())
def test_no_cut_changes_what_a_stream_says(stream: tuple[str, bytes], cuts: list[int], hides_usage: bool) -> None:
    name, data = stream
    relay, sent, ended = fed(name, data, cuts, hides_usage=hides_usage)
    if not relay.error and not hides_usage:
        assert data.startswith(sent + relay.tail)
    assert sent == b"" or sent.endswith((b"\n\n", b"\n\r\n"))
    bytewise, all_sent, all_ended = fed(name, data, list(range(len(data))), hides_usage=hides_usage)
    if not (relay.error or bytewise.error):  # what came before an error in one piece may be held back with it
        assert (sent, ended) == (all_sent, all_ended)
    passed = relay.passed()
    assert passed.events == sent
    assert passed.is_stuck or passed.part.text == "".join(said(name, sent))


@settings(max_examples=200)
@given(stream=streams())
def test_whatever_was_sent_can_be_gone_on_with_or_ended(stream: tuple[str, bytes]) -> None:
    name, data = stream
    _, sent, _ = fed(name, data, [])
    taking = writer(name)
    taking.take_over(sent)
    more = taking.delta(TextDelta(" more"))
    assert json.loads([line for line in more.splitlines() if line.startswith(b"data: ")][-1][6:])
    assert taking.end(Completion(text="all"))
    assert taking.fail(ProviderUnavailable("gone"))


def said(name: str, events: bytes) -> list[str]:
    """The texts in the events, by a reader that takes one after the other."""
    stream = dialect(name).Stream()
    return [delta.text for delta in stream.feed(events) if isinstance(delta, TextDelta)]


def test_a_stream_of_ten_megabytes_is_passed_on_and_read() -> None:
    words = [chat({"content": "word " * 200})] * 10_000
    data = b"".join([*words, *DONE["openai"]])
    assert len(data) > 10_000_000
    relay, sent, ended = fed("openai", data, list(range(0, len(data), 16_384)))
    assert sent + relay.tail == data
    assert len(ended) == len("text ") + 10_000 * 1_000


def test_an_event_that_does_not_end_is_held_at_no_great_cost() -> None:
    relay = Relay("openai", dialect("openai").Stream, hides_usage=False)
    piece = b"data: " + b"x" * 16_378
    for _ in range(1_000):
        assert relay.take(piece) == b""
    with pytest.raises(ProviderError):
        relay.finish()


@pytest.mark.parametrize("name", VENDORS)
def test_words_that_look_like_an_end_are_words(name: str) -> None:
    looks: dict[str, Any] = {
        "openai": chat({"content": 'data: [DONE]\n\ndata: [DONE] "finish_reason":"stop"'}),
        "anthropic": told({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": '"type":"message_stop"'}}),
        "openai_responses": told({"type": "response.output_text.delta", "output_index": 1, "delta": '"type":"response.completed"'}),
    }  # fmt: skip
    events = [*VENDORS[name][:7], looks[name], *VENDORS[name][7:]]
    relay = Relay(name, dialect(name).Stream, hides_usage=False)
    for event in events:
        assert relay.take(event) == event
        assert not relay.has_ended
