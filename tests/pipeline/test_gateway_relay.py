"""A relayed stream reaches the client byte by byte, in whole events, and its end only when the answer is complete."""

import json
from itertools import pairwise
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_server import DONE, chunks
from steadyhand.errors import ProviderError, ProviderUnavailable
from steadyhand.pipeline.gateway.relay import Relay
from steadyhand.providers.dialects import openai, openai_responses

EVENTS = chunks("The limit is 120 EUR a night.")
WHOLE = b"".join(EVENTS)


def relay(*, hides_usage: bool = False) -> Relay:
    return Relay("openai", openai.Stream, hides_usage=hides_usage)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % len(data) for cut in cuts}), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(cuts=st.lists(st.integers(0, 10_000)))
def test_however_it_is_cut_the_client_gets_the_same_bytes_and_we_the_same_answer(cuts: list[int]) -> None:
    passing = relay()
    sent = [passing.take(piece) for piece in pieces(WHOLE, cuts)]
    assert all(piece == b"" or piece.endswith(b"\n\n") for piece in sent)
    completion = passing.finish()
    assert b"".join(sent) + passing.tail == WHOLE
    assert completion.text == "The limit is 120 EUR a night."
    assert completion.usage.input_tokens == 11


def test_the_end_mark_is_held_back_until_the_answer_is_safe() -> None:
    passing = relay()
    assert passing.take(WHOLE) == WHOLE.removesuffix(DONE)
    assert passing.tail == DONE


def test_words_that_look_like_the_end_mark_do_not_hold_up_the_rest() -> None:
    spoken = {"choices": [{"index": 0, "delta": {"content": "data: [DONE] "}, "finish_reason": None}]}
    event = b"data: " + json.dumps(spoken).encode() + b"\n\n"
    passing = relay()
    assert passing.take(EVENTS[0] + event) + passing.take(EVENTS[1]) == EVENTS[0] + event + EVENTS[1]


def test_a_stream_that_broke_off_is_no_answer_and_what_was_sent_is_known() -> None:
    passing = relay()
    passing.take(b"".join(EVENTS[:4]))
    with pytest.raises(ProviderUnavailable):
        passing.finish()
    part = passing.passed().part
    assert (part.text, len(part.pieces)) == ("The limit is", 3)


def test_half_an_event_is_never_sent() -> None:
    passing = relay()
    assert passing.take(EVENTS[0] + EVENTS[1][:-3]) == EVENTS[0]


def test_counts_that_the_client_did_not_ask_for_are_kept_from_it_but_not_from_us() -> None:
    passing = relay(hides_usage=True)
    sent = passing.take(WHOLE)
    assert b'"usage": {' not in sent
    assert passing.finish().usage.output_tokens == 7


@pytest.mark.parametrize(
    "error", [{"message": "overloaded", "code": 503}, {"message": "slow down", "type": "rate_limit_error"}]
)
def test_an_error_inside_the_stream_is_not_passed_on(error: dict[str, Any]) -> None:
    passing = relay()
    event = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    assert passing.take(EVENTS[0] + EVENTS[1] + event + EVENTS[2]) == EVENTS[0] + EVENTS[1]
    assert isinstance(passing.error, ProviderError)
    with pytest.raises(ProviderError):
        passing.finish()


def test_the_word_error_in_an_answer_is_no_error() -> None:
    spoken = {"choices": [{"index": 0, "delta": {"content": '"error"'}, "finish_reason": None}]}
    event = b"data: " + json.dumps(spoken).encode() + b"\n\n"
    passing = relay()
    assert passing.take(EVENTS[0] + event) == EVENTS[0] + event
    assert passing.error is None


def test_events_whose_lines_end_with_crlf_are_events_too() -> None:
    passing = relay()
    data = WHOLE.replace(b"\n", b"\r\n")
    assert passing.take(data) + passing.tail == data
    assert passing.finish().text == "The limit is 120 EUR a night."


def test_an_event_that_ends_the_answer_has_not_come_before_its_last_byte() -> None:
    event = b'event: response.completed\ndata: {"type":"response.completed","response":{"output":[]}}\n\n'
    passing = Relay("openai_responses", openai_responses.Stream, hides_usage=False)
    for at in range(len(event) - 1):
        assert passing.take(event[at : at + 1]) == b""
        assert not passing.has_ended
    passing.take(event[-1:])
    assert (passing.has_ended, passing.tail) == (True, event)


def test_an_event_that_never_ends_costs_what_its_bytes_cost() -> None:
    passing = relay()
    began_s = process_time()
    for _ in range(100_000):
        passing.take(b'data: {"choices": ')
    first_s = process_time() - began_s
    for _ in range(100_000):
        passing.take(b'data: {"choices": ')
    assert process_time() - began_s < 4 * first_s + 0.5
    assert len(passing.tail) == 200_000 * len(b'data: {"choices": ')


@pytest.mark.parametrize("behind", [b"", b"\n\n", b": bye\n\n"])
def test_an_answer_ends_once_whatever_comes_behind_its_end(behind: bytes) -> None:
    passing = relay()
    sent = passing.take(WHOLE + behind)
    assert passing.finish().text == "The limit is 120 EUR a night."
    assert (sent + passing.end()).count(DONE) == 1


def test_an_end_mark_that_is_left_out_is_made_up() -> None:
    passing = relay()
    passing.take(WHOLE.removesuffix(DONE))
    passing.finish()
    assert passing.end() == DONE
