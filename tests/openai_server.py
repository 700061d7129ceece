"""A real HTTP server on loopback that speaks the OpenAI dialect and does as it is told, also misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from steadyhand.types.model import Provider

Reply = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]

USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
}


@dataclass
class OpenAIServer:
    """`replies` are used in order, the last one again and again. `requests` and `headers` are what came in."""

    replies: list[Reply]
    base_url: str = ""
    models: tuple[str, ...] = ("test-model",)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    listed: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)

    def provider(self, key_variable: str = "", base_url: str = "") -> Provider:
        return Provider(
            name="test",
            dialect="openai",
            base_url=base_url or self.base_url,
            key_variable=key_variable,
            place="local",
            clearance="restricted",
        )

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.requests.append(body)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.connections.add(request.transport)
        self.asked.set()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        try:
            return await reply(request, body)
        except asyncio.CancelledError:
            self.abandoned.set()
            raise

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        """Vectors that tell texts apart: their length, and one."""
        body = json.loads(await request.read())
        self.requests.append(body)
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [
            {"object": "embedding", "index": at, "embedding": [len(text), 1.0]} for at, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 3 * len(texts), "total_tokens": 3 * len(texts)}
        return web.json_response({"object": "list", "model": "e-1", "data": rows, "usage": usage})

    async def _models(self, request: web.Request) -> web.Response:
        self.listed += 1
        return web.json_response({"object": "list", "data": [{"id": name} for name in self.models]})


@asynccontextmanager
async def serving(*replies: Reply, models: tuple[str, ...] = ("test-model",)) -> AsyncIterator[OpenAIServer]:
    server = OpenAIServer(list(replies) or [answer("hello")], models=models)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server._chat)
    app.router.add_post("/v1/responses", server._chat)
    app.router.add_post("/v1/messages", server._chat)
    app.router.add_post("/v1/embeddings", server._embeddings)
    app.router.add_get("/v1/models", server._models)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()


def whole(text: str, finish: str = "stop", usage: dict[str, Any] | None = USAGE) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [choice],
        "usage": usage,
    }


def chunks(text: str, finish: str = "stop", usage: dict[str, Any] | None = USAGE) -> list[bytes]:
    """The events of a stream, one word each, then the finish reason, the usage and the end mark."""
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in text.split(" ") if word)]
    for delta in deltas[2:]:
        delta["content"] = " " + delta["content"]
    found = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    found.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage is not None:
        found.append({**base, "choices": [], "usage": usage})
    return [b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n" for chunk in found] + [DONE]


DONE = b"data: [DONE]\n\n"


def answer(text: str, finish: str = "stop", usage: dict[str, Any] | None = USAGE) -> Reply:
    """Streamed or whole, as the request wants it."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if not body.get("stream"):
            return web.json_response(whole(text, finish, usage))
        return await _send(request, chunks(text, finish, usage))

    return reply


def always_whole(text: str) -> Reply:
    """Ignores that a stream was asked for."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(whole(text))

    return reply


def slow(seconds: float, text: str = "late") -> Reply:
    """Says nothing for a while, not even a status."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await answer(text)(request, body)

    return reply


def stalled(text: str, after: int) -> Reply:
    """Stops after some events and keeps the connection open."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = await _begin(request)
        for event in chunks(text)[:after]:
            await response.write(event)
        await asyncio.Event().wait()
        return response

    return reply


def cut(text: str, after: int, *, is_clean: bool) -> Reply:
    """Ends after some events: cleanly, as a proxy may, or by closing the connection."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = await _begin(request)
        for event in chunks(text)[:after]:
            await response.write(event)
        if is_clean:
            await response.write_eof()
        else:
            assert request.transport is not None
            request.transport.close()
        return response

    return reply


def left_open(text: str) -> Reply:
    """Sends everything and the end mark, but never closes the stream."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = await _begin(request)
        for event in chunks(text):
            await response.write(event)
        await asyncio.Event().wait()
        return response

    return reply


def status(code: int, body: Any = None, **headers: str) -> Reply:
    """Answers with a status; `body` is sent as JSON, or as it is when it is a string."""

    async def reply(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=code, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return reply


def refusal(message: str, param: str | None = None, code: int = 400) -> Reply:
    return status(
        code, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
    )


def events(*sent: bytes) -> Reply:
    """A stream of exactly these bytes."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return await _send(request, list(sent))

    return reply


def error_inside(text: str, after: int, error: dict[str, Any]) -> Reply:
    """An error event after some text, behind a status 200."""
    return events(*chunks(text)[:after], b"data: " + json.dumps({"error": error}).encode() + b"\n\n", DONE)


async def _begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    return response


async def _send(request: web.Request, sent: list[bytes]) -> web.StreamResponse:
    response = await _begin(request)
    for event in sent:
        await response.write(event)
    await response.write_eof()
    return response
