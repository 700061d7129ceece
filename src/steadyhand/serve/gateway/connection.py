"""One request of a client over ASGI: headers read once, the body bounded, the answer sent, an absence noticed."""

import asyncio
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from math import ceil
from types import TracebackType
from typing import Self
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from steadyhand.errors import InputTooLarge, SteadyhandError, Unauthenticated, UsageError
from steadyhand.pipeline.gateway.client import Served, Streamed
from steadyhand.serve.gateway.room import BODY_S, Room

MAX_BODY_BYTES = 32_000_000  # what OpenAI and Anthropic take: images and PDFs come inside of the JSON
WATCH_AFTER_S = 0.25  # most answers are there before, and cost no task that waits for the client to leave
WATCH_STREAM_AFTER_S = 0.02  # a stream is paid for by the word; one that comes in a burst is over before

_TOKEN = b"bearer "
_NO_HEADERS: Mapping[str, str] = {}
_FOR_VENDORS = frozenset({b"anthropic-version", b"anthropic-beta", b"openai-beta"})

Header = tuple[bytes, bytes]
_SAFE: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_JSON: tuple[Header, ...] = ((b"content-type", b"application/json"), *_SAFE)
_EVENTS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
    *_SAFE,
)


class BodyTooSlow(UsageError):
    """The body of a request did not come in time."""

    status = 408


class ClientLeft(Exception):
    """Nobody waits for the answer."""


class Connection:
    """One request and its answer. `for_vendors` are headers that a vendor has to see.

    `key` is None when none was shown; a header of another scheme counts as a wrong key.
    """

    __slots__ = (
        "_held_bytes",
        "_receive",
        "_room",
        "_send",
        "_size_bytes",
        "accepts_reset",
        "for_vendors",
        "has_started",
        "key",
        "method",
        "path",
        "speaks_anthropic",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, room: Room) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.key: str | None = None
        self.accepts_reset = False
        self.speaks_anthropic = False
        self.for_vendors = _NO_HEADERS
        self.has_started = False
        self._receive = receive
        self._send = send
        self._room = room
        self._held_bytes = 0
        self._size_bytes = 0
        for name, value in scope["headers"]:
            if name == b"authorization":
                is_bearer = value[:7].lower() == _TOKEN
                self.key = value[7:].strip().decode("latin-1") if is_bearer else ""
            elif name == b"content-length":
                self._size_bytes = int(value)
            elif name[:1] in (b"x", b"a", b"o"):
                self._note(name, value)

    async def body(self) -> bytes:
        """The whole body. Raises `InputTooLarge`, `RateLimited`, `BodyTooSlow` or `ClientLeft`."""
        if self._size_bytes > MAX_BODY_BYTES:
            raise _too_large(self._size_bytes)
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientLeft
        if not message.get("more_body"):
            whole: bytes = message.get("body", b"")
            return whole
        try:
            async with asyncio.timeout(BODY_S):
                return await self._rest_behind(message.get("body", b""))
        except TimeoutError:
            raise BodyTooSlow(f"expected the whole body within {BODY_S:g} s; a part of it came") from None

    def done(self) -> None:
        """The request is answered."""
        if self._held_bytes:
            self._room.give_back(self._held_bytes)
            self._held_bytes = 0

    def presence(self, after_s: float = WATCH_AFTER_S) -> "Presence":
        """Within it the request's task is broken off when the client leaves, which raises `ClientLeft`.

        It is looked for after so many seconds.
        """
        return Presence(self._receive, after_s)

    async def send_whole(self, served: Served) -> None:
        headers = [*_JSON, (b"content-length", b"%d" % len(served.body)), *_about(served)]
        await self._start(served.status, headers, served.body)

    async def send_stream(self, opening: Awaitable[Streamed | Served]) -> None:
        """Status 200 with the first piece; what is raised before it is raised on. Closes the stream in any case."""
        with self.presence(WATCH_STREAM_AFTER_S):
            opened = await opening
            if isinstance(opened, Served):
                await self.send_whole(opened)
                return
            try:
                headers = [*_EVENTS, *_about(opened)]
                await self._start(200, headers, opened.first, has_more=True)
                async for piece in opened.rest:
                    await self._send({"type": "http.response.body", "body": piece, "more_body": True})
                await self.end(b"")
            finally:
                await opened.rest.aclose()

    async def send_json(self, status: int, body: bytes) -> None:
        await self._start(status, [*_JSON, (b"content-length", b"%d" % len(body))], body)

    async def send_error(self, status: int, body: bytes, error: SteadyhandError, allow: str = "") -> None:
        """`allow` are the methods that the address knows, where that is what went wrong."""
        headers = [*_JSON, (b"content-length", b"%d" % len(body)), *_explained(error)]
        if allow:
            headers.append((b"allow", allow.encode()))
        await self._start(status, headers, body)

    async def end(self, piece: bytes) -> None:
        """The last piece of an answer that has started."""
        await self._send({"type": "http.response.body", "body": piece})

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"x-api-key":
            self.key = value.decode("latin-1") if self.key is None else self.key
        elif name == b"x-steadyhand-reset":
            self.accepts_reset = value == b"allow"
        elif name in _FOR_VENDORS:
            self.speaks_anthropic = self.speaks_anthropic or name[:1] == b"a"
            self.for_vendors = {**self.for_vendors, name.decode(): value.decode("latin-1")}

    async def _rest_behind(self, first: bytes) -> bytes:
        parts, size_bytes, has_more = [first], len(first), True
        while has_more:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientLeft
            part: bytes = message.get("body", b"")
            size_bytes += len(part)
            if size_bytes > MAX_BODY_BYTES:
                raise _too_large(size_bytes)
            self._room.take(len(part))
            self._held_bytes += len(part)
            parts.append(part)
            has_more = message.get("more_body", False)
        return b"".join(parts)

    async def _start(self, status: int, headers: list[Header], body: bytes, *, has_more: bool = False) -> None:
        self.has_started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": has_more})


class Presence:
    """Notices that the client left. What it costs while the answer is quick is one timer."""

    __slots__ = ("_after_s", "_has_left", "_receive", "_task", "_timer", "_watcher")

    def __init__(self, receive: Receive, after_s: float = WATCH_AFTER_S) -> None:
        self._receive = receive
        self._after_s = after_s
        self._watcher: asyncio.Task[None] | None = None
        self._has_left = False

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._after_s, self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._has_left and isinstance(error, asyncio.CancelledError):
            assert self._task is not None
            if self._task.uncancel() == 0:  # else the server wants to stop as well
                raise ClientLeft from None

    def _begin(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._has_left = True
        assert self._task is not None
        self._task.cancel()


def _explained(error: SteadyhandError) -> list[Header]:
    """Headers that clients act on: whose key, which run, when to come again, and that there is no use in it."""
    found: list[Header] = []
    if isinstance(error, Unauthenticated):
        found.append((b"www-authenticate", b"Bearer"))
    if error.run_id:
        found.append((b"x-run-id", error.run_id.encode()))
    wait_s = getattr(error, "retry_after_s", None)
    if wait_s:
        found.append((b"retry-after", b"%d" % ceil(wait_s)))
    if not error.is_retryable:
        found.append((b"x-should-retry", b"false"))
    return found


def _about(answer: Served | Streamed) -> tuple[Header, Header]:
    return (b"x-run-id", answer.run_id.encode()), (b"x-steadyhand-model", _header(answer.model))


@lru_cache(maxsize=1024)
def _header(name: str) -> bytes:
    """A model's name, which may hold anything, as the value of a header."""
    return quote(name, safe="/:@+,;=").encode()


def _too_large(found: int) -> InputTooLarge:
    return InputTooLarge(
        f"expected a body of at most {MAX_BODY_BYTES} bytes; found {found}",
        hint="send large files as URLs, or bring them in as documents: steadyhand ingest",
    )
