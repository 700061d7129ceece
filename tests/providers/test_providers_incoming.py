"""One answer is read the same however its bytes are cut, and no bytes are more than an answer or an error."""

import asyncio
import gc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.errors import ProviderProtocol
from steadyhand.providers.alarm import Alarm
from steadyhand.providers.incoming import Incoming
from steadyhand.providers.reply import Limits

LIMITS = Limits(head_bytes=2_000, body_bytes=10_000)

ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nx-sum: 1\r\n\r\n",
]


@given(answer=st.sampled_from(ANSWERS), cuts=st.lists(st.integers(1, 150)))
def test_an_answer_is_the_same_however_it_is_cut(answer: bytes, cuts: list[int]) -> None:
    incoming, body = Incoming("http://x:80", LIMITS), b""
    ends = sorted({cut for cut in cuts if cut < len(answer)} | {len(answer)})
    for start, end in zip([0, *ends], ends, strict=False):
        assert not incoming.is_complete
        incoming.feed(answer[start:end])
        body += incoming.take()
    assert (incoming.status, body) == (200, b"hello")
    assert incoming.is_complete
    assert incoming.keeps_alive
    assert incoming.received_bytes == len(answer)
    assert b"x-sum" not in dict(incoming.raw_headers)


@given(answer=st.sampled_from(ANSWERS), place=st.integers(0, 120), noise=st.binary(max_size=40))
def test_no_bytes_raise_anything_but_a_protocol_error(answer: bytes, place: int, noise: bytes) -> None:
    incoming = Incoming("http://x:80", LIMITS)
    with suppress(ProviderProtocol):
        incoming.feed(answer[:place] + noise + answer[place:])
    incoming.end()


@given(answer=st.sampled_from(ANSWERS), behind=st.binary(min_size=1, max_size=40))
def test_what_lies_behind_an_answer_is_no_part_of_it(answer: bytes, behind: bytes) -> None:
    incoming = Incoming("http://x:80", LIMITS)
    incoming.feed(answer + behind)
    assert incoming.is_complete
    assert incoming.take() == b"hello"
    assert not incoming.keeps_alive or not behind.strip(b"\r\n")


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_an_answer_without_a_length_is_complete_with_its_connection(version: bytes) -> None:
    incoming = Incoming("http://x:80", LIMITS)
    incoming.feed(version + b" 200 OK\r\n\r\nhel")
    incoming.feed(b"lo")
    assert not incoming.is_complete
    assert incoming.end()
    assert incoming.take() == b"hello"


@pytest.mark.parametrize("answer", [answer[:-1] for answer in ANSWERS] + [b"", b"HTTP/1.1 200 OK\r\n"])
def test_an_answer_that_says_its_length_is_not_complete_before(answer: bytes) -> None:
    incoming = Incoming("http://x:80", LIMITS)
    incoming.feed(answer)
    assert not incoming.end()


def test_a_whole_answer_needs_no_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            incoming = Incoming("http://x:80", LIMITS)
            incoming.feed(ANSWERS[0])
        del incoming
        assert not [found for found in gc.get_objects() if isinstance(found, Incoming)]
    finally:
        gc.enable()


async def test_an_alarm_rings_once_at_the_instant_set_last() -> None:
    loop, rung = asyncio.get_running_loop(), []
    alarm = Alarm(loop, lambda: rung.append(loop.time()), look_s=0.02)
    began = loop.time()
    alarm.set(began + 0.01)
    alarm.set(began + 60)
    alarm.set(began + 0.1)
    await asyncio.sleep(0.3)
    assert len(rung) == 1
    assert rung[0] - began > 0.09


async def test_an_alarm_that_is_cancelled_or_set_to_never_does_not_ring() -> None:
    loop, rung = asyncio.get_running_loop(), []
    cancelled, never = (Alarm(loop, lambda: rung.append(1), look_s=0.02) for _ in range(2))
    for alarm in (cancelled, never):
        alarm.set(loop.time() + 0.01)
    cancelled.cancel()
    never.set(float("inf"))
    await asyncio.sleep(0.05)
    assert rung == []
