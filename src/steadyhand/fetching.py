"""Fetches what an address names that somebody else wrote: a setting, a link of a page, a redirect.

Such an address may point into the network this process stands in. So a host is resolved once, every address found
is judged, and the connection goes to one of them: a name that soon resolves otherwise changes nothing.
"""

import asyncio
import ipaddress
import re
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from steadyhand.errors import AddressRefused, FetchFailed, FetchTooLarge
from steadyhand.hints import excerpt

USER_AGENT = "Steadyhand"
PORTS = frozenset({80, 443, 8080, 8443})

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, which is asked for with the port. Raises `OSError`."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_HEADERS = 100
_BLOCK = 64 * 2**10
_NUMBER = re.compile(r"(?:\A|\.)(?:\d+|0x[0-9a-f]*)\.?\Z", re.IGNORECASE)  # 127.1, 0x7f.1: the kernel reads them
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # RFC 4291; what is mapped, local or multicast lies outside
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052; the IPv4 address is the last 32 bits
_REFUSED = tuple(
    map(
        ipaddress.ip_network,
        (
            "100.64.0.0/10",  # carriers' own, RFC 6598
            "168.63.129.16/32",  # a cloud's own services under a public address
            "192.0.0.0/24",  # RFC 6890
            "192.88.99.0/24",  # relays of 6to4, RFC 7526
            "198.18.0.0/15",  # benchmarks, RFC 2544
            "2001::/23",  # Teredo, ORCHID and others, RFC 2928
            "2001:db8::/32",
            "2002::/16",  # 6to4 holds an IPv4 address, RFC 3056
            "3fff::/20",  # RFC 9637
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`head_s` is for the headers of one answer, `total_s` for everything with its redirects.

    `body_bytes` bounds what is sent and what it is unpacked to.
    """

    body_bytes: int = 50 * 2**20
    head_s: float = 15.0
    total_s: float = 60.0
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer of any status. `url` is what answered, after redirects; names of headers are in lower case."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Fetcher:
    """Lives within one event loop; opened by its first request.

    `allow` opens hosts on purpose, as `intranet.example` for the usual ports or as `intranet.example:9000` for one.
    Keeps no cookies, and reads neither the environment's proxies nor anybody's .netrc.
    """

    def __init__(self, allow: frozenset[str] = frozenset(), resolve: Resolve | None = None) -> None:
        self._allow = frozenset(host.lower() for host in allow)
        self._resolve = resolve or _resolved
        self._session: aiohttp.ClientSession | None = None

    async def fetch(
        self, url: str, *, headers: Mapping[str, str] | None = None, limits: Limits | None = None
    ) -> Fetched:
        """What is at `url`. `headers` are sent to its host only, not to where it redirects.

        Raises `AddressRefused` for what must not be asked, also behind a redirect, `FetchTooLarge`, and
        `FetchFailed` when there is no whole answer in time.
        """
        bounds = limits or Limits()
        with _translated(url):
            async with asyncio.timeout(bounds.total_s):
                return await self._follow(_parsed(url), dict(headers or {}), bounds)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _follow(self, url: URL, headers: dict[str, str], limits: Limits) -> Fetched:
        for _ in range(limits.redirects + 1):
            fetched = await self._ask(url, headers, limits)
            location = fetched.headers.get("location")
            if not limits.redirects or fetched.status not in _REDIRECTS or not location:
                return fetched
            target = url.join(_parsed(location)).with_fragment(None)
            if url.scheme == "https" and target.scheme == "http":
                raise AddressRefused(f"expected {_shown(url)} to stay encrypted; it redirects to {_shown(target)}")
            if (target.scheme, target.raw_host, target.port) != (url.scheme, url.raw_host, url.port):
                headers = {}
            url = target
        raise FetchFailed(f"expected at most {limits.redirects} redirects; found more, the last to {_shown(url)}")

    async def _ask(self, url: URL, headers: Mapping[str, str], limits: Limits) -> Fetched:
        self._judge(url)
        session = self._opened()
        async with asyncio.timeout(limits.head_s):
            response = await session.get(url, headers=headers, allow_redirects=False)
        async with response:
            found = _headers(response)
            blocks = response.content.iter_chunked(_BLOCK)
            body = await _whole(_unpacked(blocks, found, limits), limits) if response.status != 304 else b""
        return Fetched(response.status, str(url), found, body)

    def _judge(self, url: URL) -> None:
        """Raise `AddressRefused` for what the address itself tells."""
        host, port = url.raw_host, url.port
        if url.scheme not in ("http", "https") or not host or not port:
            raise AddressRefused(f"expected http://HOST or https://HOST; found {_shown(url)}")
        if url.user is not None or url.password is not None:
            raise AddressRefused(f"expected an address without user and password; found {_shown(url)} with them")
        if port not in PORTS and not self._is_allowed(host, port):
            raise AddressRefused(
                f"expected one of the ports {', '.join(map(str, sorted(PORTS)))}; found {port} of {host}",
                hint=_hint(f"{_bracketed(host)}:{port}"),
            )
        if _is_literal(host):  # these are not resolved
            self._judge_addresses(host, port, [host])
        elif _NUMBER.search(host):
            raise AddressRefused(f"expected a name or an address as 192.0.2.1; found {excerpt(host)}")

    def _judge_addresses(self, host: str, port: int, addresses: Sequence[str]) -> None:
        """Raise `AddressRefused` when one of them is not public: none of such an answer is to be trusted."""
        if self._is_allowed(host, port):
            return
        for address in addresses:
            if not is_public(address):
                raise AddressRefused(
                    f"expected {host} to have a public address; found {address}", hint=_hint(_bracketed(host))
                )

    def _is_allowed(self, host: str, port: int) -> bool:
        name = _bracketed(host.lower())
        return f"{name}:{port}" in self._allow or (name in self._allow and port in PORTS)

    async def _judged(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._resolve(host, port)
        self._judge_addresses(host, port, addresses)
        return addresses

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = _Judging(self._judged)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"user-agent": USER_AGENT, "accept-encoding": "gzip"},
                auto_decompress=False,
                trust_env=False,
                max_headers=_MOST_HEADERS,
            )
        return self._session


def is_public(address: str) -> bool:
    """Is it an address of the internet at large, and no way back into this network?

    Refused are private, loopback, link-local, site-local, multicast, unspecified, reserved and documentation
    addresses, those of carriers (CGNAT) and benchmarks, IPv4 inside IPv6 (mapped, compatible, 6to4, Teredo), a
    cloud's own services, and NAT64 of what is refused as IPv4. Sources: the IANA special-purpose registries and the
    RFCs named above.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
        if found not in _GLOBAL_UNICAST:
            return False
    if any(found.version == network.version and found in network for network in _REFUSED):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


class _Judging(AbstractResolver):
    """Gives the connection the judged addresses, so that nothing is resolved behind it."""

    def __init__(self, judged: Resolve) -> None:
        self._judged = judged

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        return [_result(host, port, address) for address in await self._judged(host, port)]

    async def close(self) -> None:
        """Nothing is held."""


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)


async def _resolved(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(where[0]) for _, _, _, _, where in found]


async def _whole(blocks: AsyncIterator[bytes], limits: Limits) -> bytes:
    body = bytearray()
    async for block in blocks:
        body += block
        if len(body) > limits.body_bytes:
            raise FetchTooLarge(f"expected at most {limits.body_bytes:,} bytes; found more")
    return bytes(body)


async def _unpacked(
    blocks: AsyncIterator[bytes], headers: Mapping[str, str], limits: Limits
) -> AsyncIterator[bytes]:
    """The body without its content coding, never more than a block at a time whatever it claims to unpack to."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "x-gzip"):
        raise FetchFailed(f"expected a body that is packed with gzip or not at all; found {excerpt(coding)}")
    if coding in ("identity", ""):
        async for block in blocks:
            yield block
        return
    unpacker, packed_bytes = zlib.decompressobj(wbits=31), 0
    async for block in blocks:
        packed_bytes += len(block)
        if packed_bytes > limits.body_bytes:
            raise FetchTooLarge(f"expected at most {limits.body_bytes:,} bytes; found more")
        rest = block
        while rest and not unpacker.eof:
            yield unpacker.decompress(rest, _BLOCK)
            rest = unpacker.unconsumed_tail
    while not unpacker.eof:
        if not (last := unpacker.decompress(unpacker.unconsumed_tail, _BLOCK)):
            raise FetchFailed("expected a whole gzip body; it broke off")
        yield last


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """One value for each name; those of a repeated name are joined as RFC 9110 joins lists.

    Bytes that are no UTF-8 become question marks, so that everything can be stored.
    """
    found: dict[str, str] = {}
    for name, written in response.headers.items():
        key, value = name.lower(), written.encode("utf-8", "replace").decode()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _parsed(url: str) -> URL:
    try:
        return URL(url)
    except (ValueError, TypeError):
        raise AddressRefused(f"expected an address of the web; found {excerpt(repr(url))}") from None


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _shown(url: URL) -> str:
    """An address for a message: without user, password and query, which may hold secrets."""
    try:
        return excerpt(str(url.with_user(None).with_query(None).with_fragment(None)))
    except ValueError:
        return "a relative address"


def _hint(entry: str) -> str:
    return f'when it is meant: [fetching] allow = ["{entry}"]'


@contextmanager
def _translated(url: str) -> Iterator[None]:
    place = _shown(_parsed(url))
    try:
        yield
    except TimeoutError:
        raise FetchFailed(f"expected an answer of {place}; it did not come in time") from None
    except zlib.error:
        raise FetchFailed(f"expected a body of {place} that is packed as it says; found another") from None
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        raise FetchFailed(f"expected an answer of {place}; {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return excerpt(str(error) or type(error).__name__)
