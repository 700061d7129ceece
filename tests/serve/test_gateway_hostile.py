"""What attackers try at the gateway: callers, their end users, and vendors who turned against us."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web

from databases import copied
from openai_server import OpenAIServer, Reply, answer, chunks, serving
from served import served
from steadyhand.access.keys import KeyLimits
from steadyhand.pipeline.gateway.client import GatewayCall, Served, Streamed
from steadyhand.serve.access import Identities
from steadyhand.serve.gateway import connection as connections
from steadyhand.serve.gateway.door import Door
from steadyhand.serve.gateway.endpoints import Desk
from steadyhand.serve.gateway.room import Room
from steadyhand.serve.gateway.routes import ROUTES
from steadyhand.storage import embedded
from steadyhand.types.model import EmbeddingRequest, Embeddings
from steadyhand.types.run import Principal, RoleName
from steadyhand.workspace import AsyncWorkspace

KEY = "top/secret-0123456789-abcdefghijkl"
"""The vendor's, with a character that some escape in JSON."""

CREDENTIAL = "sk-proj-abcdefghijklmnopqrstuvwxyz"
"""What only a provider cleared for restricted data may see."""

CHAT = "/v1/chat/completions"

Call = Callable[..., Any]


@dataclass
class House:
    """A served workspace whose one vendor may see internal data."""

    url: str
    workspace: AsyncWorkspace
    vendor: OpenAIServer
    key: str
    http: aiohttp.ClientSession

    async def ask(
        self, body: Mapping[str, Any] | bytes, path: str = CHAT, key: str = "", **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of the answer; what the vendor saw is in `vendor`."""
        self.vendor.requests.clear()
        self.vendor.headers.clear()
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        shown = {"Authorization": f"Bearer {key or self.key}", **headers}
        async with self.http.post(self.url + path, data=sent, headers=shown) as said:
            return said.status, await said.read()

    async def recorded(self) -> str:
        """Every row of the ledger that a vendor's words could get into, once all are written."""
        await asyncio.sleep(0.15)
        rows = await self.workspace.database.rows(
            "SELECT r::text AS row FROM run AS r UNION ALL SELECT c::text FROM model_call AS c"
            " UNION ALL SELECT p::text FROM run_payload AS p UNION ALL SELECT v::text FROM verdict AS v"
        )
        return "\n".join(row["row"] for row in rows)


@pytest.fixture(scope="module")
async def house(
    server: embedded.Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    root = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patched, copied(server.url, template) as database_url:
        patched.setenv("HOUSE_KEY", KEY)
        async with serving(answer("hello")) as vendor:
            settings = [f'database_url = "{database_url}"\n']
            settings += [
                f'[providers.{name}]\ndialect = "{dialect}"\nbase_url = "{vendor.base_url}"\nplace = "other"\n'
                'key_variable = "HOUSE_KEY"\n'
                for name, dialect in {
                    "vendor": "openai",
                    "google": "gemini",
                    "amazon": "bedrock",
                    "responses": "openai_responses",
                }.items()
            ]
            settings += ['[gateway.models.fast]\ntry = ["vendor:m"]\n']
            (root / "steadyhand.toml").write_text("".join(settings))
            async with await AsyncWorkspace.open(root) as workspace:
                key = await workspace.keys.create("a caller", "caller")
                async with served(workspace) as url, aiohttp.ClientSession() as http:
                    yield House(url, workspace, vendor, key, http)


def asked(**fields: Any) -> dict[str, Any]:
    """A request for a model whose name is new, so that no circuit is open."""
    return {"model": f"vendor:{uuid4().hex}", "messages": [{"role": "user", "content": "hi"}], **fields}


def raw(body: str, media_type: str = "application/json", status: int = 200, **headers: str) -> Reply:
    """Answers with exactly this."""

    async def reply(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body.encode(), headers={"content-type": media_type, **named})

    return reply


def echoes() -> dict[str, Reply]:
    """Vendors that say the key they were sent, where something is wrong."""
    error = json.dumps({"error": {"message": f"bad key {KEY}", "headers": {"authorization": f"Bearer {KEY}"}}})
    begun, events = chunks("one two")[0].decode(), "text/event-stream"
    found = {
        f"status {status}": raw(error, status=status) for status in (302, 400, 401, 403, 404, 413, 422, 429, 500)
    }
    return found | {
        "escaped": raw(error.replace("/", "\\/"), status=400),
        "in percents": raw(error.replace("/", "%2F"), status=400),
        "an error in an answer": raw(error),
        "no JSON": raw(f"received {KEY}"),
        "another shape": raw(json.dumps({"choices": KEY})),
        "a coding": raw("{}", content_encoding=KEY),
        "an error as a stream": raw(f"data: {error}\n\n", events),
        "an error in a stream": raw(f"{begun}data: {error}\n\n", events),
    }


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("name", echoes())
async def test_a_key_that_a_vendor_says_in_an_error_reaches_neither_client_nor_ledger_nor_log(
    house: House, name: str, is_streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.vendor.replies[:] = [echoes()[name]]
    _, said = await house.ask(asked(stream=is_streamed))
    assert house.vendor.headers[0]["authorization"] == f"Bearer {KEY}"
    for place in (said.decode(), await house.recorded(), caplog.text):
        assert "0123456789" not in place


async def test_a_vendor_sees_nothing_of_a_client_but_what_its_dialect_needs(house: House) -> None:
    house.vendor.replies[:] = [answer("hello")]
    odd = {"Cookie": "a=b", "X-Forwarded-For": "1.2.3.4", "X-Steadyhand-Reset": "allow", "X-Api-Key": house.key}
    await house.ask(asked(), **odd, **{"OpenAI-Organization": "org", "anthropic-beta": "b-1"})
    assert house.vendor.headers[0].keys() == {
        "host", "user-agent", "accept", "accept-encoding", "authorization", "content-length", "content-type",
        "anthropic-beta",
    }  # fmt: skip
    assert house.key not in str(house.vendor.headers)


def hidings() -> dict[str, dict[str, Any] | bytes]:
    """Requests with a credential in them."""
    plain = json.dumps(asked()).encode()
    escaped = CREDENTIAL.replace("s", "\\u0073", 1).encode()
    lost = b'{"role": "user", "content": "' + CREDENTIAL.encode() + b'", "content": "hi"}'
    quoted = b'"say": "\\u0022\\u0022", '
    tool = {"name": "f", "parameters": {"type": "object", "properties": {CREDENTIAL: {"type": "string"}}}}
    return {
        "a text": asked(messages=[{"role": "user", "content": f"my key is {CREDENTIAL}"}]),
        "a system prompt": asked(messages=[{"role": "system", "content": CREDENTIAL}]),
        "a result of a tool": asked(messages=[{"role": "tool", "tool_call_id": "1", "content": CREDENTIAL}]),
        "an argument": asked(messages=[{"role": "assistant", "tool_calls": [{"function": {"arguments": CREDENTIAL}}]}]),
        "the name of a field of a tool": asked(tools=[{"type": "function", "function": tool}]),
        "the address of an image": asked(
            messages=[{"content": [{"type": "image_url", "image_url": {"url": f"https://a.b/?{CREDENTIAL}"}}]}]
        ),
        "a field nobody knows": asked(some={"inner": [[CREDENTIAL]]}),
        "an end user": asked(user=CREDENTIAL),
        "a name of a model": {**asked(), "model": f"vendor:{CREDENTIAL}"},
        "an escaped text": plain.replace(b"hi", escaped),
        "a text that is lost in reading": plain.replace(b'{"role": "user", "content": "hi"}', lost),
        "a lost text behind escaped quotation marks": plain.replace(
            b'{"role": "user", "content": "hi"}', lost.replace(b'"role"', quoted + b'"role"')
        ),
        "messages that are lost in reading": plain[:-1] + b', "messages": []}',
        "a list inside of lists": asked(some=CREDENTIAL) | {"deep": json.loads("[" * 300 + "]" * 300)},
    }  # fmt: skip


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("name", hidings())
async def test_a_credential_never_reaches_a_vendor_that_may_not_see_it(
    house: House, name: str, is_streamed: bool
) -> None:
    house.vendor.replies[:] = [answer("hello")]
    body = hidings()[name]
    if is_streamed:
        body = body.replace(b"{", b'{"stream": true, ', 1) if isinstance(body, bytes) else {**body, "stream": True}
    status, _ = await house.ask(body)
    assert status in (400, 503)
    assert house.vendor.requests == []


async def test_a_credential_is_not_embedded_by_a_vendor_that_may_not_see_it(house: House) -> None:
    status, _ = await house.ask({"model": "vendor:e", "input": ["hi", CREDENTIAL]}, "/v1/embeddings")
    assert (status, house.vendor.requests) == (503, [])


async def test_a_credential_in_a_header_for_vendors_reaches_none_that_may_not_see_it(house: House) -> None:
    for name in ("anthropic-version", "anthropic-beta", "openai-beta"):
        status, _ = await house.ask(asked(), **{name: f"b-1,{CREDENTIAL}"})
        assert (status, house.vendor.requests) == (503, [])


@pytest.mark.parametrize(
    "fields",
    [
        '"model": "vendor:dear", "model": "fast"', '"model": "fast", "model": "fast"',
        '"mod\\u0065l": "vendor:dear", "model": "fast"', '"model": "fast", "Model": "vendor:dear"',
        '"model": "fast", "MODEL": "vendor:dear"', '"model": "fast", "\\u017ftream": true',
        '"model": "fast", "input": 1, "input": 9', '"model": "fast", "max_tokens": 1, "max_tokens": 9',
        '"model": "fast", "stream": false, "stream": true', '"model": "fast", "a\\"b": 1, "c\\u0022d": 2, "user": 1, "user": "x"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [CHAT, "/v1/responses", "/v1/messages"])
async def test_a_request_that_others_could_read_otherwise_is_refused(house: House, path: str, fields: str) -> None:
    status, said = await house.ask(f'{{{fields}, "messages": []}}'.encode(), path)
    assert (status, house.vendor.requests) == (400, []), said


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
async def test_fields_of_other_vendors_and_words_like_ours_further_inside_pass(house: House, path: str) -> None:
    house.vendor.replies[:] = [answer("hello")]
    inside = {"model": "model", "Model": '"model"', "stream": "\\"}
    body = asked(
        topK=3, tools=[{"type": "function", "function": {"name": "f", "parameters": inside}}], max_tokens=9
    )
    assert (await house.ask(body, CHAT))[0] == 200
    assert house.vendor.requests == [body | {"model": body["model"].removeprefix("vendor:")}]


@pytest.mark.parametrize("name", ["google:../../admin", "google:models/../../x", "amazon:..", "google:a/./b"])
async def test_a_name_of_a_model_does_not_lead_to_another_address(house: House, name: str) -> None:
    status, said = await house.ask(asked() | {"model": name})
    assert status == 502
    assert "does not climb" in said.decode()


async def test_marks_of_addresses_in_a_name_of_a_model_are_a_part_of_the_name(house: House) -> None:
    paths: list[str] = []

    async def note(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        paths.append(request.raw_path)
        return web.json_response({})

    house.vendor.replies[:] = [note]
    for name in ("a?b=c#d", "a%2f..%2fb", "a b", "a\r\nX-Evil: 1", "ä", "a\\..\\b", "http://other/x"):
        status, said = await house.ask(asked() | {"model": f"google:{name}"})
        assert (status, paths) == (502, []), name  # the vendor of this test knows no such address
        assert "status 404" in said.decode(), said


async def test_a_name_of_a_model_is_bounded_and_so_is_what_is_kept_of_it(house: House) -> None:
    for path in (CHAT, "/v1/responses", "/v1/messages"):
        status, said = await house.ask(asked() | {"model": "vendor:" + "x" * 1_000_000, "max_tokens": 1}, path)
        assert (status, house.vendor.requests) == (404, [])
        assert len(said) < 1_000
    status, _ = await house.ask({"model": "vendor:" + "x" * 301, "input": "hi"}, "/v1/embeddings")
    assert status == 404


NAMES = (
    "fast",
    "vendor:m",
    "Fast",
    "FAST",
    "fast ",
    " fast",
    "fas\u200bt",
    "\uff46ast",
    "fast\0",
    "vendor:fast",
    "",
)


@pytest.mark.parametrize(
    ("patterns", "allowed"), [(("fast",), {"fast"}), (("vendor:*",), {"vendor:m", "vendor:fast"})]
)
async def test_a_narrow_key_reaches_what_its_patterns_name_and_nothing_else(
    house: House, patterns: tuple[str, ...], allowed: set[str]
) -> None:
    house.vendor.replies[:] = [answer("hello")]
    key = await house.workspace.keys.create("narrow", "caller", KeyLimits(models=patterns))
    for name in NAMES:
        asking = {"model": name, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
        for path, body in ((CHAT, asking), ("/v1/embeddings", {"model": name, "input": "hi"})):
            status, said = await house.ask(body, path, key=key)
            assert (status == 200) == (name in allowed), (name, path, said)
            assert bool(house.vendor.requests) == (name in allowed)
    async with house.http.get(house.url + "/v1/models", headers={"X-Api-Key": key}) as listed:
        assert {row["id"] for row in (await listed.json())["data"]} == allowed & {"fast"}


@pytest.mark.parametrize("role", ["reader", "caller", "admin"])
async def test_only_who_may_call_gets_past_the_door(house: House, role: RoleName) -> None:
    house.vendor.replies[:] = [answer("hello")]
    key = await house.workspace.keys.create(role, role)
    for route in ROUTES:
        path = house.url + route.path.replace("{id}", "fast")
        async with house.http.request(route.method, path, json=asked(), headers={"X-Api-Key": key}) as said:
            assert (said.status == 403) == (role == "reader"), (route.path, await said.text())


async def test_a_caller_reads_no_runs_not_even_with_their_ids(house: House) -> None:
    house.vendor.replies[:] = [answer("hello")]
    async with house.http.post(house.url + CHAT, json=asked(), headers={"X-Api-Key": house.key}) as said:
        run_id = said.headers["x-run-id"]
    for path in (f"/runs/{run_id}", "/runs", f"/v1/responses/{run_id}", f"/v1/chat/completions/{run_id}"):
        async with house.http.get(house.url + path, headers={"X-Api-Key": house.key}) as refused:
            assert refused.status in (403, 404, 405), path


@pytest.mark.parametrize(
    "odd",
    [
        {"user": "a\tb\nc\rd\\N\\.e"}, {"user": "\0"}, {"user": "x" * 200_000}, {"user": "\u2028\x85\x1c"},
        {"messages": [{"role": "user", "content": "\\.\n\\N\tR1\nE\n\0\U0001f600"}]},
    ],
)  # fmt: skip
async def test_whatever_a_client_writes_ends_up_in_its_own_row(house: House, odd: dict[str, Any]) -> None:
    house.vendor.replies[:] = [answer("a\tb\n\\.\n\0c")]
    status, said = await house.ask(asked(**odd))
    assert status == 200
    assert json.loads(said)["choices"][0]["message"]["content"] == "a\tb\n\\.\n\0c"
    await house.recorded()
    row = await house.workspace.database.row(
        "SELECT answer, end_user, prompt FROM run JOIN model_call ON run_id = run.id ORDER BY run.id DESC LIMIT 1"
    )
    assert row is not None
    assert row["answer"] == "a\tb\n\\.\n\ufffdc"
    assert row["end_user"] == odd.get("user", "").replace("\0", "\ufffd")
    assert json.loads(row["prompt"])["messages"] == odd.get("messages", [{"role": "user", "content": "hi"}])


class Waiting:
    """Models that answer when they are told to."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def answer(self, call: GatewayCall) -> Served:
        await self.may_answer.wait()
        return Served(status=200, body=b"{}", run_id="", model="")

    async def stream(self, call: GatewayCall) -> Streamed:
        raise NotImplementedError

    async def embed(self, principal: Principal, model: str, request: EmbeddingRequest) -> tuple[Embeddings, str]:
        raise NotImplementedError

    def names(self, principal: Principal) -> list[str]:
        return []

    def offers(self, name: str) -> bool:
        return False


class Everybody:
    async def principal(self, key: str) -> Principal:
        return Principal("somebody", "caller")

    session = principal


async def sent(door: Door, pieces: list[bytes], pause_s: float = 0.0) -> int:
    """The status of the answer to a body that comes in these pieces."""
    statuses: list[int] = []
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.sleep(60)
        await asyncio.sleep(pause_s)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    headers = [(b"authorization", b"bearer sh_any")]
    await door({"type": "http", "method": "POST", "path": CHAT, "headers": headers}, receive, send)
    return statuses[0]


async def test_large_bodies_are_held_as_far_as_there_is_room() -> None:
    models = Waiting()
    door = Door(
        lambda *_: asyncio.sleep(0),
        Identities(Everybody(), Everybody(), lambda: 0.0),
        Desk(models, models),
        Room(2_500),
    )
    body = [b'{"model": "m"', b" " * 1_000, b"}"]
    held = [asyncio.create_task(sent(door, body)) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert await sent(door, body) == 429
    models.may_answer.set()
    assert await asyncio.gather(*held) == [200, 200]
    assert await sent(door, body) == 200


async def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_S", 0.1)
    models = Waiting()
    door = Door(
        lambda *_: asyncio.sleep(0), Identities(Everybody(), Everybody(), lambda: 0.0), Desk(models, models)
    )
    assert await sent(door, [b"{"] * 100, pause_s=0.02) == 408


@pytest.mark.parametrize(
    "stored",
    [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"conversation": {"id": "c"}}, {"prompt": {"id": "p"}}, {"background": True}],
)  # fmt: skip
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_what_others_left_in_the_vendors_account_is_not_reached(
    house: House, stored: dict[str, Any], is_streamed: bool
) -> None:
    body = {"model": f"responses:{uuid4().hex}", "input": "go on", "stream": is_streamed, **stored}
    status, said = await house.ask(body, "/v1/responses")
    assert (status, house.vendor.requests) == (400, []), said


async def test_fields_that_store_nothing_pass_when_they_are_empty(house: House) -> None:
    house.vendor.replies[:] = [raw(json.dumps({"status": "completed", "output": []}))]
    body = {"model": "responses:m", "input": "hi", "previous_response_id": None, "background": False}
    status, said = await house.ask(body, "/v1/responses")
    assert (status, house.vendor.requests[0]["background"]) == (200, False), said
