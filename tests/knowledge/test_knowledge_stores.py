"""What every vector store must do: the same answers as a scan of all rows, whatever stands behind it.

PostgreSQL, the engine inside Qdrant's client, and Milvus Lite are real. Weaviate and Pinecone are stand-ins on loopback
that the official clients speak to.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from condition_oracle import meets
from pinecone_server import KEY as PINECONE_KEY
from pinecone_server import pinecone_index
from weaviate_server import KEY as WEAVIATE_KEY
from weaviate_server import weaviate_server

from steadyhand import plugins
from steadyhand.errors import WorkspaceInvalid, WrongEmbedder
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.condition import Comparison, Condition
from steadyhand.types.json import Json
from steadyhand.types.vectors import Collection, VectorHit, VectorQuery, VectorRow, VectorStore

DIMS = 32
EVERYBODY = frozenset({"everyone"})


def opened(kind: str, url: str, key: str = "", **options: str | int) -> VectorStore:
    settings = StoreSettings(kind=kind, url=url, options=options, search_s=20)
    store: VectorStore = plugins.load("knowledge.stores", kind).from_settings(settings, key)
    return store


@contextlib.asynccontextmanager
async def pgvector(request: pytest.FixtureRequest) -> AsyncIterator[VectorStore]:
    yield opened("pgvector", request.getfixturevalue("database_url"))


@contextlib.asynccontextmanager
async def qdrant(request: pytest.FixtureRequest) -> AsyncIterator[VectorStore]:
    yield opened("qdrant", ":memory:")


@contextlib.asynccontextmanager
async def milvus(request: pytest.FixtureRequest) -> AsyncIterator[VectorStore]:
    yield opened("milvus", f"file:{request.getfixturevalue('milvus_file')}")


@contextlib.asynccontextmanager
async def weaviate(request: pytest.FixtureRequest) -> AsyncIterator[VectorStore]:
    async with weaviate_server() as server:
        yield opened("weaviate", server.url, WEAVIATE_KEY, grpc_port=server.grpc_port)


@contextlib.asynccontextmanager
async def pinecone(request: pytest.FixtureRequest) -> AsyncIterator[VectorStore]:
    async with pinecone_index(DIMS) as index:
        yield opened("pinecone", index.url, PINECONE_KEY)


PLACES: dict[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[VectorStore]]] = {
    "pgvector": pgvector,
    "qdrant": qdrant,
    "milvus": milvus,
    "weaviate": weaviate,
    "pinecone": pinecone,
}


@pytest.fixture(scope="session")
def milvus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One engine for all tests; each has its own collections."""
    return tmp_path_factory.mktemp("milvus") / "lite.db"


@pytest.fixture(params=plugins.names("knowledge.stores"))
async def store(request: pytest.FixtureRequest) -> AsyncIterator[VectorStore]:
    async with PLACES[request.param](request) as place:
        yield place
        await place.close()


@pytest.fixture
def collection() -> Collection:
    return Collection(f"steadyhand_test_{uuid4().hex[:12]}", DIMS)


def vectors(count: int, seed: int = 0) -> np.ndarray:
    """Unit vectors, as they are in the database: in half precision."""
    made = np.random.default_rng(seed).normal(size=(count, DIMS)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made.astype(np.float16).astype(np.float32)


def row(at: int, vector: np.ndarray, labels: frozenset[str] = EVERYBODY, **metadata: Json) -> VectorRow:
    return VectorRow(id=at, vector=vector, labels=labels, metadata=metadata)


def scan(rows: Sequence[VectorRow], vector: np.ndarray, k: int) -> list[int]:
    """The ids of the k rows with the largest inner product."""
    ordered = sorted(rows, key=lambda each: -float(each.vector @ vector))
    return [each.id for each in ordered[:k]]


def ids(hits: Sequence[VectorHit]) -> list[int]:
    return [hit.id for hit in hits]


async def found(
    store: VectorStore, collection: Collection, vector: np.ndarray, k: int = 10, **query: Any
) -> list[int]:
    asked = VectorQuery(vector=vector, k=k, labels=query.pop("labels", EVERYBODY), **query)
    return ids(await store.search(collection, asked))


async def test_the_nearest_are_those_of_a_scan(store: VectorStore, collection: Collection) -> None:
    rows = [row(at, vector) for at, vector in enumerate(vectors(300))]
    await store.upsert(collection, rows)
    for asked in vectors(20, seed=1):
        hits = await store.search(collection, VectorQuery(vector=asked, k=10, labels=None))
        assert ids(hits) == scan(rows, asked, 10)
        assert [hit.similarity for hit in hits] == pytest.approx(
            [float(rows[hit.id].vector @ asked) for hit in hits], abs=1e-3
        )


async def test_a_collection_that_nobody_wrote_to_is_empty(store: VectorStore, collection: Collection) -> None:
    [asked] = vectors(1)
    assert await found(store, collection, asked) == []
    assert await found(store, collection, asked, labels=None, where=(Condition("year", "gt", 1),)) == []
    assert await store.stats(collection) == 0
    assert await store.snapshot(collection) == ""
    await store.delete(collection, [1, 2])
    await store.delete(collection)
    assert await store.stats(collection) == 0


async def test_writing_twice_is_writing_once(store: VectorStore, collection: Collection) -> None:
    rows = [row(at, vector) for at, vector in enumerate(vectors(20))]
    await store.upsert(collection, rows)
    await store.upsert(collection, rows)
    assert await store.stats(collection) == 20
    assert sorted(await found(store, collection, rows[0].vector, 50)) == list(range(20))


async def test_a_row_that_is_written_again_is_another_one(store: VectorStore, collection: Collection) -> None:
    before, after = vectors(2)
    await store.upsert(collection, [row(7, before, frozenset({"hr"}), year=2023)])
    await store.upsert(collection, [row(7, after, frozenset({"it"}), month="May")])
    assert await found(store, collection, after, labels=frozenset({"hr"})) == []
    assert await found(store, collection, after, labels=frozenset({"it"})) == [7]
    assert await found(store, collection, after, labels=None, where=(Condition("year", "eq", 2023),)) == []
    assert await found(store, collection, after, labels=None, where=(Condition("year", "lt", 2024),)) == []
    assert await found(store, collection, after, labels=None, where=(Condition("month", "eq", "May"),)) == [7]
    [hit] = await store.search(collection, VectorQuery(vector=after, k=1, labels=None))
    assert hit.similarity == pytest.approx(float(after @ after), abs=1e-3)


async def test_what_is_deleted_stays_deleted(store: VectorStore, collection: Collection) -> None:
    rows = [row(at, vector) for at, vector in enumerate(vectors(40))]
    await store.upsert(collection, rows)
    await store.delete(collection, [0, 1, 2, 2, 999])
    assert await store.stats(collection) == 37
    assert set(await found(store, collection, rows[1].vector, 50)) == set(range(3, 40))
    await store.upsert(collection, rows[:1])
    assert set(await found(store, collection, rows[1].vector, 50)) == {0, *range(3, 40)}


async def test_a_whole_collection_goes_and_can_begin_again(store: VectorStore, collection: Collection) -> None:
    rows = [row(at, vector) for at, vector in enumerate(vectors(10))]
    await store.upsert(collection, rows)
    await store.delete(collection)
    assert await store.stats(collection) == 0
    assert await found(store, collection, rows[0].vector) == []
    await store.upsert(collection, rows[:3])
    assert sorted(await found(store, collection, rows[0].vector)) == [0, 1, 2]


async def test_only_who_has_a_label_of_a_row_finds_it(store: VectorStore, collection: Collection) -> None:
    labelled = [{"everyone"}, {"hr"}, {"it", "hr"}, {"Wirtschaft & Recht"}, {'"] or true or ["'}, set()]
    rows = [row(at, vector, frozenset(labelled[at])) for at, vector in enumerate(vectors(6))]
    await store.upsert(collection, rows)
    for held in (
        {"everyone"},
        {"hr"},
        {"it"},
        {"everyone", "hr"},
        {"Wirtschaft & Recht"},
        {"EVERYONE"},
        {"h"},
        set(),
    ):
        expected = {at for at, labels in enumerate(labelled) if labels & held}
        assert set(await found(store, collection, rows[0].vector, labels=frozenset(held))) == expected, held
    assert set(await found(store, collection, rows[0].vector, labels=frozenset({'"] or true or ["'}))) == {4}
    assert set(await found(store, collection, rows[0].vector, labels=None)) == set(range(6))


async def test_few_rows_that_may_be_seen_are_found_among_many(store: VectorStore, collection: Collection) -> None:
    rows = [
        row(at, vector, frozenset({"hr"}) if at % 50 == 0 else EVERYBODY, number=at)
        for at, vector in enumerate(vectors(300))
    ]
    await store.upsert(collection, rows)
    for asked in vectors(5, seed=2):
        few = [each for each in rows if "hr" in each.labels]
        assert await found(store, collection, asked, 6, labels=frozenset({"hr"})) == scan(few, asked, 6)
        some = [each for each in rows if each.metadata["number"] >= 200 and "everyone" in each.labels]
        assert await found(store, collection, asked, 6, where=(Condition("number", "gte", 200),)) == scan(
            some, asked, 6
        )


METADATA: tuple[dict[str, Json], ...] = (
    {"year": 2023, "tag": "travel", "day": "2023-12-31"},
    {"year": 2024, "tag": ["travel", "leave"], "day": "2024-01-01"},
    {"year": 2024.5, "tag": [], "day": "2024-01-02T10:00:00Z"},
    {"year": "2024", "tag": None, "day": ["2022-01-01", "2025-01-01"]},
    {"year": [2020, 2030], "tag": "Travel", "day": "2024"},
    {"year": -1, "tag": "reisekosten-übersicht", "day": ""},
    {"year": 0, "tag": "旅行", "day": "zz"},
    {"year": True, "tag": False, "day": 20240101},
    {"year": 9007199254740993, "tag": "say \"no\"\\ or 'yes'", "day": "2024-01-01"},
    {"year": 1e300, "tag": "🛫 café", "day": "é"},
    {"größe in €": 5, "a.b[0] $x": "dotted"},
    {},
)
CONDITIONS: tuple[tuple[str, Comparison, Json], ...] = (
    ("year", "eq", 2024), ("year", "eq", 2024.0), ("year", "eq", "2024"), ("year", "eq", True), ("year", "eq", 2030),
    ("year", "ne", 2024), ("year", "ne", "x"), ("year", "gt", 2023), ("year", "gt", 2024), ("year", "gte", 2024),
    ("year", "lt", 0), ("year", "lte", 0), ("year", "lt", 2023.5), ("year", "gt", "2023"), ("year", "gt", 1e299),
    ("year", "in", [2023, -1, "2024"]), ("year", "in", [7]), ("year", "gte", 9007199254740993),
    ("tag", "eq", "travel"), ("tag", "eq", "leave"), ("tag", "ne", "travel"), ("tag", "ne", "leave"),
    ("tag", "in", ["旅行", "🛫 café"]), ("tag", "eq", 'say "no"\\ or \'yes\''), ("tag", "eq", False),
    ("tag", "eq", "reisekosten-übersicht"), ("tag", "gt", "travel"), ("tag", "lt", "a"), ("tag", "gte", "旅"),
    ("day", "gt", "2024-01-01"), ("day", "gte", "2024-01-01"), ("day", "lt", "2024-01-01"), ("day", "lte", "2024"),
    ("day", "gt", ""), ("day", "lte", ""), ("day", "gte", "zz"), ("day", "eq", 20240101), ("day", "gt", 20240100),
    ("größe in €", "eq", 5), ("größe in €", "lt", 6), ("a.b[0] $x", "eq", "dotted"), ("nobody has it", "ne", 1),
    ("nobody has it", "gt", 1), ("nobody has it", "lt", "x"),
)  # fmt: skip


async def test_every_comparison_means_the_same_everywhere(store: VectorStore, collection: Collection) -> None:
    rows = [
        VectorRow(id=at, vector=vector, labels=EVERYBODY, metadata=METADATA[at])
        for at, vector in enumerate(vectors(len(METADATA)))
    ]
    await store.upsert(collection, rows)
    for field, comparison, value in CONDITIONS:
        condition = Condition(field, comparison, value)
        expected = {at for at, metadata in enumerate(METADATA) if meets(metadata, condition)}
        assert set(await found(store, collection, rows[0].vector, 50, where=(condition,))) == expected, condition


async def test_all_conditions_must_be_met(store: VectorStore, collection: Collection) -> None:
    rows = [
        row(at, vector, year=2000 + at, tag="even" if at % 2 == 0 else "odd")
        for at, vector in enumerate(vectors(30))
    ]
    await store.upsert(collection, rows)
    where = (Condition("year", "gte", 2010), Condition("year", "lt", 2020), Condition("tag", "ne", "odd"))
    assert set(await found(store, collection, rows[0].vector, 30, where=where)) == {10, 12, 14, 16, 18}


async def test_two_collections_never_mix(store: VectorStore, collection: Collection) -> None:
    other = Collection(f"{collection.name}_b", DIMS)
    rows = [row(at, vector) for at, vector in enumerate(vectors(10))]
    await store.upsert(collection, rows[:6])
    await store.upsert(other, rows[4:])
    assert set(await found(store, collection, rows[9].vector, 20)) == {0, 1, 2, 3, 4, 5}
    await store.delete(other, [4, 5])
    await store.delete(other)
    assert set(await found(store, collection, rows[9].vector, 20)) == {0, 1, 2, 3, 4, 5}


async def test_vectors_of_another_length_are_refused_with_both_lengths(
    store: VectorStore, collection: Collection
) -> None:
    [vector] = vectors(1)
    short = vector[:16]
    with pytest.raises(WrongEmbedder, match=r"length 32.*found 16"):
        await store.upsert(collection, [row(1, short)])
    await store.upsert(collection, [row(1, vector)])
    with pytest.raises(WrongEmbedder, match=r"length 32.*found 16"):
        await store.search(collection, VectorQuery(vector=short, k=1, labels=None))


async def test_five_thousand_rows_come_in_batches(store: VectorStore, collection: Collection) -> None:
    made = vectors(5_000)
    rows = [row(at, vector, number=at) for at, vector in enumerate(made)]
    await store.upsert(collection, rows)
    assert await store.stats(collection) == 5_000
    for asked in vectors(3, seed=3):
        assert await found(store, collection, asked, 10) == scan(rows, asked, 10)
    await store.delete(collection, range(0, 5_000, 2))
    assert await store.stats(collection) == 2_500


async def test_writers_at_the_same_time_lose_nothing(store: VectorStore, collection: Collection) -> None:
    rows = [row(at, vector, number=at) for at, vector in enumerate(vectors(200))]
    parts = [rows[start : start + 25] for start in range(0, 200, 25)]
    await asyncio.gather(*(store.upsert(collection, part) for part in parts))
    assert await store.stats(collection) == 200
    await asyncio.gather(
        *(store.delete(collection, [each.id for each in part]) for part in parts[:4]),
        *(store.upsert(collection, part) for part in parts[4:]),
    )
    assert set(await found(store, collection, rows[0].vector, 200)) == set(range(100, 200))


async def test_the_snapshot_changes_with_the_content(store: VectorStore, collection: Collection) -> None:
    rows = [row(at, vector) for at, vector in enumerate(vectors(3))]
    seen = [await store.snapshot(collection)]
    await store.upsert(collection, rows)
    seen.append(await store.snapshot(collection))
    assert await store.snapshot(collection) == seen[-1]
    await store.delete(collection, [0])
    seen.append(await store.snapshot(collection))
    await store.upsert(collection, rows[:1])
    seen.append(await store.snapshot(collection))
    assert len(set(seen)) == 4


@pytest.mark.parametrize("kind", plugins.names("knowledge.stores"))
def test_a_wrong_url_or_option_is_said_without_the_url(kind: str) -> None:
    with pytest.raises(WorkspaceInvalid, match="url") as wrong:
        opened(kind, "ftp://user:secret@store")
    assert "secret" not in str(wrong.value) + wrong.value.hint
    with pytest.raises(WorkspaceInvalid, match="options"):
        opened(kind, "postgresql://db" if kind == "pgvector" else "https://store", "key", colour="red")
