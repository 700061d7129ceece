"""The outermost layer by itself: what it does with a body that never ends."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from steadyhand.serve.edge import Edge

POST = {
    "type": "http",
    "method": "POST",
    "path": "/features/sorter",
    "raw_path": b"/features/sorter",
    "query_string": b"",
    "headers": [(b"content-length", b"10"), (b"accept", b"application/json")],
    "server": ("127.0.0.1", 80),
    "scheme": "http",
}


async def answered(*messages: dict[str, Any]) -> tuple[int, bytes]:
    """What an application answers that reads the body, then waits for the end of its client."""
    waiting = list(messages)
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = await Request(scope, receive).body()
        leaving = asyncio.create_task(receive())
        await asyncio.sleep(0.2)
        assert not leaving.done()
        leaving.cancel()
        await PlainTextResponse(body)(scope, receive, send)

    async with asyncio.timeout(5):
        await Edge(app, body_s=0.05)(dict(POST), receive, send)
    return said[0]["status"], b"".join(message.get("body", b"") for message in said)


async def test_a_body_that_trickles_is_given_up() -> None:
    part = {"type": "http.request", "body": b"12345", "more_body": True}
    status, body = await answered(part)
    assert (status, b"0.05 s" in body) == (408, True)


async def test_who_has_sent_everything_may_wait_as_long_as_it_takes() -> None:
    part = {"type": "http.request", "body": b"12345", "more_body": True}
    assert await answered(part, {**part, "more_body": False}) == (200, b"1234512345")
