"""Stores over the wire: keys, time limits, attempts and errors, as the official clients meet them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import numpy as np
import pytest
from aiohttp import web
from pinecone_server import KEY as PINECONE_KEY
from pinecone_server import Index, pinecone_index
from weaviate_server import KEY as WEAVIATE_KEY
from weaviate_server import Weaviate, weaviate_server

from steadyhand import plugins
from steadyhand.errors import StorageError, StoreUnavailable, WorkspaceInvalid, WrongEmbedder
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.condition import Condition
from steadyhand.types.vectors import Collection, VectorQuery, VectorRow, VectorStore

DIMS = 8
NOTES = Collection("steadyhand_notes_ab12", DIMS)
ASKED = VectorQuery(vector=np.eye(1, DIMS, dtype=np.float32)[0], k=3, labels=None)


def row(at: int, **metadata: str | int) -> VectorRow:
    vector = np.eye(DIMS, dtype=np.float32)[at % DIMS]
    return VectorRow(id=at, vector=vector, labels=frozenset({"everyone"}), metadata=metadata)


def opened(
    kind: str, url: str, key: str, *, search_s: float = 2, write_s: float = 2, **options: int
) -> VectorStore:
    settings = StoreSettings(kind=kind, url=url, options=options, search_s=search_s, write_s=write_s)
    store: VectorStore = plugins.load("knowledge.stores", kind).from_settings(settings, key)
    return store


@pytest.fixture
async def index() -> AsyncIterator[Index]:
    async with pinecone_index(DIMS) as served:
        yield served


@pytest.fixture
async def weaviate() -> AsyncIterator[Weaviate]:
    async with weaviate_server() as served:
        yield served


@contextlib.asynccontextmanager
async def silence() -> AsyncIterator[tuple[str, int]]:
    """A server that takes every connection and says nothing."""
    server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", port
    server.close()


def nobody() -> str:
    """An address that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


REMOTE = [name for name in plugins.names("knowledge.stores") if name != "pgvector"]


@pytest.mark.parametrize("kind", REMOTE)
async def test_nobody_there_is_said_in_time_and_without_the_key(kind: str) -> None:
    store = opened(kind, nobody(), "a-key-to-hide", search_s=1, write_s=1)
    for asked in (store.search(NOTES, ASKED), store.stats(NOTES), store.upsert(NOTES, [row(1)])):
        with pytest.raises(StoreUnavailable, match=f"{kind} does not answer") as away:
            await asyncio.wait_for(asked, 15)
        assert "a-key-to-hide" not in str(away.value) + away.value.hint
        assert away.value.is_retryable
        assert away.value.__cause__ is None
    await store.close()


@pytest.mark.parametrize("kind", REMOTE)
async def test_silence_ends_after_the_seconds_of_the_settings(kind: str) -> None:
    async with silence() as (url, _), silence() as (_, port):
        options = {"grpc_port": port} if kind == "weaviate" else {}
        store = opened(kind, url, "key", search_s=0.4, write_s=0.4, **options)
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(store.search(NOTES, ASKED), 5)
        await store.close()


async def test_the_key_goes_in_its_header_and_a_wrong_one_is_refused_without_being_shown(
    index: Index, weaviate: Weaviate
) -> None:
    right = {
        "pinecone": opened("pinecone", index.url, PINECONE_KEY),
        "weaviate": opened("weaviate", weaviate.url, WEAVIATE_KEY, grpc_port=weaviate.grpc_port),
    }
    wrong = {
        "pinecone": opened("pinecone", index.url, "wrong-key-1"),
        "weaviate": opened("weaviate", weaviate.url, "wrong-key-1", grpc_port=weaviate.grpc_port),
    }
    for kind, store in right.items():
        await store.upsert(NOTES, [row(1)])
        assert await store.stats(NOTES) == 1
        with pytest.raises(StorageError, match=f"{kind} refused") as refused:
            await wrong[kind].upsert(NOTES, [row(1)])
        assert "wrong-key-1" not in str(refused.value)
        assert not isinstance(refused.value, StoreUnavailable)
        await store.close()
        await wrong[kind].close()


async def test_what_writes_is_tried_again_and_a_search_is_not(index: Index) -> None:
    store = opened("pinecone", index.url, PINECONE_KEY, search_s=0.3)
    await store.upsert(NOTES, [row(1)])
    index.fails = 503
    index.requests.clear()
    with pytest.raises(StoreUnavailable):
        await store.search(NOTES, ASKED)
    asked = index.requests.count("/query")

    async def recover() -> None:
        await asyncio.sleep(0.5)
        index.fails = 0

    await asyncio.gather(store.upsert(NOTES, [row(2)]), recover())
    assert await store.stats(NOTES) == 2
    assert index.requests.count("/query") == asked
    await store.close()


async def test_an_index_with_another_metric_or_length_is_refused() -> None:
    async with pinecone_index(DIMS, metric="euclidean") as index:
        with pytest.raises(StorageError, match="metric dotproduct; found euclidean"):
            await opened("pinecone", index.url, PINECONE_KEY).upsert(NOTES, [row(1)])
    async with pinecone_index(16) as index:
        with pytest.raises(WrongEmbedder, match=r"length 8 .* found 16"):
            await opened("pinecone", index.url, PINECONE_KEY).upsert(NOTES, [row(1)])


def test_pinecone_without_a_key_says_where_it_goes() -> None:
    with pytest.raises(WorkspaceInvalid, match="key") as missing:
        opened("pinecone", "https://index.svc.pinecone.io", "")
    assert "key_variable" in missing.value.hint


async def test_weaviate_is_asked_for_nothing_but_its_own_address(weaviate: Weaviate) -> None:
    store = opened("weaviate", weaviate.url, WEAVIATE_KEY, grpc_port=weaviate.grpc_port)
    await store.upsert(NOTES, [row(1, year=2024)])
    await store.upsert(NOTES, [row(2, year=2025, day="2025-01-01")])
    assert set(weaviate.requests) <= {
        "GET /v1/.well-known/openid-configuration",
        "GET /v1/meta",
        "POST /v1/schema",
        f"GET /v1/schema/{NOTES.name.capitalize()}",
        f"POST /v1/schema/{NOTES.name.capitalize()}/properties",
    }
    [held] = weaviate.collections.values()
    [vector] = held.schema["vectorConfig"].values()
    assert vector["vectorIndexConfig"]["distance"] == "dot"
    found = await store.search(
        NOTES, VectorQuery(vector=ASKED.vector, k=3, labels=None, where=(Condition("year", "gt", 2024),))
    )
    assert [hit.id for hit in found] == [2]
    await store.close()


def test_weaviate_needs_two_ports() -> None:
    with pytest.raises(WorkspaceInvalid, match="found 443 for both"):
        opened("weaviate", "https://cluster.weaviate.cloud", "key", grpc_port=443)


@pytest.mark.parametrize("kind", ["pinecone", "weaviate"])
async def test_no_words_of_a_document_reach_the_store(kind: str, index: Index, weaviate: Weaviate) -> None:
    """Labels, names of fields and values are digests there."""
    places = {
        "pinecone": opened("pinecone", index.url, PINECONE_KEY),
        "weaviate": opened("weaviate", weaviate.url, WEAVIATE_KEY, grpc_port=weaviate.grpc_port),
    }
    await places[kind].upsert(NOTES, [row(1, author="Ada Lovelace", department="hr")])
    held = repr(index.namespaces) + repr(weaviate.collections)
    assert "everyone" not in held
    for word in ("author", "Ada", "Lovelace", "department", "'hr'"):
        assert word not in held
    for store in places.values():
        await store.close()


async def test_qdrant_is_told_what_it_filters_by_and_gets_no_key_in_the_url() -> None:
    """The remote client against a stand-in of the REST paths that are used to make a collection."""
    asked: list[tuple[str, str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.path, request.headers.get("api-key", "")))
        if request.path.endswith("/exists"):
            return web.json_response({"result": {"exists": False}, "status": "ok", "time": 0})
        if request.path.endswith("/index") or request.path.endswith("/points"):
            return web.json_response(
                {"result": {"operation_id": 1, "status": "completed"}, "status": "ok", "time": 0}
            )
        return web.json_response({"result": True, "status": "ok", "time": 0})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store = opened("qdrant", f"http://127.0.0.1:{runner.addresses[0][1]}", "qd-key", shards=3)
    await store.upsert(NOTES, [row(1, year=2024)])
    paths = [f"{method} {path.replace(NOTES.name, 'NOTES')}" for method, path, _ in asked]
    assert paths == [
        "GET /collections/NOTES/exists",
        "PUT /collections/NOTES",
        *["PUT /collections/NOTES/index"] * 4,
        "PUT /collections/NOTES/points",
    ]
    assert {key for _, _, key in asked} == {"qd-key"}
    await store.close()
    await runner.cleanup()
