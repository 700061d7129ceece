"""A closed-loop load: so many connections, each asking again as soon as it was answered."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

_PROMPT = "Summarise this customer ticket please. " * 22


def request(url: str, key: str, *, is_streamed: bool) -> bytes:
    """A chat request of about 1 KB."""
    body: dict[str, object] = {
        "model": "mock",
        "messages": [{"role": "system", "content": "You are helpful."}, {"role": "user", "content": _PROMPT}],
        "temperature": 0.2,
        "max_tokens": 256,
    }
    if is_streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    sent = json.dumps(body).encode()
    host = urlsplit(url).netloc
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {len(sent)}\r\n\r\n"
    )
    return head.encode() + sent


@dataclass
class Seen:
    """What the load saw: seconds of each answer, and how many were not as they should be."""

    seconds: list[float] = field(default_factory=list)
    errors: int = 0


class Caller(asyncio.Protocol):
    """One connection that asks until `until`, on the clock of `time.perf_counter`."""

    def __init__(self, asked: bytes, end: bytes, until: float, seen: Seen) -> None:
        self._asked, self._end, self._until, self._seen = asked, end, until, seen
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._seen.seconds.append(now - self._began)
        if self._parser.get_status_code() != 200 or self._end not in self._body:
            self._seen.errors += 1
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._seen.errors += 1
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._began = time.perf_counter()
        self._transport.write(self._asked)


async def load(url: str, key: str, *, connections: int, seconds: float, is_streamed: bool) -> Seen:
    """Ask `url` for so long over so many connections."""
    seen, until = Seen(), time.perf_counter() + seconds
    asked = request(url, key, is_streamed=is_streamed)
    end = b"[DONE]" if is_streamed else b"quick brown fox"
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Caller(asked, end, until, seen), place.hostname, place.port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(caller.done for _, caller in made))
    return seen
