"""Our clients against our server, and against things that are not our server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from served_site import HOTEL, Site

from openai_server import slow
from steadyhand.client import AsyncClient, Client
from steadyhand.errors import (
    DocumentUnreadable,
    Forbidden,
    InvalidInput,
    NotFound,
    OutputRejected,
    ServerProtocol,
    ServerUnavailable,
    SteadyhandError,
    Unauthenticated,
    UsageError,
)
from steadyhand.types.run import Answer, StepRecord


async def test_an_answer_arrives_as_the_workspace_gave_it(site: Site) -> None:
    site.says({"answer": HOTEL, "found": True, "citations": [{"passage": 1, "quote": HOTEL}]})
    async with site.client("caller") as client:
        answer = await client.run("answers", {"question": "What may a hotel cost?"})
    assert answer.status == "answered"
    assert answer.evidence[0].quote == HOTEL
    assert all(check.ok for check in answer.checks)
    async with site.client("reader") as client:
        trace = await client.get_run(answer.run_id)
    assert trace["run"]["output"] == answer.output


async def test_a_stream_gives_steps_and_then_the_answer(site: Site) -> None:
    site.says({"queue": "support"})
    async with site.client() as client:
        told = [event async for event in client.stream("sorter", {"subject": "x"})]
    assert all(isinstance(event, StepRecord) for event in told[:-1])
    assert isinstance(told[-1], Answer)


@pytest.mark.parametrize(
    ("feature", "values", "kind", "has_run"),
    [
        ("sorter", {"wrong": 1}, InvalidInput, True),
        ("sorter", {"subject": "x"}, OutputRejected, True),
        ("no/such?", {}, NotFound, False),
    ],
)
async def test_the_servers_errors_are_ours_by_their_code(
    site: Site, feature: str, values: dict, kind: type[SteadyhandError], has_run: bool
) -> None:
    site.says({"queue": "odd"})
    async with site.client() as client:
        with pytest.raises(kind) as raised:
            await client.run(feature, values)
        assert bool(raised.value.run_id) == has_run
        with pytest.raises(kind):
            [event async for event in client.stream(feature, values)]


async def test_a_wrong_key_and_a_small_role_are_told_apart(site: Site) -> None:
    async with AsyncClient(site.url, "sh_wrong") as client:
        with pytest.raises(Unauthenticated):
            await client.features()
    async with site.client("caller") as client:
        with pytest.raises(Forbidden, match="has the role caller"):
            await client.get_run("01ARZ3NDEKTSV4RRFFQ69G5FAV")


async def test_search_gives_passages(site: Site) -> None:
    async with site.client("caller") as client:
        found = await client.search("notes", "hotel price & more?", top_k=1)
    assert found.passages[0].source == "travel.md"
    assert found.snapshot.startswith("notes@")


async def test_documents_are_handed_in_listed_searched_and_deleted(site: Site) -> None:
    async with site.client() as client:
        done = await client.upload(
            "shelf", "yard/bikes & cars?.md", b"Bicycles stand in the yard.", labels=["hr"], metadata={"year": 2026}
        )
        assert (done["path"], done["outcome"]) == ("yard/bikes & cars?.md", "added")
        [document] = await client.documents("shelf", containing="BIKES")
        assert (document["labels"], document["metadata"]) == (["hr"], {"year": 2026})
        found = await client.search("shelf", "bicycles", where={"year": {"gte": 2026}})
        revision = int(found.snapshot.partition("@")[2])
        assert found.passages[0].metadata == {"year": 2026}
        assert (await client.search("shelf", "bicycles", where={"year": 2025}, as_of=revision)).passages == ()
        assert (await client.report("shelf"))["documents"] == 1
        with pytest.raises(DocumentUnreadable, match="pdfium"):
            await client.upload("shelf", "broken.pdf", b"%PDF-1.4 but no more")
        with pytest.raises(UsageError, match="expected a label"):
            await client.upload("shelf", "a.md", b"x", labels=[])
        assert await client.delete("shelf", "yard/bikes & cars?.md") == 1
        with pytest.raises(NotFound):
            await client.delete("shelf", "yard/bikes & cars?.md")


async def test_a_program_without_an_event_loop_has_the_same(site: Site) -> None:
    site.says({"queue": "support"})

    def program() -> tuple[Answer, list[object], list[str]]:
        with Client(site.url, site.keys["admin"]) as client:
            answer = client.run("sorter", {"subject": "x"})
            told = list(client.stream("sorter", {"subject": "x"}))
            next(client.stream("sorter", {"subject": "left early"}))
            assert client.get_run(answer.run_id)["run"]["feature"] == "sorter"
            assert client.search("notes", "hotel").passages
            assert client.upload("shelf", "a.md", b"Bicycles stand in the yard.")["outcome"] == "added"
            assert [document["path"] for document in client.documents("shelf")] == ["a.md"]
            assert client.report("shelf")["stale"] == []
            assert client.delete("shelf", "a.md") == 1
            return answer, told, [str(feature["name"]) for feature in client.features()]

    answer, told, names = await asyncio.to_thread(program)
    assert answer.output == {"queue": "support"}
    assert isinstance(told[-1], Answer)
    assert names == ["answers", "broken", "sorter"]


async def test_a_server_that_is_late_or_gone_is_unavailable(site: Site) -> None:
    site.model.replies[:] = [slow(1.0, json.dumps({"queue": "support"}))]
    async with AsyncClient(site.url, site.keys["admin"], timeout_s=0.3) as client:
        with pytest.raises(ServerUnavailable, match=r"within 0\.3 s"):
            await client.run("sorter", {"subject": "x"})
    async with AsyncClient("http://127.0.0.1:1", "sh_x") as client:
        with pytest.raises(ServerUnavailable, match="does not answer"):
            await client.features()


@asynccontextmanager
async def stranger(reply: web.Response) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A server that is not ours; what it was asked."""
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request)
        return reply

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    async with stranger(web.json_response({"features": []})) as (elsewhere, asked_elsewhere):
        moved = web.Response(status=307, headers={"Location": elsewhere + "/features"})
        async with stranger(moved) as (url, _), AsyncClient(url, "sh_secret") as client:
            with pytest.raises(ServerProtocol, match="wants to send us to"):
                await client.features()
    assert asked_elsewhere == []


@pytest.mark.parametrize(
    "reply",
    [
        {"text": "<html>"},
        {"status": 502, "text": "Bad Gateway"},
        {"text": "[]"},
        {"text": '{"status": "answered"}'},
        {"status": 404, "text": '{"detail": "Not Found"}'},
    ],
)
async def test_an_answer_that_is_not_ours_is_said_to_be_so(reply: dict) -> None:
    async with stranger(web.Response(**reply)) as (url, _), AsyncClient(url, "sh_x") as client:
        with pytest.raises(ServerProtocol) as raised:
            await client.run("sorter", {})
        assert "Steadyhand server" in raised.value.hint


async def test_a_stream_that_ends_before_the_answer_is_an_error() -> None:
    reply = web.Response(text=": alive\n\n", content_type="text/event-stream")
    async with stranger(reply) as (url, _), AsyncClient(url, "sh_x") as client:
        with pytest.raises(ServerProtocol, match="before the answer"):
            [event async for event in client.stream("sorter", {})]


async def test_a_code_from_the_future_keeps_its_name() -> None:
    body = {"error": {"code": "moon.full", "message": "m", "hint": "h", "run_id": "R"}}
    async with stranger(web.json_response(body, status=418)) as (url, _), AsyncClient(url, "sh_x") as client:
        with pytest.raises(SteadyhandError) as raised:
            await client.run("sorter", {})
    error = raised.value
    assert (error.code, error.status, str(error), error.hint, error.run_id) == ("moon.full", 418, "m", "h", "R")
    assert SteadyhandError.code == "internal"


@pytest.mark.parametrize("url", ["127.0.0.1:8484", "ftp://x", "", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected an address"):
        AsyncClient(url, "sh_x")
