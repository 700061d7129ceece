"""The door of `/v1`: who comes in, what is refused, and what happens when somebody leaves."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from served_site import Site

from openai_server import answer, slow, stalled
from steadyhand.pipeline.gateway.client import GatewayCall, Served, Streamed
from steadyhand.serve.access import Identities
from steadyhand.serve.gateway import connection as connections
from steadyhand.serve.gateway.door import Door
from steadyhand.serve.gateway.endpoints import Desk
from steadyhand.serve.gateway.routes import ROUTES
from steadyhand.types.model import EmbeddingRequest, Embeddings
from steadyhand.types.run import Principal

CHAT = "/v1/chat/completions"
HI = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
MESSAGES = {**HI, "max_tokens": 9}


def addresses() -> list[tuple[str, str]]:
    return [(route.method, route.path.replace("{id}", "fast")) for route in ROUTES]


def test_every_address_of_the_gateway_says_who_may_use_it() -> None:
    assert {path for _, path in addresses()} >= {
        CHAT,
        "/v1/responses",
        "/v1/messages",
        "/v1/embeddings",
        "/v1/models",
    }
    assert [route.path for route in ROUTES if not route.needs] == []
    assert [route.path for route in ROUTES if not (route.endpoint.__doc__ or "").strip()] == []


async def test_without_a_key_nothing_below_v1_answers(site: Site) -> None:
    for method, path in [
        *addresses(),
        ("GET", "/v1/nowhere"),
        ("DELETE", CHAT),
        ("POST", "/v1/"),
        ("PUT", "/v1/x/../y"),
    ]:
        for headers in (
            {},
            {"Authorization": "Bearer sh_wrong"},
            {"X-Api-Key": "sh_wrong"},
            {"Authorization": "Basic x"},
        ):
            async with site.http.request(method, site.url + path, headers=headers) as refused:
                assert refused.status == 401, (method, path, headers)
                assert refused.headers["WWW-Authenticate"] == "Bearer"
                assert "error" in await refused.json()


async def test_the_application_behind_the_door_is_as_before(site: Site) -> None:
    async with site.http.get(site.url + "/healthz") as alive:
        assert (alive.status, await alive.json()) == (200, {"status": "alive"})
    async with site.http.get(site.url + "/v1", headers=site.bearer()) as behind:
        assert (behind.status, (await behind.json())["error"]["code"]) == (404, "not_found")


async def test_the_gateway_is_in_the_description_of_the_api(site: Site) -> None:
    async with site.http.get(site.url + "/openapi.json", headers=site.bearer()) as described:
        paths = (await described.json())["paths"]
    for route in ROUTES:
        operation = paths[route.path][route.method.lower()]
        assert operation["x-needs"] == list(route.needs)
        assert operation["summary"]


@pytest.mark.parametrize(
    ("path", "headers", "kind"),
    [
        ("/v1/nowhere", {}, "invalid_request_error"),
        ("/v1/messages/batches", {}, "not_found_error"),
        ("/v1/nowhere", {"anthropic-version": "2023-06-01"}, "not_found_error"),
    ],
)
async def test_an_unknown_address_is_refused_in_the_dialect_of_who_asks(
    site: Site, path: str, headers: dict[str, str], kind: str
) -> None:
    async with site.http.get(site.url + path, headers={**site.bearer(), **headers}) as refused:
        assert (refused.status, (await refused.json())["error"]["type"]) == (404, kind)


async def test_another_method_is_told_the_right_one(site: Site) -> None:
    async with site.http.get(site.url + CHAT, headers=site.bearer()) as refused:
        assert (refused.status, refused.headers["Allow"]) == (405, "POST")
        assert "POST /v1/chat/completions" in (await refused.json())["error"]["message"]


async def test_a_body_is_bounded_whether_or_not_it_says_its_size(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_BODY_BYTES", 1_000_000)

    async def growing() -> AsyncGenerator[bytes, None]:
        for _ in range(15):
            yield b" " * 100_000

    for body in (b" " * 1_500_000, growing()):
        async with site.http.post(site.url + CHAT, data=body, headers=site.bearer()) as refused:
            assert (refused.status, (await refused.json())["error"]["code"]) == (413, "request_too_large")


async def test_a_body_in_pieces_is_put_together(site: Site) -> None:
    site.model.replies[:] = [answer("Hello.")]

    async def pieces() -> AsyncGenerator[bytes, None]:
        body = json.dumps(HI).encode()
        for at in range(0, len(body), 7):
            yield body[at : at + 7]
            await asyncio.sleep(0)

    async with site.http.post(site.url + CHAT, data=pieces(), headers=site.bearer("caller")) as said:
        assert (await said.json())["choices"][0]["message"]["content"] == "Hello."


async def test_a_stream_is_marked_so_that_no_proxy_holds_it_back(site: Site) -> None:
    site.model.replies[:] = [answer("one two")]
    async with site.http.post(site.url + CHAT, json={**HI, "stream": True}, headers=site.bearer()) as said:
        assert said.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert (said.headers["X-Steadyhand-Model"], len(said.headers["X-Run-Id"])) == ("test:fast", 26)
        assert (said.headers["X-Accel-Buffering"], said.headers["Cache-Control"]) == ("no", "no-store")
        assert (await said.text()).endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_client_that_leaves_ends_the_vendors_work(site: Site, is_streamed: bool) -> None:
    site.model.abandoned.clear()
    site.model.asked.clear()
    site.model.replies[:] = [stalled("one two three", 2) if is_streamed else slow(30)]
    body = {**HI, "model": f"test:{uuid4().hex}", "stream": is_streamed}
    async with aiohttp.ClientSession(headers=site.bearer("caller")) as leaving:
        asking = asyncio.create_task(leaving.post(site.url + CHAT, json=body))
        await site.model.asked.wait()
        await asyncio.sleep(0.4)
        asking.cancel()
    async with asyncio.timeout(5):
        await site.model.abandoned.wait()


class Odd:
    """Models that do what no model should."""

    def __init__(self) -> None:
        self.is_closed = False

    async def answer(self, call: GatewayCall) -> Served:
        raise ZeroDivisionError("the secret of the house")

    async def stream(self, call: GatewayCall) -> Streamed | Served:
        return Streamed(run_id="R", model="m", first=b"data: {}\n\n", rest=self._rest())

    async def _rest(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: {}\n\n"
            raise ZeroDivisionError("the secret of the house")
        finally:
            self.is_closed = True

    async def embed(self, principal: Principal, model: str, request: EmbeddingRequest) -> tuple[Embeddings, str]:
        raise NotImplementedError

    def names(self, principal: Principal) -> list[str]:
        return []

    def offers(self, name: str) -> bool:
        return False


async def asked(models: Odd, identities: Identities, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """What a door before these models sends."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", b"bearer sh_any")]
    door = Door(lambda *_: asyncio.sleep(0), identities, Desk(models, models))
    await door({"type": "http", "method": "POST", "path": path, "headers": headers}, receive, send)
    return sent


class Everybody:
    async def principal(self, key: str) -> Principal:
        return Principal("somebody", "caller")


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
async def test_what_broke_inside_is_logged_under_a_number_and_not_told(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    odd, identities = Odd(), Identities(Everybody(), Everybody(), lambda: 0.0)
    with caplog.at_level(logging.ERROR, "steadyhand"):
        start, body = await asked(odd, identities, path, MESSAGES)
    assert start["status"] == 500
    told = json.loads(body["body"])["error"]
    number = told["steadyhand"]["hint"].rpartition(" ")[2]
    assert number in caplog.text
    assert "secret" not in str(told)
    start, *_, last = await asked(odd, identities, path, {**MESSAGES, "stream": True})
    assert start["status"] == 200
    assert b"something broke on our side" in last["body"]
    assert not last.get("more_body")
    assert odd.is_closed


async def test_a_models_name_cannot_add_a_header(site: Site) -> None:
    class Named(Odd):
        async def answer(self, call: GatewayCall) -> Served:
            return Served(status=200, body=b"{}", run_id="R", model="a\r\nx-evil: 1 ü")

    start, _ = await asked(Named(), Identities(Everybody(), Everybody(), lambda: 0.0), CHAT, HI)
    headers = dict(start["headers"])
    assert b"x-evil" not in headers
    assert headers[b"x-steadyhand-model"] == b"a%0D%0Ax-evil:%201%20%C3%BC"
