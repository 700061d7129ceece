"""The way to model vendors over HTTP: connections kept and bounded in time and size. Keys are added only here.

A key goes to the base URL of its own provider and nowhere else: redirects are not followed, cookies and proxies of
the environment are not used. It appears in no error: what a vendor says passes `redacted` first.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from steadyhand.errors import ProviderError, ProviderRefused, ProviderUnavailable
from steadyhand.hints import excerpt
from steadyhand.providers.pool import Pool
from steadyhand.providers.ports import WireRequest
from steadyhand.providers.proxied import Proxied
from steadyhand.providers.reply import Limits, Reply
from steadyhand.providers.secrets import Secrets
from steadyhand.types.model import Model, Provider

__all__ = ["Authorize", "Limits", "Reply", "Transport"]

Authorize = Callable[[Provider, WireRequest, str, datetime], Mapping[str, str]]
"""The headers that carry a key or sign a request with it; every dialect has its own."""

_HEADS_KEPT = 256
"""Beginnings of requests that are kept ready; headers of callers make new ones."""

_OPEN_NAME = re.compile(r"\{(\w+)\}")


class _Site:
    """A base URL taken apart. `heads` holds what requests to it begin with, by method, path and headers."""

    __slots__ = ("_heads", "_host", "_path", "pool")

    def __init__(self, host: str, path: str, pool: Pool) -> None:
        _check_path(path)
        self.pool = pool
        self._host = host
        self._path = path
        self._heads: dict[tuple[object, ...], bytes] = {}

    def request(self, wire: WireRequest, authorization: Mapping[str, str]) -> bytes:
        """The whole request, ready to be sent."""
        kind = (wire.method, wire.path, *wire.headers.items())
        head = self._heads.get(kind)
        if head is None:
            head = self._head(wire)
            if len(self._heads) >= _HEADS_KEPT:
                self._heads.clear()
            self._heads[kind] = head
        length = b"content-length: %d\r\n\r\n" % len(wire.body) if wire.body or wire.method == "POST" else b"\r\n"
        return b"".join((head, _lines(authorization), length, wire.body))

    def _head(self, wire: WireRequest) -> bytes:
        target = self._path + wire.path
        always = {"host": self._host, "user-agent": "steadyhand", "accept-encoding": "identity"}
        return f"{wire.method} {target} HTTP/1.1\r\n".encode() + _lines({**always, **wire.headers})


class Transport:
    """Used within one event loop."""

    def __init__(self, limits: Limits | None = None, *, secrets: Secrets | None = None) -> None:
        self._limits = limits or Limits()
        self._secrets = secrets or Secrets()
        self._sites: dict[str, _Site] = {}
        self._pools: dict[tuple[str, int, bool], Pool] = {}
        self._proxied = Proxied(self._limits, self._trust)
        self._trusted: asyncio.Task[ssl.SSLContext] | None = None

    async def open(
        self,
        provider: Provider,
        wire: WireRequest,
        *,
        authorize: Authorize,
        timeout_s: float,
        first_byte_s: float | None = None,
    ) -> Reply:
        """The answer as soon as its headers are there; the caller closes it.

        `timeout_s` bounds it to its last byte, `first_byte_s` to the first of its body. Cancelled, or closed before
        its end, it closes the connection, so that the provider stops working. Raises `ProviderRefused` without a
        usable key or address, `ProviderTimeout`, `ProviderUnavailable` or `ProviderProtocol`.
        """
        began = asyncio.get_running_loop().time()
        deadline = began + timeout_s
        first_byte_by = began + (self._limits.first_byte_s if first_byte_s is None else first_byte_s)
        site = self._sites.get(provider.base_url) or self._new_site(provider)
        _check_path(wire.path)
        authorization: Mapping[str, str] = {}
        if provider.needs_key:
            key = self._secrets.at_hand(provider) or await self._secrets.key(provider)
            authorization = authorize(provider, wire, key, datetime.now(UTC))
        reply: Reply
        if provider.proxy:
            url = provider.base_url.rstrip("/") + wire.path
            reply = await self._proxied.ask(
                url, wire, authorization, proxy=provider.proxy, deadline=deadline, first_byte_by=first_byte_by
            )
        else:
            request = site.request(wire, authorization)
            reply = await site.pool.ask(request, deadline=deadline, first_byte_by=first_byte_by)
        if reply.status in (401, 403):
            self._secrets.refused(provider)
        return reply

    async def unary(
        self,
        provider: Provider,
        wire: WireRequest,
        *,
        authorize: Authorize,
        timeout_s: float,
        first_byte_s: float | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer. Raises like `open` and `Reply.read`."""
        reply = await self.open(provider, wire, authorize=authorize, timeout_s=timeout_s, first_byte_s=first_byte_s)
        try:
            return reply.status, reply.headers, await reply.body()
        finally:
            reply.close()

    def redacted(self, text: str, provider: Provider) -> str:
        """`text` without the provider's key and without what looks like one."""
        return self._secrets.redacted(text, provider)

    def tell(self, error: ProviderError, model: Model) -> None:
        """Name the model in the error, and take keys out of it, whatever the vendor put into its answer."""
        error.args = (f"{model.id}: {self.redacted(str(error), model.provider)}",)

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()
        await self._proxied.close()
        await self._secrets.close()
        await asyncio.sleep(0)  # sockets close in the loop's next round

    def _new_site(self, provider: Provider) -> _Site:
        if not provider.is_complete:
            open_names = dict.fromkeys(_OPEN_NAME.findall(provider.base_url))
            keys = dict.fromkeys("region" if name == "region" else "base_url" for name in open_names)
            shown = ", ".join(map(repr, open_names))
            raise ProviderRefused(
                f"expected the address of {provider.name}; {shown} in its base_url still to be filled in",
                hint=f"set {' and '.join(keys)} in [providers.{provider.name}]",
            )
        try:
            address = urlsplit(provider.base_url)
            host, port, is_tls = (address.hostname or "").rstrip("."), address.port, address.scheme == "https"
        except ValueError:
            host, port, is_tls = "", None, False
        if not host or address.scheme not in ("http", "https"):
            raise ProviderUnavailable(f"expected {provider.name} at an http(s) address; its base_url is none")
        where = (host, port or (443 if is_tls else 80), is_tls)
        if where not in self._pools:
            self._pools[where] = Pool(*where[:2], self._limits, is_tls=is_tls, trust=self._trust)
        named = address.netloc.rpartition("@")[2]
        site = self._sites[provider.base_url] = _Site(named, address.path.rstrip("/"), self._pools[where])
        return site

    async def _trust(self) -> ssl.SSLContext:
        """Certificates are checked against those of the system. Reading them takes a while: it is done once."""
        if self._trusted is None:
            self._trusted = asyncio.create_task(asyncio.to_thread(_system_trust))
        return await asyncio.shield(self._trusted)


def _system_trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@lru_cache(maxsize=_HEADS_KEPT)
def _check_path(path: str) -> None:
    """Raise `ProviderRefused` for a path that leads elsewhere: it may hold what a client calls a model."""
    is_plain = path.isascii() and path.isprintable() and " " not in path
    steps = path.partition("?")[0].split("/")
    if not is_plain or not {".", ".."}.isdisjoint(steps):
        raise ProviderRefused(f"expected a path of printable ASCII that does not climb; found {excerpt(path)!r}")


def _lines(headers: Mapping[str, str]) -> bytes:
    """Header lines. Raises `ProviderRefused` for what would be more than one line, without showing it."""
    lines = []
    for name, value in headers.items():
        if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
            raise ProviderRefused(f"expected header {name!r} as a line of printable ASCII; found other characters")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("ascii")
