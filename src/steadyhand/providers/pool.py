"""The connections to one server: kept while they may be used again, and bounded in number."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress

from steadyhand.errors import ProviderTimeout, ProviderUnavailable
from steadyhand.providers import dial
from steadyhand.providers.connection import Connection, DirectReply
from steadyhand.providers.reply import Limits, Trust, untrusted


class Pool:
    """`trust` is asked only when `is_tls`. Lives within one event loop."""

    def __init__(self, host: str, port: int, limits: Limits, *, is_tls: bool, trust: Trust) -> None:
        self._host = host
        self._port = port
        self._limits = limits
        self._is_tls = is_tls
        self._trust = trust
        shown = f"[{host}]" if ":" in host else host
        self.place = f"{'https' if is_tls else 'http'}://{shown}:{port}"
        self._idle: list[Connection] = []  # the one used last is the last
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()

    async def ask(self, request: bytes, *, deadline: float, first_byte_by: float) -> DirectReply:
        """The answer when its headers have come. Times are the loop's.

        A request is sent twice only when the first went over a connection that had served before, and that was
        closed without a byte of an answer. Raises `ProviderTimeout`, `ProviderUnavailable` or `ProviderProtocol`.
        """
        connection = self._idle_one() or await self._another(min(deadline, first_byte_by))
        reply = connection.send(request, deadline, first_byte_by)
        try:
            await reply.head()
        except ProviderUnavailable:
            if not reply.is_stale:
                raise
        else:
            return reply
        connection = await self._another(min(deadline, first_byte_by))
        reply = connection.send(request, deadline, first_byte_by)
        await reply.head()
        return reply

    def close(self) -> None:
        """Break off everything."""
        for connection in list(self._open):
            connection.fail(
                ProviderUnavailable(f"expected an answer of {self.place}; its connection was closed here")
            )

    def _idle_one(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    async def _another(self, until: float) -> Connection:
        """A new connection or, while as many as may be are in use, the next that becomes free."""
        while len(self._open) + self._connecting >= self._limits.connections_per_host:
            freed = await self._next_freed(until)
            if freed is not None and freed.is_usable:
                return freed
        self._connecting += 1
        try:
            connection = await self._connected(until)
            if connection.is_usable:  # else it is lost already, and nobody would say so again
                self._open.add(connection)
        finally:
            self._connecting -= 1
            if self._has_room:
                self._tell(None)
        return connection

    @property
    def _has_room(self) -> bool:
        return len(self._open) + self._connecting < self._limits.connections_per_host

    async def _next_freed(self, until: float) -> Connection | None:
        """A connection that was given back, or None when there is room for a new one."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout_at(until):
                try:
                    return await waiter
                except asyncio.CancelledError:
                    self._pass_on(waiter)
                    raise
        except TimeoutError:
            count = self._limits.connections_per_host
            raise ProviderTimeout(f"expected a free connection to {self.place}; all {count} are in use") from None

    def _pass_on(self, waiter: asyncio.Future[Connection | None]) -> None:
        """Give what nobody waits for any more to the next who does."""
        if waiter.cancelled():
            with suppress(ValueError):  # passed over already
                self._waiting.remove(waiter)
            return
        connection = waiter.result()
        if connection is None:
            self._tell(None)
        elif connection.is_usable:
            self._freed(connection)

    def _tell(self, connection: Connection | None) -> bool:
        """Whether somebody waited for a connection, or for room for one."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _freed(self, connection: Connection) -> None:
        if self._waiting and self._tell(connection):
            return
        if len(self._idle) < self._limits.kept_per_host:
            connection.rest(self._limits.kept_s)
            self._idle.append(connection)
        else:
            connection.close()

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if self._has_room:
            self._tell(None)

    async def _connected(self, until: float) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(until, loop.time() + self._limits.connect_s)):
                trust = await self._trust() if self._is_tls else None
                dialled = await dial.dialled(self._host, self._port)
                name = self._host if trust else None
                _, connection = await loop.create_connection(
                    self._new, sock=dialled, ssl=trust, server_hostname=name
                )
                return connection
        except TimeoutError:
            raise ProviderTimeout(f"expected a connection to {self.place}; none stood in time") from None
        except ssl.SSLCertVerificationError as error:
            raise untrusted(self.place, error) from None
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be one
            reason = str(error) or type(error).__name__
            hint = "does it run, and can it be reached from here? base_url and proxy are set in [providers.NAME]"
            raise ProviderUnavailable(f"expected a connection to {self.place}; {reason}", hint=hint) from None

    def _new(self) -> Connection:
        return Connection(self.place, self._limits, self._freed, self._lost)
