"""One HTTP/1.1 connection to a vendor, and the one answer that is under way on it.

What belongs to an answer lives in its `Reply`, never in the connection: the connection forgets the reply with its
last byte, so that nothing of one exchange can reach another. Bytes that nobody asked for close the connection.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import cast

import httptools

from steadyhand.errors import ProviderError, ProviderProtocol, ProviderTimeout, ProviderUnavailable
from steadyhand.providers.reply import Limits, Reply, require_identity, too_large

_MOST_UNREAD = 256 * 2**10
"""Bytes that may wait for the reader; with more, no further ones are taken from the network."""

_GRACE_S = 0.5
"""How long the end of a complete answer is waited for, so that the connection can be used again."""

_TIMER_S = 0.001
"""Timers ring up to so much too early."""


class Connection(asyncio.Protocol):
    """Made by a pool, which learns by `freed` that the connection can be used again and by `lost` that it cannot.

    `place` names the server in messages.
    """

    def __init__(
        self,
        place: str,
        limits: Limits,
        freed: Callable[["Connection"], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        self.place = place
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self._freed = freed
        self._lost = lost
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._reply: DirectReply | None = None
        self._parts: list[bytes] = []  # where the body goes: the reply's, until it is complete
        self._has_served = False
        self._is_spoiled = False
        self._expires = inf
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = inf

    @property
    def is_usable(self) -> bool:
        return not (self._transport.is_closing() or self._is_spoiled)

    def send(self, request: bytes, deadline: float, first_byte_by: float) -> "DirectReply":
        """Write the whole request; `head` of what is given waits for the answer. Times are the loop's."""
        reply = DirectReply(self, deadline, first_byte_by)
        if self.is_usable:
            self._reply, self._parts = reply, reply.parts
            self._transport.write(request)
        else:
            reply.fail(ProviderUnavailable(f"expected to be heard by {self.place}; it closed the connection"))
        return reply

    def rest(self, seconds: float) -> None:
        """Close by itself after so long without a request."""
        self.wait_until(self.loop.time() + seconds)

    def wait_until(self, instant: float) -> None:
        """Give up what is waited for at this time of the loop.

        The timer rings at least every `idle_s` and looks whether it is time, so that hardly any request sets one.
        """
        self._expires = instant
        if instant < self._alarm_at:
            self._set_alarm()

    def stop_waiting(self, reply: "DirectReply") -> None:
        """The reader has what it waited for, and may take its time."""
        if self._reply is reply:
            self._expires = inf

    def give_up(self) -> None:
        """End the answer: its time is up."""
        self.fail(ProviderTimeout(f"expected an answer of {self.place}; nothing came in time"))

    def pause(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        self._reply = None
        self._transport.close()

    def abort(self) -> None:
        """Close without another word, in the middle of an answer."""
        self._reply = None
        self._transport.abort()

    def fail(self, error: ProviderError) -> None:
        """Close in the middle of an answer, whose reader is told why."""
        reply = self._reply
        self.abort()
        if reply is not None:
            reply.fail(error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        reply = self._reply
        if reply is None:
            self._is_spoiled = True
            self._transport.abort()
            return
        size = len(data)
        reply.received_bytes += size
        reply.unread_bytes += size
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_spoiled = True
            if not reply.is_complete:
                self.fail(ProviderProtocol(f"expected HTTP of {self.place}; found something else ({error})"))
                return
        if reply.received_bytes > self.limits.head_bytes and not self._is_within_bounds(reply):
            return
        if reply.is_complete:
            self._end(reply)
        elif reply.unread_bytes > _MOST_UNREAD:
            reply.hold_back()
        reply.wake()

    def connection_lost(self, error: Exception | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        reply, self._reply = self._reply, None
        self._lost(self)
        if reply is None:
            return
        if error is None and reply.ends_with_the_connection:
            reply.is_complete = True
            reply.wake()
            return
        reason = f" ({error})" if error is not None and str(error) else ""
        broken = "it broke off" if reply.received_bytes else "the connection was closed without one"
        reply.is_stale = self._has_served and not reply.received_bytes
        reply.fail(ProviderUnavailable(f"expected a whole answer of {self.place}; {broken}{reason}"))

    def on_message_begin(self) -> None:
        reply = self._reply
        if reply is None or reply.is_complete:
            self._is_spoiled = True  # more answers than requests

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reply is not None and not self._reply.status:  # a trailer says nothing that is needed
            self._reply.add_header(name, value)

    def on_headers_complete(self) -> None:
        if self._reply is not None and not self._reply.is_complete:
            self._reply.begin(self._parser.get_status_code())

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        reply = self._reply
        if reply is not None and reply.status:  # not after "100 Continue" and its like
            reply.is_complete = True
            self._parts = []
            self._is_spoiled = self._is_spoiled or not self._parser.should_keep_alive()

    def _end(self, reply: "DirectReply") -> None:
        self._reply, self._has_served, self._expires = None, True, inf
        reply.let_go()
        is_sent = not self._transport.get_write_buffer_size()  # a server may refuse a request before its end
        if self.is_usable and is_sent:
            self._freed(self)
        else:
            self._transport.close()

    def _is_within_bounds(self, reply: "DirectReply") -> bool:
        """Whether the answer is as small as it has to be; else it is given up."""
        limits = self.limits
        if not reply.status:
            limit = limits.head_bytes
            self.fail(ProviderProtocol(f"expected headers of at most {limit} bytes; found larger ones"))
            return False
        if reply.received_bytes > limits.body_bytes:
            self.fail(too_large(limits.body_bytes))
            return False
        return True

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        now = self.loop.time()
        self._alarm_at = now + max(_TIMER_S, min(self._expires - now, self.limits.idle_s))
        self._alarm = self.loop.call_at(self._alarm_at, self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, inf
        if self.loop.time() + _TIMER_S < self._expires:
            self._set_alarm()
        elif self._reply is None:
            self.close()
        else:
            self.give_up()


class DirectReply(Reply):
    """An answer that comes over a `Connection`. Every time is the loop's.

    `is_stale`: the connection had served before, and was closed without a byte of this answer, as happens when a
    server ends an idle connection just as a request is sent.
    """

    __slots__ = (
        "_connection",
        "_deadline",
        "_error",
        "_first_byte_by",
        "_has_begun",
        "_is_held_back",
        "_is_unheard",
        "_waiter",
        "is_complete",
        "is_stale",
        "parts",
        "received_bytes",
        "unread_bytes",
    )

    def __init__(self, connection: Connection, deadline: float, first_byte_by: float) -> None:
        super().__init__()
        self.is_complete = False
        self.is_stale = False
        self.received_bytes = 0  # with headers and framing
        self.unread_bytes = 0  # likewise
        self._connection: Connection | None = connection
        self._deadline = deadline
        self._first_byte_by = min(first_byte_by, deadline)
        self._has_begun = False  # some of the body was read
        self._is_held_back = False
        self._is_unheard = False  # closed, with its last bytes still on the way
        self.parts: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._error: ProviderError | None = None

    @property
    def ends_with_the_connection(self) -> bool:
        """Does nothing but the connection's end mark the end of the body?"""
        if not self.status:
            return False
        coding = self.headers.get("transfer-encoding", "")
        return not coding.lower().endswith("chunked") if coding else "content-length" not in self.headers

    async def head(self) -> None:
        """Return when the headers have come. Raises like `read`."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait(self._first_byte_by)
        try:
            require_identity(self._raw_headers)
        except ProviderProtocol:
            self.close()
            raise

    async def read(self) -> bytes:
        while not self.parts:
            if self.is_complete:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait(self._next_by())
        if self._connection is not None and self._connection.loop.time() >= self._deadline:
            self._connection.give_up()
            assert self._error is not None
            raise self._error
        self._has_begun = True
        data = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        self.parts.clear()
        self.unread_bytes = 0
        self._go_on()
        return data

    def close(self, *, is_done: bool = False) -> None:
        connection = self._connection
        if connection is None or self._is_unheard:
            return
        if is_done:
            self._is_unheard = True
            self.parts.clear()
            self._go_on()
            connection.wait_until(connection.loop.time() + _GRACE_S)
        else:
            self._connection = None
            connection.abort()

    def begin(self, status: int) -> None:
        """The headers are complete; those of "100 Continue" and its like count for nothing."""
        if status < 200:
            self._raw_headers.clear()
        else:
            self.status = status

    def add_header(self, name: bytes, value: bytes) -> None:
        self._raw_headers.append((name, value))

    def hold_back(self) -> None:
        """Take no more from the network until the reader has what is there."""
        if self._connection is not None and not self._is_held_back:
            self._is_held_back = True
            self._connection.pause()

    def let_go(self) -> None:
        """The connection has nothing more for this answer."""
        self._connection = None

    def fail(self, error: ProviderError) -> None:
        """End the answer; what has come before is still read."""
        self.is_complete, self._error = False, error
        self.let_go()
        self.wake()

    def wake(self) -> None:
        """Let the reader look what there is."""
        if self._is_unheard:
            self.parts.clear()
            self.unread_bytes = 0
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _go_on(self) -> None:
        if self._is_held_back and self._connection is not None:
            self._is_held_back = False
            self._connection.resume()

    def _next_by(self) -> float:
        if not self._has_begun or self._connection is None:
            return self._first_byte_by
        return min(self._deadline, self._connection.loop.time() + self._connection.limits.idle_s)

    async def _wait(self, until: float) -> None:
        connection = self._connection
        assert connection is not None, "an answer that was closed is not read"
        connection.wait_until(until)
        self._waiter = connection.loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._waiter = None
            connection.stop_waiting(self)
