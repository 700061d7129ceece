"""A server on loopback that answers with exactly the bytes it is told to, as an HTTP proxy too."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from steadyhand.providers.ports import WireRequest
from steadyhand.types.model import Provider


@dataclass
class Exchange:
    """One request. `connection` counts the server's connections from 0, `turn` the requests on this one."""

    head: str
    body: bytes
    connection: int
    turn: int
    writer: asyncio.StreamWriter

    async def say(self, *parts: bytes, pause_s: float = 0.0) -> None:
        for part in parts:
            if self.writer.is_closing():
                return
            self.writer.write(part)
            with suppress(ConnectionError):
                await self.writer.drain()
            if pause_s:
                await asyncio.sleep(pause_s)

    def hang_up(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.transport.abort()


Play = Callable[[Exchange], Awaitable[None]]


@dataclass
class RawServer:
    """`gone` is set when a connection has ended."""

    play: Play
    port: int = 0
    scheme: str = "http"
    connections: int = 0
    heads: list[str] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    def provider(self, *, is_proxied: bool = False, key_variable: str = "") -> Provider:
        """With `is_proxied` the server is its own HTTP proxy: the request then names the whole address."""
        return Provider(
            name="test",
            dialect="openai",
            base_url=f"{self.scheme}://127.0.0.1:{self.port}/v1",
            place="local",
            clearance="restricted",
            key_variable=key_variable,
            proxy=f"http://127.0.0.1:{self.port}" if is_proxied else "",
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, turn = self.connections, 0
        self.connections += 1
        self.open.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    (line[15:] for line in head.split("\r\n") if line.lower().startswith("content-length:")), "0"
                )
                body = await reader.readexactly(int(length))
                self.heads.append(head)
                playing = asyncio.ensure_future(self.play(Exchange(head, body, number, turn, writer)))
                leaving = asyncio.ensure_future(_end_of(reader))
                await asyncio.wait((playing, leaving), return_when=asyncio.FIRST_COMPLETED)
                playing.cancel()
                leaving.cancel()
                await asyncio.wait((playing, leaving))
                turn += 1
        writer.close()
        self.open.discard(writer)
        self.gone.set()


async def _end_of(reader: asyncio.StreamReader) -> None:
    """Return when the client closes; a client that sends nothing more before it is answered is assumed."""
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.005)


@asynccontextmanager
async def playing(play: Play, context: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    server = RawServer(play, scheme="https" if context else "http")
    listening = await asyncio.start_server(server._serve, "127.0.0.1", 0, ssl=context, limit=2**20)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in server.open:
            writer.transport.abort()
        await asyncio.sleep(0)


def saying(*parts: bytes, pause_s: float = 0.0, then_close: bool = False) -> Play:
    """Answers every request with these bytes."""

    async def play(exchange: Exchange) -> None:
        await exchange.say(*parts, pause_s=pause_s)
        if then_close:
            exchange.hang_up()

    return play


def whole(body: bytes, status: str = "200 OK", *, content_type: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def asking(body: bytes = b"{}", **headers: str) -> WireRequest:
    return WireRequest("/chat/completions", {"content-type": "application/json", **headers}, body)


def bearer(provider: Provider, wire: WireRequest, key: str, now: datetime) -> Mapping[str, str]:
    return {"authorization": f"Bearer {key}"}
