"""A mock vendor for the bench: answers a chat completion at once, whole or as 64 chunks, over bare sockets.

python bench/gateway/upstream.py --port 9110
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import cast

import httptools
import uvloop

_USAGE = {"prompt_tokens": 120, "completion_tokens": 64, "total_tokens": 184}
_WORDS = " the quick brown fox jumps over the lazy dog" * 16


def _whole() -> bytes:
    message = {"role": "assistant", "content": _WORDS, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "mock", "choices": [choice]})
    said = f'{body[:-1]}, "usage": {json.dumps(_USAGE)}}}'.encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said)


def _event(choices: list[object], usage: object = None) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "mock", "choices": choices}
    return b"data: " + json.dumps({**chunk, "usage": usage}).encode() + b"\n\n"


def _streamed() -> list[bytes]:
    words = _WORDS.split(" ")[1:65]
    events = [_event([{"index": 0, "delta": {"content": f" {word}"}, "finish_reason": None}]) for word in words]
    events.append(_event([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    events.append(_event([], _USAGE))
    events.append(b"data: [DONE]\n\n")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%b\r\n" % (len(event), event) for event in events), b"0\r\n\r\n"]


WHOLE, STREAMED = _whole(), _streamed()


class Mock(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if b'"stream": true' not in self._body and b'"stream":true' not in self._body:
            self._transport.write(WHOLE)
            return
        for piece in STREAMED:
            self._transport.write(piece)


async def run(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Mock, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=Path(__file__).name)
    parser.add_argument("--port", type=int, default=9110)
    uvloop.run(run(parser.parse_args().port))
