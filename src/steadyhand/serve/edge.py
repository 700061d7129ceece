"""The outermost layer: bounded bodies, headers that browsers obey, and an answer to every error."""

import asyncio
import re

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steadyhand.errors import InputTooLarge, SteadyhandError, UsageError
from steadyhand.knowledge.ingest.uploads import SIZE_LIMIT
from steadyhand.serve import faults
from steadyhand.serve.gateway.connection import BodyTooSlow
from steadyhand.serve.gateway.room import BODY_S

MAX_BODY_BYTES = 1_000_000
"""Of everything but files that are handed in."""

_UPLOAD_S = 600.0  # a large file over a slow line
_UPLOAD = re.compile(r"/knowledge/[^/]+/documents")

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    b"content-security-policy": CONTENT_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}


class Edge:
    """Wraps the application. Nothing but a cancellation gets past it."""

    def __init__(self, app: ASGIApp, *, body_s: float = BODY_S) -> None:
        self._app = app
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = _UPLOAD.fullmatch(scope["path"]) is not None
        limit = SIZE_LIMIT if is_upload else MAX_BODY_BYTES
        exchange = _Exchange(receive, send, limit, _UPLOAD_S if is_upload else self._body_s)
        request = Request(scope, exchange.receive)
        try:
            _check(request, limit)
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            return
        except SteadyhandError as error:
            answer = faults.response(request, error)
            if isinstance(error, InputTooLarge | BodyTooSlow):
                answer.headers["Connection"] = "close"  # nobody waits for the rest of it
        except Exception as error:  # noqa: BLE001 - the last place before the network
            answer = faults.surprise(request, error)
        else:
            return
        if not exchange.has_started:
            await answer(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer on their way through."""

    def __init__(self, receive: Receive, send: Send, limit: int, within_s: float) -> None:
        """A body has at most `limit` bytes, and is there `within_s` seconds after somebody asked for it."""
        self.has_started = False
        self._limit = limit
        self._within_s = within_s
        self._ends_at: float | None = None
        self._is_whole = False
        self._receive = receive
        self._send = send
        self._received_bytes = 0

    async def receive(self) -> Message:
        message = await self._receive() if self._is_whole else await self._in_time()
        self._is_whole = not message.get("more_body", False)
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > self._limit:
            raise _too_large(self._limit, "more")
        return message

    async def _in_time(self) -> Message:
        if self._ends_at is None:
            self._ends_at = asyncio.get_running_loop().time() + self._within_s
        try:
            async with asyncio.timeout_at(self._ends_at):
                return await self._receive()
        except TimeoutError:
            raise BodyTooSlow(f"expected the whole body within {self._within_s:g} s; a part of it came") from None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            present = {name.lower() for name, _ in message["headers"]}
            added = [(name, value) for name, value in _HEADERS.items() if name not in present]
            message = {**message, "headers": [*message["headers"], *added]}
        await self._send(message)


def _check(request: Request, limit: int) -> None:
    """Refuse what no route should ever see."""
    size = request.headers.get("content-length", "0")
    if not size.isdecimal() or int(size) > limit:
        raise _too_large(limit, size[:20])
    if "\0" in request.url.path or "%00" in request.url.query:
        raise UsageError("expected an address without NUL characters", hint="leave out %00")


def _too_large(limit: int, found: str) -> InputTooLarge:
    return InputTooLarge(
        f"expected a body of at most {limit} bytes; found {found}",
        hint="bring large texts in as documents: steadyhand ingest",
    )
