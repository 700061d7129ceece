"""A web server on loopback, whose answers a test writes byte by byte, and which remembers what it was asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Respond = Callable[["Asked"], "bytes | Awaitable[bytes]"]


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]


@dataclass
class Site:
    """`pages` are by path with query; others are 404. A page is an answer, or a function that makes one."""

    port: int = 0
    pages: dict[str, bytes | Respond] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def allowed(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.port}"})

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                named = (line.partition(": ") for line in lines[1:] if line)
                asked = Asked(lines[0].split()[1], {name.lower(): value for name, _, value in named})
                self.asked.append(asked)
                page = self.pages.get(asked.path, answer(b"gone", status="404 Not Found"))
                made = page(asked) if callable(page) else page
                writer.write(made if isinstance(made, bytes) else await made)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def site(**pages: bytes) -> AsyncIterator[Site]:
    served = Site(pages=dict(pages))
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def answer(body: bytes, *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer. `content_type="text/plain"` becomes the header `content-type`."""
    named = {"content-type": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def redirect(target: str, status: str = "301 Moved Permanently") -> bytes:
    return answer(b"", status=status, location=target)
