"""A vendor's answer as it comes, whatever brings it, and the bounds it is held to."""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from steadyhand.errors import ProviderProtocol, ProviderUnavailable

Trust = Callable[[], Awaitable[ssl.SSLContext]]
"""Gives the certificates that servers are checked against."""

STREAMS = ("text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream")
"""Media types of answers that come piece by piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds until the connection stands, until the first byte of the body, and between two; the largest body.

    `kept_s` is how long a connection is kept while nobody uses it. Reasoning models are silent for long within a
    stream: `idle_s` is no measure of health.
    """

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    idle_s: float = 60.0
    body_bytes: int = 64 * 2**20
    head_bytes: int = 64 * 2**10
    connections_per_host: int = 100
    kept_per_host: int = 100
    kept_s: float = 60.0


class Reply(ABC):
    """An answer whose headers have come. Read by one task; `close` it in the end."""

    __slots__ = ("_headers", "_raw_headers", "status")

    def __init__(self) -> None:
        self.status = 0
        self._raw_headers: list[tuple[bytes, bytes]] = []
        self._headers: Mapping[str, str] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Names are in lower case; of several headers with one name the last counts."""
        if self._headers is None:
            self._headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._raw_headers
            }
        return self._headers

    @property
    def is_stream(self) -> bool:
        """Does the answer come piece by piece? A vendor may answer whole although a stream was asked for."""
        return self.status == 200 and self.headers.get("content-type", "").startswith(STREAMS)

    @abstractmethod
    async def read(self) -> bytes:
        """What has come since the last read, as soon as there is something; b"" at the proper end.

        Raises `ProviderTimeout` when nothing comes or the time is up, `ProviderUnavailable` when the connection
        broke before the end, `ProviderProtocol` when the answer is too large or not HTTP. Cancelled, it closes.
        """

    async def body(self) -> bytes:
        """All of the body that was not read yet. Raises like `read`."""
        parts = []
        while data := await self.read():
            parts.append(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @abstractmethod
    def close(self, *, is_done: bool = False) -> None:
        """Let go of the answer; a second call does nothing.

        An answer that has not come to its end is given up, so that the provider stops working. `is_done` says that
        its own end mark was read: then a moment is left, in the background, for the connection to become free.
        """


def require_identity(raw_headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise `ProviderProtocol` for a compressed body: none was asked for, and none is unpacked."""
    for name, value in raw_headers:
        if len(name) == 16 and name.lower() == b"content-encoding" and value.lower() not in (b"", b"identity"):
            raise ProviderProtocol(
                f"expected an answer without compression; found content-encoding {value[:40].decode('latin-1')!r}",
                hint="have the server, or the proxy before it, honour accept-encoding: identity",
            )


def too_large(limit: int) -> ProviderProtocol:
    """The error for a body of more than `limit` bytes."""
    return ProviderProtocol(f"expected an answer of at most {limit} bytes; found a larger one")


def untrusted(place: str, error: Exception) -> ProviderUnavailable:
    """The error for a server whose certificate nobody vouches for, or that is another's."""
    return ProviderUnavailable(
        f"expected a trusted certificate of {place}; {error}",
        hint="check the address and the clock; SSL_CERT_FILE names further authorities",
    )
