"""A bare pass-through: the same server and the same upstream client as the gateway's, and nothing between them.

    python bench/gateway/bare.py --port 9411 --upstream http://127.0.0.1:9110/v1

What it costs is what no gateway in this shape can go below; the rest is the price of the features.
"""

import argparse

import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from steadyhand.providers.dialects import openai
from steadyhand.providers.ports import WireRequest
from steadyhand.providers.transport import Transport
from steadyhand.types.model import Provider

_HEADERS = {"content-type": "application/json"}


class Bare:
    """An ASGI application that forwards every body to /chat/completions."""

    def __init__(self, upstream: str) -> None:
        self._provider = Provider(
            name="mock", dialect="openai", base_url=upstream, place="local", clearance="restricted"
        )
        self._transport = Transport()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        body, is_whole = b"", False
        while not is_whole:
            message = await receive()
            body += message.get("body", b"")
            is_whole = not message.get("more_body")
        reply = await self._transport.open(
            self._provider,
            WireRequest("/chat/completions", _HEADERS, body),
            authorize=openai.authorize,
            timeout_s=60,
        )
        kind = b"text/event-stream" if reply.is_stream else b"application/json"
        await send({"type": "http.response.start", "status": reply.status, "headers": [(b"content-type", kind)]})
        if reply.is_stream:
            while data := await reply.read():
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await send({"type": "http.response.body", "body": await reply.body(), "more_body": False})
        reply.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9411)
    parser.add_argument("--upstream", default="http://127.0.0.1:9110/v1")
    asked = parser.parse_args()
    uvicorn.run(
        Bare(asked.upstream), port=asked.port, http="httptools", loop="uvloop", log_level="error", access_log=False
    )
