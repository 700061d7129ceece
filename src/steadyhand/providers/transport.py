"""The way to model vendors over HTTP: one pool of connections, bounded in time and size. Keys are added only here.

A key goes to the base URL of its own provider and nowhere else: redirects are not followed, cookies and proxies of
the environment are not used. It appears in no error: what a vendor says passes `redacted` first.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from steadyhand import settings
from steadyhand.errors import ProviderProtocol, ProviderRefused, ProviderTimeout, ProviderUnavailable
from steadyhand.providers.ports import WireRequest
from steadyhand.types.model import Provider

Authorize = Callable[[Provider, WireRequest, str, datetime], Mapping[str, str]]
"""The headers that carry a key or sign a request with it; every dialect has its own."""

_GRACE_S = 0.1
"""How long the last empty chunk of a complete answer is waited for, so that the connection can be used again."""

_KEY_LIKE = re.compile(r"\b(?:sk|gsk|xai|fw|tgp|pk)[-_][\w*.-]{6,}")
"""How keys begin that vendors repeat in part, such as `sk-ab***yz`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds until the connection stands, until the first byte of the body, and between two; the largest body."""

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    idle_s: float = 15.0
    body_bytes: int = 16 * 2**20
    connections_per_host: int = 100


class Reply:
    """A vendor's answer whose headers have come. `headers` are in lower case."""

    def __init__(
        self, provider: Provider, response: aiohttp.ClientResponse, deadline: float, limits: Limits
    ) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._provider = provider
        self._content = response.content
        self._deadline = deadline
        self._limits = limits

    @property
    def is_event_stream(self) -> bool:
        """Is the body a stream of events? A vendor may answer whole although a stream was asked for."""
        return self.status == 200 and "text/event-stream" in self.headers.get("content-type", "")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `ProviderTimeout` when it stalls, `ProviderProtocol` when it is too big."""
        wait_s, size = self._limits.first_byte_s, 0
        while True:
            with _translated(self._provider):
                async with _within(wait_s, self._deadline):
                    data = await self._content.readany()
            if not data:
                return
            size += len(data)
            if size > self._limits.body_bytes:
                limit = self._limits.body_bytes
                raise ProviderProtocol(f"expected an answer of at most {limit} bytes; found a larger one")
            yield data
            wait_s = self._limits.idle_s

    async def body(self) -> bytes:
        """The whole body."""
        return b"".join([data async for data in self.chunks()])

    async def end(self) -> None:
        """Take in what closes a complete answer."""
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(_GRACE_S):
                await self._content.readany()


class Transport:
    """`secret` gives the value of a key variable, "" when it is not set. Used within one event loop."""

    def __init__(self, limits: Limits | None = None, *, secret: Callable[[str], str] = settings.secret) -> None:
        self._limits = limits or Limits()
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    async def unary(
        self, provider: Provider, wire: WireRequest, *, authorize: Authorize, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer. Raises like `stream`."""
        async with self.stream(provider, wire, authorize=authorize, timeout_s=timeout_s) as reply:
            return reply.status, reply.headers, await reply.body()

    @asynccontextmanager
    async def stream(
        self, provider: Provider, wire: WireRequest, *, authorize: Authorize, timeout_s: float
    ) -> AsyncIterator[Reply]:
        """The answer as soon as its headers are there; `timeout_s` bounds it to its last byte.

        Leaving before the end, also by cancellation, closes the connection, so that the provider stops working.
        Raises `ProviderRefused` without a key, `ProviderTimeout`, `ProviderUnavailable` or `ProviderProtocol`.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        headers = {**wire.headers, **self._authorization(provider, wire, authorize)}
        url = provider.base_url.rstrip("/") + wire.path
        with _translated(provider):
            async with _within(self._limits.first_byte_s, deadline):
                response = await self._open_session().request(
                    wire.method, url, data=wire.body or None, headers=headers, allow_redirects=False
                )
        try:
            reply = Reply(provider, response, deadline, self._limits)
            yield reply
            await reply.end()
        finally:
            response.close()  # a connection that was read to its end is back in the pool already

    def redacted(self, text: str, provider: Provider) -> str:
        """`text` without the provider's key and without what looks like one."""
        key = self._secret(provider.key_variable) if provider.key_variable else ""
        return _KEY_LIKE.sub("***", text.replace(key, "***") if key else text)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _authorization(self, provider: Provider, wire: WireRequest, authorize: Authorize) -> Mapping[str, str]:
        variable = provider.key_variable
        if not variable:
            return {}
        key = self._secret(variable)
        if not key:
            raise ProviderRefused(
                f"expected a key in {variable}; it is not set", hint=f"set {variable}; steadyhand doctor checks it"
            )
        if not (key.isascii() and key.isprintable()):
            raise ProviderRefused(
                f"expected a key of printable ASCII in {variable}; found other characters",
                hint="copy the key again",
            )
        return authorize(provider, wire, key, datetime.now(UTC))

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=self._limits.connections_per_host),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"user-agent": "steadyhand", "accept-encoding": "identity"},
                trust_env=False,
            )
        return self._session


def _within(wait_s: float, deadline: float) -> asyncio.Timeout:
    return asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + wait_s))


@contextmanager
def _translated(provider: Provider) -> Iterator[None]:
    """The HTTP library's errors as ours. Theirs are not kept as causes: they hold the request's headers."""
    place = _without_password(provider.base_url)
    try:
        yield
    except TimeoutError:
        raise ProviderTimeout(f"expected an answer of {place}; nothing came in time") from None
    except aiohttp.ClientSSLError as error:
        raise ProviderUnavailable(
            f"expected a trusted certificate of {place}; {error}",
            hint="check the address and the clock",
        ) from None
    except aiohttp.ClientResponseError as error:
        raise ProviderProtocol(f"expected HTTP from {place}; found {error.message!r}") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: an address that cannot be one
        reason = _without_password(str(error)) or type(error).__name__
        raise ProviderUnavailable(f"expected an answer of {place}; {reason}") from None


def _without_password(text: str) -> str:
    """`text` with the user and password of an address in it left out."""
    return re.sub(r"//[^/@\s]*@", "//***@", text)
