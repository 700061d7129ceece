"""One HTTP/1.1 connection to a vendor, and the one answer that is under way on it.

What belongs to an answer lives in its `DirectReply`, never in the connection: the connection forgets the reply with
its last byte, so that nothing of one exchange can reach another. Bytes that nobody asked for close the connection.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from steadyhand.errors import ProviderError, ProviderProtocol, ProviderTimeout, ProviderUnavailable
from steadyhand.providers.alarm import Alarm
from steadyhand.providers.incoming import Incoming
from steadyhand.providers.reply import Limits, Reply, require_identity

_MOST_UNREAD = 256 * 2**10
"""Bytes that may wait for the reader; with more, no further ones are taken from the network."""

_GRACE_S = 0.5
"""How long the end of a complete answer is waited for, so that the connection can be used again."""


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
        self.alarm = Alarm(self.loop, self._ring, limits.idle_s)
        self._freed = freed
        self._lost = lost
        self._transport: asyncio.Transport
        self._reply: DirectReply | None = None
        self._has_served = False
        self._is_spoiled = False
        self._is_held_back = False

    @property
    def is_usable(self) -> bool:
        return not (self._transport.is_closing() or self._is_spoiled)

    def send(self, request: bytes, deadline: float, first_byte_by: float) -> "DirectReply":
        """Write the whole request; `head` of what is given waits for the answer. Times are the loop's."""
        reply = DirectReply(self, deadline, first_byte_by)
        if self.is_usable:
            self._reply = reply
            self._transport.write(request)
        else:
            reply.fail(ProviderUnavailable(f"expected to be heard by {self.place}; it closed the connection"))
        return reply

    def rest(self, seconds: float) -> None:
        """Close by itself after so long without a request."""
        self.alarm.set(self.loop.time() + seconds)

    def go_on(self) -> None:
        """The reader has taken what there was."""
        if self._is_held_back and not self._transport.is_closing():
            self._is_held_back = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Close after an answer."""
        self._transport.close()

    def abort(self) -> None:
        """Close in the middle of an answer, so that the server stops."""
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
        incoming = reply.incoming
        try:
            incoming.feed(data)
        except ProviderProtocol as error:
            self.fail(error)
            return
        if incoming.is_complete:
            self._end(reply)
        elif incoming.unread_bytes > _MOST_UNREAD and not self._is_held_back:
            self._is_held_back = True
            self._transport.pause_reading()
        reply.wake()

    def connection_lost(self, error: Exception | None) -> None:
        self.alarm.cancel()
        reply, self._reply = self._reply, None
        self._lost(self)
        if reply is None:
            return
        if error is None and reply.incoming.end():
            reply.let_go()
            reply.wake()
            return
        has_begun = reply.incoming.received_bytes > 0
        broken = "it broke off" if has_begun else "the connection was closed without one"
        reason = f" ({error})" if error is not None and str(error) else ""
        reply.is_stale = self._has_served and not has_begun
        reply.fail(ProviderUnavailable(f"expected a whole answer of {self.place}; {broken}{reason}"))

    def _end(self, reply: "DirectReply") -> None:
        self._reply, self._has_served = None, True
        reply.let_go()
        is_sent = not self._transport.get_write_buffer_size()  # a server may refuse a request before its end
        self.go_on()
        if reply.incoming.keeps_alive and is_sent and self.is_usable:
            self._freed(self)
        else:
            self._is_spoiled = True
            self._transport.close()

    def _ring(self) -> None:
        if self._reply is None:
            self.close()
        else:
            hint = "give it more time, or name a second model"
            self.fail(ProviderTimeout(f"expected an answer of {self.place}; nothing came in time", hint=hint))


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
        "_is_unheard",
        "_waiter",
        "incoming",
        "is_stale",
    )

    def __init__(self, connection: Connection, deadline: float, first_byte_by: float) -> None:
        super().__init__()
        self.incoming = Incoming(connection.place, connection.limits)
        self.is_stale = False
        self._connection: Connection | None = connection
        self._deadline = deadline
        self._first_byte_by = min(first_byte_by, deadline)
        self._has_begun = False  # some of the body was read
        self._is_unheard = False  # closed, with its last bytes still on the way
        self._waiter: asyncio.Future[None] | None = None
        self._error: ProviderError | None = None

    async def head(self) -> None:
        """Return when the headers have come. Raises like `read`."""
        incoming = self.incoming
        while not incoming.status:
            if self._error is not None:
                raise self._error
            await self._wait(self._first_byte_by)
        self.status, self._raw_headers = incoming.status, incoming.raw_headers
        try:
            require_identity(self._raw_headers)
        except ProviderProtocol:
            self.close()
            raise

    async def read(self) -> bytes:
        incoming = self.incoming
        while not incoming.has_body:
            if self._error is not None:
                raise self._error
            if incoming.is_complete:
                return b""
            await self._wait(self._next_by())
        self._has_begun = True
        data = incoming.take()
        if self._connection is not None:
            self._connection.go_on()
        return data

    def close(self, *, is_done: bool = False) -> None:
        connection = self._connection
        if connection is None or self._is_unheard:
            return
        if is_done:
            self._is_unheard = True
            self.incoming.take()
            connection.alarm.set(connection.loop.time() + _GRACE_S)
            connection.go_on()
        else:
            self._connection = None
            connection.abort()

    def let_go(self) -> None:
        """The connection has nothing more for this answer."""
        self._connection = None

    def fail(self, error: ProviderError) -> None:
        """End the answer; what has come before is still read."""
        self._error = error
        self.let_go()
        self.wake()

    def wake(self) -> None:
        """Let the reader look what there is."""
        if self._is_unheard:
            self.incoming.take()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _next_by(self) -> float:
        if not self._has_begun or self._connection is None:
            return self._first_byte_by
        return min(self._deadline, self._connection.loop.time() + self._connection.limits.idle_s)

    async def _wait(self, until: float) -> None:
        connection = self._connection
        assert connection is not None, "an answer that was closed is not read"
        connection.alarm.set(until)
        self._waiter = connection.loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._waiter = None
            if self._connection is not None:  # the reader may take its time, as far as there is any
                connection.alarm.set(self._deadline)
