"""Who is calling, and may they? Every request shows a key or a session before anything else happens."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from steadyhand.access.keys import SHOW_A_KEY
from steadyhand.access.roles import Action, may
from steadyhand.errors import Forbidden, Unauthenticated
from steadyhand.types.run import Principal

COOKIE = "steadyhand_session"
REMEMBERED_S = 5.0  # a revoked key is refused after this time at the latest

_REMEMBERED_MAX = 1024  # credentials in use at the same time, before the oldest is asked for again
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Credentials(Protocol):
    """The keys, or the sessions, that are in force."""

    async def principal(self, secret: str, /) -> Principal:
        """Who holds it. Raises `Unauthenticated`."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until: float


class Identities:
    """Who holds a key or a session, remembered for `REMEMBERED_S` so that most requests ask no database.

    What is kept of a credential is its hash. `monotonic` is a clock in seconds.
    """

    def __init__(self, keys: Credentials, sessions: Credentials, monotonic: Callable[[], float]) -> None:
        self._keys = keys
        self._sessions = sessions
        self._monotonic = monotonic
        self._known: dict[bytes, _Known] = {}

    async def of_key(self, key: str) -> Principal:
        """Raises `Unauthenticated`."""
        return await self._of("key", key, self._keys.principal)

    async def of_session(self, token: str) -> Principal:
        """Raises `Unauthenticated`."""
        return await self._of("session", token, self._sessions.principal)

    def forget_session(self, token: str) -> None:
        self._known.pop(_mark("session", token), None)

    async def _of(self, kind: str, secret: str, ask: Callable[[str], Awaitable[Principal]]) -> Principal:
        mark, now = _mark(kind, secret), self._monotonic()
        known = self._known.get(mark)
        if known is not None and now < known.until:
            return known.principal
        self._known.pop(mark, None)
        principal = await ask(secret)
        while len(self._known) >= _REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        self._known[mark] = _Known(principal, now + REMEMBERED_S)
        return principal


class Gate:
    """Lets nobody in unseen: `request.state.principal` is set for every request that is not to an open address."""

    def __init__(self, app: ASGIApp, *, identities: Identities, is_open: Callable[[str, str], bool]) -> None:
        self._app = app
        self._identities = identities
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_open(scope["method"], scope["path"]):
            request = Request(scope)
            request.state.principal = await self._principal(request)
        await self._app(scope, receive, send)

    async def _principal(self, request: Request) -> Principal:
        key = _key(request)
        if key is not None:
            return await self._identities.of_key(key)
        token = request.cookies.get(COOKIE)
        if token is None:
            raise Unauthenticated("expected a key; found none", hint=SHOW_A_KEY)
        principal = await self._identities.of_session(token)
        if not _is_harmless(request) and not _is_from_here(request):
            raise Forbidden("a browser may change things only from this console's own pages", hint=SHOW_A_KEY)
        return principal


class Allow:
    """The rule of a route, as a dependency of the framework: any one action is enough, none needs no key."""

    def __init__(self, *actions: Action) -> None:
        self.actions = actions

    async def __call__(self, request: Request) -> None:
        if not self.actions:
            return
        principal: Principal = request.state.principal
        if not any(may(principal, action) for action in self.actions):
            raise Forbidden(
                f"expected a key that may {' or '.join(self.actions)};"
                f" {principal.name!r} has the role {principal.role}",
                hint="ask for a key of another role: steadyhand keys create NAME --role ROLE",
            )


def _key(request: Request) -> str | None:
    """The key of a request, None when it brings none. A header of another scheme counts as a wrong key."""
    header = request.headers.get("authorization")
    if header is None:
        return request.headers.get("x-api-key")
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _is_harmless(request: Request) -> bool:
    """Reading changes nothing, and nobody is hurt by being signed out."""
    return request.method in _SAFE_METHODS or request.url.path == "/session/end"


def _is_from_here(request: Request) -> bool:
    """Was this sent by one of our own pages? Other ports of the same machine count as the same site for cookies."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


def _mark(kind: str, secret: str) -> bytes:
    return hashlib.sha256(f"{kind}:{secret}".encode("utf-8", "replace")).digest()
