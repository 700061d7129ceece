"""A real HTTP server on loopback: a vendor of three dialects that misbehaves as a model's name says.

A name is `FAULT.NUMBER`, such as `cut.7`. Every other name answers; `other.1` says something else, and `goes-on.1`
continues what the last message begins.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web

from steadyhand import plugins
from steadyhand.pipeline.gateway.client import ClientDialect
from steadyhand.types.message import TextDelta
from steadyhand.types.model import Completion, Usage

_LETTERS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")
WORDS = [f" {letter}-{at}" for at in range(8) for letter in _LETTERS]
TEXT = "".join(WORDS)
ELSE = "Quite another answer."
INPUT, OUTPUT = 120, len(WORDS)
"""Tokens of a request, and of the whole answer: one for each word."""

PATHS = {"openai": "/chat/completions", "openai_responses": "/responses", "anthropic": "/messages"}
JSON_FAULTS = ("error-half", "error", "slow-down", "bad", "cut", "hang")
STREAM_FAULTS = ("error", "slow-down", "cut", "cut-paced", "hang")
"""What `mock.c` of the gateway bench does, by its names: err50, err100, rl100, bad100, cut100, hang100."""

FAILURE = {"error": {"message": "mock internal error", "type": "server_error", "code": None}}
SLOW_DOWN = {"error": {"message": "mock rate limit", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}


@dataclass
class Vendor:
    """`calls` counts requests by the model's name. `sent_tokens` is what was sent of answers that count."""

    base_url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    sent_tokens: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request, dialect: str) -> web.StreamResponse:
        body = json.loads(await request.read())
        model = body["model"]
        self.calls[model] += 1
        self.bodies.append(body)
        self.asked.set()
        try:
            return await self._answer(request, dialect, body, model.partition(".")[0])
        except asyncio.CancelledError:
            self.left.set()
            raise

    async def _answer(
        self, request: web.Request, dialect: str, body: dict[str, Any], fault: str
    ) -> web.StreamResponse:
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "error" or (fault == "error-half" and self.calls[body["model"]] % 2):
            return web.json_response(FAILURE, status=500)
        if fault == "slow-down":
            return web.json_response(SLOW_DOWN, status=429, headers={"retry-after": "1"})
        words = spoken(fault, body)
        if body.get("stream"):
            return await self._streamed(request, dialect, body, fault, words)
        return await self._whole(request, dialect, body, fault, words)

    async def _whole(
        self, request: web.Request, dialect: str, body: dict[str, Any], fault: str, words: list[str]
    ) -> web.StreamResponse:
        content = spoken_whole(dialect, body["model"], words)
        if fault == "bad":
            content = content[: len(content) * 2 // 3]
        response = web.StreamResponse(headers={"content-type": "application/json"})
        response.content_length = len(content)
        await response.prepare(request)
        if fault == "cut":
            await response.write(content[: len(content) // 2])
            break_off(request)
            return response
        if fault != "bad":
            self.sent_tokens[body["model"]] += len(words)
        await response.write(content)
        return response

    async def _streamed(
        self, request: web.Request, dialect: str, body: dict[str, Any], fault: str, words: list[str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        begun, *pieces, end = events(dialect, body["model"], words)
        await response.write(begun)
        for at, piece in enumerate(pieces):
            if fault.startswith("cut") and at == len(pieces) // 2:
                break_off(request)
                return response
            if fault == "stalls" and at == len(pieces) // 2:
                await asyncio.Event().wait()
            if fault == "cut-paced":
                await asyncio.sleep(0.002)
            await response.write(piece)
            self.sent_tokens[body["model"]] += 1
        await response.write(end)
        return response


@asynccontextmanager
async def vending() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    app = web.Application()
    for dialect, path in PATHS.items():

        async def take(request: web.Request, dialect: str = dialect) -> web.StreamResponse:
            return await vendor.take(request, dialect)

        app.router.add_post(f"/v1{path}", take)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    vendor.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield vendor
    await runner.cleanup()


def spoken(fault: str, body: dict[str, Any]) -> list[str]:
    """The words of the answer."""
    if fault == "other":
        return [ELSE]
    if fault != "goes-on":
        return WORDS
    last = body["messages"][-1]
    begun = last["content"] if last["role"] == "assistant" else ""
    prefix = begun if isinstance(begun, str) else "".join(part["text"] for part in begun)
    assert TEXT.startswith(prefix)
    return [TEXT[len(prefix) :]] if prefix else WORDS


def spoken_whole(dialect: str, model: str, words: Iterable[str]) -> bytes:
    return of_client(dialect).answer(completion(words), model=model, run_id="vendor", created=1)


def events(dialect: str, model: str, words: list[str]) -> list[bytes]:
    """What begins a stream, an event for each word, and what ends it."""
    writer = of_client(dialect).Writer(model=model, run_id="vendor", created=1, wants_usage=True)
    return [writer.begin(), *(writer.delta(TextDelta(word)) for word in words), writer.end(completion(words))]


def completion(words: Iterable[str]) -> Completion:
    said = list(words)
    return Completion(text="".join(said), usage=Usage(INPUT, len(said)))


def of_client(dialect: str) -> ClientDialect:
    """The dialect as we write it to clients, which the vendors' own packages read."""
    return cast("ClientDialect", plugins.load("serve.gateway.dialects", dialect))


def break_off(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.close()
