"""Passes a vendor's stream on as it comes, in whole events, and knows afterwards what was in it.

Nothing is parsed on the way, but for events that may hold an error or a count the client did not ask for. When the
stream has ended, or broken off, everything that was sent is read in one go.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steadyhand.errors import ProviderError
from steadyhand.pipeline.gateway.booking import Part
from steadyhand.providers.ports import StreamDecoder
from steadyhand.types.message import Delta, ReasoningDelta, TextDelta, ToolCallDelta
from steadyhand.types.model import Completion, Usage

END_MARKS = {
    "openai": re.compile(rb"^data: ?\[DONE\]", re.MULTILINE),
    "openai_responses": re.compile(rb'"type": ?"response\.(?:completed|incomplete|failed)"'),
    "anthropic": re.compile(rb'"type": ?"message_stop"'),
}
"""How an answer's last event is known, by dialect."""

_END_WORDS = {
    "openai": (b"[DONE]",),
    "openai_responses": (b"response.completed", b"response.incomplete", b"response.failed"),
    "anthropic": (b"message_stop",),
}
"""What is always in it, and rarely in others: quicker to look for."""

CLOSING = {
    "openai": b"data: [DONE]\n\n",
    "anthropic": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
}
"""The last event where it says nothing but that the answer has ended."""

_COUNTS_ONLY = re.compile(rb'"choices": ?\[\]')


@dataclass(frozen=True, slots=True)
class Passed:
    """What of a stream was sent to the client.

    `is_stuck`: it ends in a thought, holds a part of a tool call, or what nobody can read. Nobody can go on there.
    """

    events: bytes
    part: Part
    is_stuck: bool


_SEAM = 2  # bytes of the end of an event that may lie before a cut


class Relay:
    """One stream. `take` gives what may be sent; the event that ends the answer stays in `tail` until it is safe.

    `decoder` makes a reader of the dialect's streams. `hides_usage`: the counts were asked for by us, not by the
    client. Once `has_ended` holds, `tail` is the event that ends the answer: what may come behind it is not waited
    for.
    """

    def __init__(self, dialect: str, decoder: Callable[[], StreamDecoder], *, hides_usage: bool) -> None:
        self._dialect = dialect
        self._end_words, self._end_mark = _END_WORDS[dialect], END_MARKS[dialect]
        self._new_decoder = decoder
        self._decoder = decoder()
        self._hides_usage = hides_usage
        self._held: list[bytes] = []
        self._seam = b""  # how what is held ends
        self._unread: list[bytes] = []
        self._passed: list[bytes] = []
        self.has_ended = False
        self.error: ProviderError | None = None  # that came inside the stream

    def take(self, data: bytes) -> bytes:
        """The whole events that `data` completes. After an error inside the stream `error` is set.

        An event that comes in many pieces is put together once: a vendor may send one that never ends.
        """
        if self._held:
            if not _end_of_events(self._seam + data):
                self._hold(data)
                return b""
            data = b"".join((*self._held, data))
            self._held.clear()
        cut = _end_of_events(data)
        whole, rest = data[:cut], data[cut:]
        for word in self._end_words:
            if word in whole:
                whole, rest = self._without_end(whole, rest)
                break
        if rest:
            self._hold(rest)
        if b'"error"' in whole or (self._hides_usage and b'"usage"' in whole):
            whole = self._inspected(whole)
        elif whole:
            self._unread.append(whole)
        if whole:
            self._passed.append(whole)
        return whole

    @property
    def tail(self) -> bytes:
        """What has come and was not sent: the end of the answer, when it is complete."""
        return b"".join(self._held)

    def end(self) -> bytes:
        """What ends a whole answer for the client: its last event, or the mark that the vendor left out."""
        return self.tail or CLOSING.get(self._dialect, b"")

    def finish(self) -> Completion:
        """The whole answer, once nothing more comes. Raises `ProviderError` when the stream broke off."""
        if self.error is not None:
            raise self.error
        self._unread += self._held
        self._read()
        return self._decoder.finish()

    def passed(self) -> Passed:
        """What the client has of a stream that broke off; read anew, because one event may have spoilt the rest."""
        decoder, events = self._new_decoder(), b"".join(self._passed)
        deltas: list[Delta] = []
        counted, is_stuck = Usage(), True
        try:
            for event in _events(events):
                deltas += decoder.feed(event)
            is_stuck = _is_stuck(deltas)
            decoder.feed(CLOSING.get(self._dialect, b""))
            counted = decoder.finish().usage
        except ProviderError:
            pass  # it is not the whole answer, or cannot be read
        text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        return Passed(events, Part(tuple(delta.content for delta in deltas), text, counted), is_stuck)

    def _without_end(self, whole: bytes, rest: bytes) -> tuple[bytes, bytes]:
        """The events before the one that ends the answer, and that one; whatever comes behind it says nothing."""
        begin = 0
        for event in _events(whole):
            if self._end_mark.search(event):
                self.has_ended = True
                return whole[:begin], event
            begin += len(event)
        return whole, rest

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._seam = (self._seam + data)[-_SEAM:] if len(self._held) > 1 else data[-_SEAM:]

    def _read(self) -> None:
        unread, self._unread = b"".join(self._unread), []
        if unread:
            self._decoder.feed(unread)

    def _inspected(self, whole: bytes) -> bytes:
        """The events up to the first that is an error, without those that only count."""
        good: list[bytes] = []
        try:
            self._read()
            for event in _events(whole):
                self._decoder.feed(event)
                if not (self._hides_usage and _COUNTS_ONLY.search(event)):
                    good.append(event)
        except ProviderError as error:
            self.error = error
        return b"".join(good)


def _is_stuck(deltas: Sequence[Delta]) -> bool:
    """Do they end in a thought, or hold a part of a tool call?"""
    has_called = any(isinstance(delta, ToolCallDelta) for delta in deltas)
    return has_called or (bool(deltas) and isinstance(deltas[-1], ReasoningDelta))


def _end_of_events(buffer: bytes) -> int:
    """The index behind the last whole event; 0 when there is none. Lines end with LF or CRLF."""
    cut = buffer.rfind(b"\n\n")
    if cut >= 0:
        return cut + 2
    cut = buffer.rfind(b"\n\r\n")
    return cut + 3 if cut >= 0 else 0


def _events(whole: bytes) -> list[bytes]:
    """Each event with the empty line that ends it."""
    return re.findall(rb".*?(?:\n\n|\n\r\n)", whole, re.DOTALL)
