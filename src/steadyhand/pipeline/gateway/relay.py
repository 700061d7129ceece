"""Passes a vendor's stream on as it comes, in whole events, and knows afterwards what was in it.

Nothing is parsed on the way, but for events that may hold an error or a count the client did not ask for. When the
stream has ended, or broken off, everything that was sent is read in one go.
"""

import re

from steadyhand.errors import ProviderError
from steadyhand.providers.ports import StreamDecoder
from steadyhand.types.message import TextDelta
from steadyhand.types.model import Completion

END_MARKS = {
    "openai": re.compile(rb"data: ?\[DONE\]"),
    "openai_responses": re.compile(rb'"type": ?"response\.(?:completed|incomplete|failed)"'),
    "anthropic": re.compile(rb'"type": ?"message_stop"'),
}
"""How an answer's last event is known, by dialect."""

_COUNTS_ONLY = re.compile(rb'"choices": ?\[\]')


class Relay:
    """One stream. `take` gives what may be sent; the event that ends the answer stays in `tail` until it is safe.

    `hides_usage`: the counts were asked for by us, not by the client.
    """

    def __init__(self, dialect: str, decoder: StreamDecoder, *, hides_usage: bool) -> None:
        self._end_mark = END_MARKS[dialect]
        self._decoder = decoder
        self._hides_usage = hides_usage
        self._held = b""
        self._unread: list[bytes] = []
        self._texts: list[str] = []
        self._has_other = False
        self.pieces = 0  # of text, as the vendor cut them
        self.error: ProviderError | None = None  # that came inside the stream

    def take(self, data: bytes) -> bytes:
        """The whole events that `data` completes. After an error inside the stream `error` is set."""
        buffer = self._held + data if self._held else data
        cut = _end_of_events(buffer)
        if cut == 0:
            self._held = buffer
            return b""
        whole, self._held = buffer[:cut], buffer[cut:]
        begin = _begin_of_last(whole)
        if self._end_mark.search(whole, begin):
            whole, self._held = whole[:begin], whole[begin:] + self._held
        if b'"error"' in whole or (self._hides_usage and b'"usage"' in whole):
            return self._inspected(whole)
        self._unread.append(whole)
        return whole

    @property
    def has_ended(self) -> bool:
        """Does `tail` hold the event that ends the answer? Vendors may leave the connection open behind it."""
        return bool(self._held) and self._end_mark.search(self._held) is not None

    @property
    def tail(self) -> bytes:
        """What has come and was not sent: the end of the answer, when it is complete."""
        return self._held

    def finish(self) -> Completion:
        """The whole answer, once nothing more comes. Raises `ProviderError` when the stream broke off."""
        if self.error is not None:
            raise self.error
        self._unread.append(self._held)
        self._read()
        return self._decoder.finish()

    def sent(self) -> str:
        """The text that the client has."""
        self._read()
        return "".join(self._texts)

    @property
    def has_other(self) -> bool:
        """Was anything sent that is not text, such as a part of a tool call? Nobody can go on with that."""
        self._read()
        return self._has_other

    def _read(self) -> None:
        unread, self._unread = b"".join(self._unread), []
        if unread:
            for delta in self._decoder.feed(unread):
                if isinstance(delta, TextDelta):
                    self._texts.append(delta.text)
                    self.pieces += 1
                else:
                    self._has_other = True

    def _inspected(self, whole: bytes) -> bytes:
        """The events up to the first that is an error, without those that only count."""
        self._read()
        good: list[bytes] = []
        for event in _events(whole):
            self._unread.append(event)
            try:
                self._read()
            except ProviderError as error:
                self.error = error
                break
            if not (self._hides_usage and _COUNTS_ONLY.search(event)):
                good.append(event)
        return b"".join(good)


def _end_of_events(buffer: bytes) -> int:
    """The index behind the last whole event; 0 when there is none. Lines end with LF or CRLF."""
    cut = buffer.rfind(b"\n\n")
    if cut >= 0:
        return cut + 2
    cut = buffer.rfind(b"\n\r\n")
    return cut + 3 if cut >= 0 else 0


def _begin_of_last(whole: bytes) -> int:
    """The index of the last of these events."""
    begin = whole.rfind(b"\n\n", 0, -2)
    return begin + 2 if begin >= 0 else whole.rfind(b"\n\r\n", 0, -3) + 3 if b"\r" in whole else 0


def _events(whole: bytes) -> list[bytes]:
    """Each event with the empty line that ends it."""
    return re.findall(rb".*?(?:\n\n|\n\r\n)", whole, re.DOTALL)
