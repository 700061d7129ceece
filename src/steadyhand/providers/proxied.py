"""Vendors behind an HTTP proxy, over aiohttp, which knows how to speak with one."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakSet

import aiohttp
from yarl import URL

from steadyhand.errors import ProviderProtocol, ProviderTimeout, ProviderUnavailable
from steadyhand.providers.ports import WireRequest
from steadyhand.providers.reply import Limits, Reply, Trust, require_identity, too_large, untrusted


class ProxiedReply(Reply):
    """An answer that comes through a proxy. Every time is the loop's."""

    __slots__ = ("_content", "_deadline", "_first_byte_by", "_limits", "_place", "_received_bytes", "_response")

    def __init__(
        self, response: aiohttp.ClientResponse, place: str, limits: Limits, deadline: float, first_byte_by: float
    ) -> None:
        super().__init__()
        self.status = response.status
        self._raw_headers = list(response.raw_headers)
        self._response = response
        self._content = response.content
        self._place = place
        self._limits = limits
        self._deadline = deadline
        self._first_byte_by = first_byte_by
        self._received_bytes = 0

    async def read(self) -> bytes:
        idle_by = asyncio.get_running_loop().time() + self._limits.idle_s
        wait_until = min(self._deadline, idle_by if self._received_bytes else self._first_byte_by)
        try:
            with _translated(self._place):
                async with asyncio.timeout_at(wait_until):
                    data = await self._content.readany()
        except asyncio.CancelledError:
            self.close()
            raise
        self._received_bytes += len(data)
        if self._received_bytes > self._limits.body_bytes:
            self.close()
            raise too_large(self._limits.body_bytes)
        return data

    def close(self, *, is_done: bool = False) -> None:
        del is_done  # a connection is dear only where it was opened by us
        self._response.close()  # one that was read to its end is back in the pool already


class Proxied:
    """Opened by its first request. Lives within one event loop."""

    def __init__(self, limits: Limits, trust: Trust) -> None:
        self._limits = limits
        self._trust = trust
        self._session: aiohttp.ClientSession | None = None
        self._responses: WeakSet[aiohttp.ClientResponse] = WeakSet()

    async def ask(
        self,
        url: str,
        wire: WireRequest,
        authorization: Mapping[str, str],
        *,
        proxy: str,
        deadline: float,
        first_byte_by: float,
    ) -> ProxiedReply:
        """The answer when its headers have come. Raises like `Pool.ask`."""
        place = _without_password(f"{url} through {proxy}")
        with _translated(place):
            async with asyncio.timeout_at(min(deadline, first_byte_by)):
                trusted = await self._trust() if url.startswith("https:") else True
                response = await self._opened().request(
                    wire.method,
                    URL(url, encoded=True),  # as it was signed
                    data=wire.body or None,
                    headers={**wire.headers, **authorization},
                    allow_redirects=False,
                    proxy=proxy,
                    ssl=trusted,
                )
        self._responses.add(response)
        try:
            if response.status == 101:
                raise ProviderProtocol(f"expected HTTP of {place}; found a change to another protocol")
            require_identity(response.raw_headers)
        except ProviderProtocol:
            response.close()
            raise
        return ProxiedReply(response, place, self._limits, deadline, first_byte_by)

    async def close(self) -> None:
        for response in list(self._responses):
            response.close()  # else its reader would hear nothing
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=self._limits.connections_per_host),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"user-agent": "steadyhand", "accept-encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


@contextmanager
def _translated(place: str) -> Iterator[None]:
    """aiohttp's errors as ours. Theirs are not kept as causes: they hold the request's headers."""
    try:
        yield
    except TimeoutError:
        raise ProviderTimeout(f"expected an answer of {place}; nothing came in time") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise untrusted(place, error) from None
    except aiohttp.ClientHttpProxyError as error:
        raise ProviderUnavailable(f"expected a way to {place}; the proxy says {error.status}") from None
    except aiohttp.ClientResponseError as error:
        raise ProviderProtocol(f"expected HTTP of {place}; found {error.message!r}") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: an address that cannot be one
        reason = _without_password(str(error)) or type(error).__name__
        raise ProviderUnavailable(f"expected a whole answer of {place}; {reason}") from None


def _without_password(text: str) -> str:
    """`text` with the user and password of an address in it left out."""
    return re.sub(r"//[^/@\s]*@", "//***@", text)
