"""Bases with a vector store beside PostgreSQL: the same answers as without, and none that nobody may see."""

import asyncio
import importlib
import logging
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from pinecone_server import KEY, Index, pinecone_index

from steadyhand import plugins
from steadyhand.errors import StorageError, StoreUnavailable, UsageError, WorkspaceInvalid
from steadyhand.jobs.queue import Jobs
from steadyhand.knowledge.erase import erase_base, erase_documents
from steadyhand.knowledge.index import mirrored
from steadyhand.knowledge.index.entries import add_vectors
from steadyhand.knowledge.index.mirror import Mirrors
from steadyhand.knowledge.index.vector_stores import REST_S, VectorStores
from steadyhand.knowledge.ingest import store
from steadyhand.knowledge.search.searcher import Searcher
from steadyhand.knowledge.stores.pgvector import PgVector
from steadyhand.settings import KnowledgeSettings, Settings
from steadyhand.settings import read as read_settings
from steadyhand.storage import Database
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.condition import Condition
from steadyhand.types.ports import Vectors
from steadyhand.types.run import Principal
from steadyhand.types.search import SearchRequest
from steadyhand.types.vectors import Collection, VectorHit, VectorQuery, VectorRow, VectorStore
from steadyhand.workspace import OWNER, AsyncWorkspace

DIMS = 32
BASE = Collection("notes", DIMS)
EVERYONE = frozenset({"everyone"})
CALLER = Principal("somebody", "caller")
ADMIN = Principal("admin", "admin")
HR = Principal("hr", "caller", labels=frozenset({"hr"}))


def vectors(count: int, seed: int = 0) -> Vectors:
    made = np.random.default_rng(seed).normal(size=(count, DIMS)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made.astype(np.float16).astype(np.float32)


def rows(count: int = 600) -> list[VectorRow]:
    """Every tenth one is for hr: so few are hidden that a search by anybody goes to the store."""
    return [
        VectorRow(
            id=at,
            vector=vector,
            labels=frozenset({"hr"}) if at % 10 == 0 else EVERYONE,
            metadata={"year": 1900 + at},
        )
        for at, vector in enumerate(vectors(count))
    ]


class Asking:
    """An embedder of questions that are numbers."""

    async def of(self, embedder_id: str, base: str) -> "Asking":
        return self

    async def questions(self, texts: Sequence[str]) -> Vectors:
        return vectors(100, seed=9)[[int(text) for text in texts]]

    async def count_tokens(self, texts: Sequence[str]) -> None:
        return None


@dataclass
class Watched:
    """A store with a door in front of it: what is asked is counted, and can be broken or answered otherwise."""

    inner: VectorStore
    asked: list[str] = field(default_factory=list)
    is_away: bool = False
    writes_left: int = 1_000_000
    lie: Callable[[list[VectorHit]], list[VectorHit]] = list

    def _ask(self, verb: str) -> None:
        self.asked.append(verb)
        if self.is_away:
            raise StoreUnavailable("the store is away")

    async def upsert(self, collection: Collection, rows: Sequence[VectorRow]) -> None:
        self._ask("upsert")
        self.writes_left -= 1
        if self.writes_left < 0:
            raise StoreUnavailable("the store went away")
        await self.inner.upsert(collection, rows)

    async def delete(self, collection: Collection, ids: Sequence[int] | None = None) -> None:
        self._ask("delete")
        await self.inner.delete(collection, ids)

    async def search(self, collection: Collection, query: VectorQuery) -> list[VectorHit]:
        self._ask("search")
        return self.lie(await self.inner.search(collection, query))

    async def stats(self, collection: Collection) -> int:
        self._ask("stats")
        return await self.inner.stats(collection)

    async def snapshot(self, collection: Collection) -> str:
        self._ask("snapshot")
        return await self.inner.snapshot(collection)

    async def close(self) -> None:
        await self.inner.close()


class Doors(VectorStores):
    """The real stores, each behind a door."""

    doors: dict[str, Watched]

    async def named(self, name: str) -> VectorStore:
        if name not in self.doors:
            self.doors[name] = Watched(await super().named(name))
        return self.doors[name]


@dataclass
class House:
    """A base that PostgreSQL has, and a store that mirrors it."""

    database: Database
    stores: Doors
    mirrors: Mirrors
    own: PgVector
    clock: list[float]

    @property
    def door(self) -> Watched:
        return self.stores.doors["near"]

    async def found(
        self, question: int, principal: Principal = CALLER, *, beside: bool = True, **asked: object
    ) -> list[str]:
        """The ids of what a search gives, with the store or by PostgreSQL alone."""
        search = Searcher(
            self.database, Asking(), lambda base: "internal", nearby=self.mirrors.nearby if beside else None
        )
        request = SearchRequest(
            knowledge_base="notes", queries=(str(question),), principal=principal, top_k=10, **asked
        )
        return [passage.source for passage in (await search(request)).passages]

    async def relabel(self, ids: Sequence[int], label: str) -> None:
        async with self.database.transaction() as transaction:
            [base_id] = [row["id"] for row in await transaction.rows("SELECT id FROM knowledge_base")]
            await store.lock_base(transaction, base_id)
            await store.narrow(transaction, base_id, {str(each): frozenset({label}) for each in ids})
            await store.count_change(transaction, base_id)

    async def in_store(self) -> set[int]:
        """The ids that the collection which is searched has now."""
        mirror = await mirrored.current(self.database, "notes", "near", is_built=True)
        assert mirror is not None
        query = VectorQuery(vector=vectors(1)[0], k=2_000, labels=None)
        return {hit.id for hit in await self.door.inner.search(mirror.collection, query)}

    async def slots(self) -> set[int]:
        """Those of the live chunks."""
        return {row["slot"] for row in await self.database.rows("SELECT slot FROM chunk WHERE died IS NULL")}

    async def behind(self) -> int:
        status = await self.mirrors.status("notes")
        assert status is not None
        return status.behind


def configured(settings: StoreSettings, root: Path = Path()) -> Settings:
    return Settings(root=root, knowledge={"notes": KnowledgeSettings(store="near")}, stores={"near": settings})


@pytest.fixture
async def house(database: Database, database_url: str) -> AsyncIterator[House]:
    clock = [0.0]
    stores = Doors(configured(StoreSettings(kind="qdrant", url=":memory:", search_s=20)), lambda: clock[0])
    stores.doors = {}
    own = PgVector(Database(database_url))
    await own.upsert(BASE, rows())
    made = House(database, stores, Mirrors(database, stores, Jobs(database_url)), own, clock)
    await made.mirrors.push("notes")
    yield made
    await own.close()
    await made.door.close()


async def test_a_search_beside_a_store_gives_what_one_without_gives(house: House) -> None:
    assert await house.in_store() == set(range(600))
    for question in range(8):
        for principal in (CALLER, HR, ADMIN):
            assert await house.found(question, principal) == await house.found(question, principal, beside=False)
    assert house.door.asked.count("search") == 24


async def test_the_store_filters_by_labels_and_conditions_itself(house: House) -> None:
    where = (Condition("year", "gte", 1950),)
    house.door.asked.clear()
    for question in range(4):
        assert await house.found(question, HR, where=where) == await house.found(
            question, HR, beside=False, where=where
        )
    assert house.door.asked == ["search"] * 4
    mirror = await mirrored.current(house.database, "notes", "near", is_built=True)
    assert mirror is not None
    query = VectorQuery(vector=vectors(1)[0], k=600, labels=frozenset({"hr"}), where=where)
    hits = await house.door.inner.search(mirror.collection, query)
    assert {hit.id for hit in hits} == {at for at in range(50, 600) if at % 10 == 0}


async def test_what_is_deleted_or_closed_is_gone_before_the_store_hears_of_it(house: House) -> None:
    best = await house.found(1)
    await house.own.delete(BASE, [int(best[0])])
    await house.relabel([int(best[1])], "hr")
    assert await house.behind() > 0
    assert not {best[0], best[1]} & set(await house.found(1))
    assert best[1] in await house.found(1, HR)
    await house.mirrors.push("notes")
    assert await house.behind() == 0
    assert await house.in_store() == await house.slots() == set(range(600)) - {int(best[0])}
    assert await house.found(1) == await house.found(1, beside=False)
    assert best[1] in await house.found(1, HR)


async def test_a_store_that_lies_shows_nobody_anything(house: House) -> None:
    honest = await house.found(2)
    hidden = [VectorHit(at, 9.9) for at in range(0, 600, 10)]
    house.door.lie = lambda hits: [*hidden, VectorHit(99_999, 9.9), *hits]
    assert await house.found(2) == honest
    house.door.lie = lambda hits: [VectorHit(hit.id, -hit.similarity) for hit in reversed(hits)]
    assert await house.found(2) == honest


async def test_a_store_that_is_away_costs_nothing_but_a_line_in_the_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    honest = [await house.found(question) for question in range(3)]
    house.door.is_away = True
    house.door.asked.clear()
    with caplog.at_level(logging.INFO):
        assert [await house.found(question) for question in range(3)] == honest
    assert [record.getMessage() for record in caplog.records if "PostgreSQL searches" in record.getMessage()] == [
        "PostgreSQL searches instead of the store near: the store is away"
    ]
    assert house.door.asked == ["search"]  # and is left alone then
    house.clock[0] += REST_S + 1
    assert await house.found(0) == honest[0]
    house.door.is_away = False
    house.clock[0] += REST_S + 1
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert await house.found(0) == honest[0]
    assert "the store near answers again" in caplog.text
    assert await house.found(1) == honest[1]


async def test_changes_wait_for_a_store_that_is_away(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.door.is_away = True
    await house.own.delete(BASE, [5])
    await house.mirrors.after_sync("notes")
    assert "its store is not in step yet" in caplog.text
    await house.own.upsert(BASE, [VectorRow(id=700, vector=vectors(1, seed=3)[0], labels=EVERYONE, metadata={})])
    house.door.is_away = False
    await house.mirrors.push("notes")
    assert await house.in_store() == await house.slots()
    assert await house.behind() == 0


async def test_a_build_that_was_broken_off_goes_on_where_it_stopped(house: House) -> None:
    await house.own.upsert(
        BASE,
        [
            VectorRow(id=at, vector=vector, labels=EVERYONE, metadata={})
            for at, vector in enumerate(vectors(2_000, seed=5))
        ],
    )
    await house.mirrors.push("notes")
    house.door.writes_left = 2
    house.door.asked.clear()
    with pytest.raises(StoreUnavailable):
        await house.mirrors.rebuild("notes")
    assert await house.found(3) == await house.found(3, beside=False)  # the one before is still searched
    house.door.writes_left = 1_000
    await house.mirrors.push("notes")
    assert await house.in_store() == await house.slots()
    assert house.door.asked.count("upsert") == 3 + 2  # four pages of 500, of which the third was told twice
    assert len(await house.database.rows("SELECT 1 FROM store_mirror")) == 1


async def test_a_collection_that_was_lost_is_built_anew(house: House, caplog: pytest.LogCaptureFixture) -> None:
    honest = await house.found(4)
    mirror = await mirrored.current(house.database, "notes", "near", is_built=True)
    assert mirror is not None
    await house.door.inner.delete(mirror.collection)
    assert await house.found(4) == honest
    assert "it finds too little of notes" in caplog.text
    await house.mirrors.check("notes")
    assert await house.door.inner.stats(mirror.collection) == 0  # too early to believe a count
    await house.database.execute("UPDATE store_mirror SET pushed_at = now() - interval '1 hour'")
    await house.mirrors.check("notes")
    assert "has 0 of 600 rows; it is built anew" in caplog.text
    assert await house.in_store() == set(range(600))


async def test_pushes_at_the_same_time_end_in_step(house: House) -> None:
    for turn in range(3):
        await house.own.delete(BASE, range(turn * 20, turn * 20 + 20))
        await asyncio.gather(*(house.mirrors.push("notes") for _ in range(4)))
    await house.mirrors.push("notes")
    assert await house.in_store() == await house.slots()


async def test_the_past_is_searched_without_the_store(house: House) -> None:
    [first, *_] = before = await house.found(6, ADMIN)
    [row] = await house.database.rows("SELECT revision FROM knowledge_base")
    await house.own.delete(BASE, [int(first)])
    await house.mirrors.push("notes")
    house.door.asked.clear()
    assert await house.found(6, ADMIN, as_of=row["revision"]) == before
    assert house.door.asked == []


async def test_what_is_erased_leaves_the_store(house: House) -> None:
    await erase_documents(house.database, "notes", ["7", "8"])
    await house.mirrors.push("notes")
    assert not {7, 8} & await house.in_store()
    mirror = await mirrored.current(house.database, "notes", "near", is_built=True)
    assert mirror is not None
    await erase_base(house.database, "notes")
    await house.mirrors.push("notes")
    assert await house.door.inner.stats(mirror.collection) == 0
    for table in ("store_mirror", "store_outbox"):
        assert await house.database.rows(f"SELECT 1 FROM {table}") == []


async def test_other_vectors_get_another_collection(house: House) -> None:
    """Also when they have another length: searches go on without the store until it is built."""
    [row] = await house.database.rows("SELECT id FROM knowledge_base")
    hashes = [each["text_hash"] for each in await house.database.rows("SELECT DISTINCT text_hash FROM chunk")]
    await add_vectors(house.database, row["id"], "short", hashes, vectors(len(hashes), seed=8)[:, :16])
    await house.database.execute("UPDATE knowledge_base SET embedder = 'short'")
    assert await mirrored.current(house.database, "notes", "near", is_built=True) is None
    await house.mirrors.push("notes")
    mirror = await mirrored.current(house.database, "notes", "near", is_built=True)
    assert mirror is not None
    assert mirror.collection.dims == 16
    assert await house.door.inner.stats(mirror.collection) == 600
    assert len(await house.database.rows("SELECT 1 FROM store_mirror")) == 1


async def test_a_store_that_the_settings_no_longer_name_is_given_up(house: House) -> None:
    mirror = await mirrored.current(house.database, "notes", "near", is_built=True)
    assert mirror is not None
    stores = Doors(
        configured(StoreSettings(kind="qdrant", url=":memory:")).model_copy(update={"knowledge": {}}), lambda: 0.0
    )
    stores.doors = {"near": house.door}
    without = Mirrors(house.database, stores, Jobs(house.database.url))
    await without.push("notes")
    assert await house.door.inner.stats(mirror.collection) == 0
    assert await house.database.rows("SELECT 1 FROM store_mirror") == []
    await house.own.delete(BASE, [1])
    assert await house.database.rows("SELECT 1 FROM store_outbox") == []
    with pytest.raises(UsageError, match="has none"):
        await without.rebuild("notes")


async def test_the_status_says_how_far_the_store_is(house: House) -> None:
    await house.own.delete(BASE, [1, 2])
    status = await house.mirrors.status("notes")
    assert status is not None
    assert (status.store, status.kind, status.is_built) == ("near", "qdrant", True)
    assert (status.rows, status.expected, status.behind) == (600, 598, 2)
    assert status.collection.startswith("steadyhand_notes_")
    house.door.is_away = True
    away = await house.mirrors.status("notes")
    assert away is not None
    assert (away.rows, away.snapshot, away.behind) == (None, None, 2)


@pytest.mark.parametrize("seed", range(2))
async def test_nothing_leaks_and_nothing_is_lost_whatever_happens_in_which_order(house: House, seed: int) -> None:
    """Documents come, change, go and are closed; the store hears of it late, is away, or is built anew."""
    chance = np.random.default_rng(seed)
    may: dict[str, bool] = {str(at): at % 10 != 0 for at in range(600)}  # may the caller see it?
    made = vectors(400, seed=20 + seed)
    for step in range(30):
        at = str(chance.choice(sorted(may)))
        match chance.integers(6):
            case 0:
                new = VectorRow(id=1_000 + step, vector=made[step], labels=EVERYONE, metadata={"year": 2_500})
                await house.own.upsert(BASE, [new])
                may[str(new.id)] = True
            case 1:
                changed = VectorRow(id=int(at), vector=made[200 + step], labels=EVERYONE, metadata={})
                await house.own.upsert(BASE, [changed])
                may[at] = True
            case 2:
                await house.own.delete(BASE, [int(at)])
                del may[at]
            case 3:
                await house.relabel([int(at)], "hr")
                may[at] = False
            case 4:
                house.door.is_away = not house.door.is_away
                house.clock[0] += REST_S + 1
            case _:
                await house.mirrors.after_sync("notes")
        for question in (int(chance.integers(100)), step):
            given = await house.found(question)
            assert all(may.get(each) for each in given)
            assert set(await house.found(question, ADMIN)) <= set(may)
    house.door.is_away = False
    house.clock[0] += REST_S + 1
    await house.mirrors.push("notes")
    assert await house.in_store() == await house.slots()
    for question in range(5):
        assert await house.found(question) == await house.found(question, beside=False)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('[knowledge.notes]\nstore = "neer"\n[stores.near]\nkind = "qdrant"', 'did you mean "near"'),
        ('[knowledge.notes]\nstore = "near"', "add \\[stores.near\\]"),
        (
            '[knowledge.notes]\nstore = "near"\ndata_class = "restricted"\n[stores.near]\nkind = "qdrant"',
            'stores.near.clearance = "restricted"',
        ),
        ('[stores.near]\nkind = "qdrant"\nurl = "https://me:hunter2@store"\nport = 1', "port"),
    ],
)
def test_settings_of_stores_that_cannot_be_are_refused_with_a_hint(tmp_path: Path, written: str, said: str) -> None:
    (tmp_path / "steadyhand.toml").write_text(written)
    with pytest.raises(WorkspaceInvalid) as wrong:
        read_settings(tmp_path)
    assert re.search(said, f"{wrong.value} {wrong.value.hint}")
    assert "hunter2" not in f"{wrong.value} {wrong.value.hint}"
    assert "hunter2" not in repr(StoreSettings(kind="qdrant", url="https://me:hunter2@store"))


def test_collections_have_names_that_every_store_takes() -> None:
    assert mirrored.collection_name("Verträge & Recht 2024", "ab12") == "steadyhand_vertr_ge_recht_2024_ab12"
    assert mirrored.collection_name("旅行", "ab12") == "steadyhand_ab12"
    assert len(mirrored.collection_name("x" * 200, "0123456789ab")) <= 60


@pytest.fixture
async def index() -> AsyncIterator[Index]:
    async with pinecone_index(DIMS) as served:
        yield served


async def test_a_store_is_spoken_to_over_the_wire_and_may_close_in_the_middle(
    database: Database,
    database_url: str,
    index: Index,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PINECONE_TEST_KEY", KEY)
    settings = StoreSettings(kind="pinecone", url=index.url, key_variable="PINECONE_TEST_KEY", write_s=5)
    stores = VectorStores(configured(settings), lambda: 0.0)
    mirrors = Mirrors(database, stores, Jobs(database_url))
    own = PgVector(Database(database_url))
    await own.upsert(BASE, rows(300))
    await mirrors.push("notes")
    assert [len(held) for held in index.namespaces.values()] == [301]
    search = Searcher(database, Asking(), lambda base: "internal", nearby=mirrors.nearby)
    request = SearchRequest(knowledge_base="notes", queries=("1", "2"), principal=ADMIN, top_k=10)
    before = await search(request)
    assert index.requests.count("/query") == 2
    index.fails = 403
    assert await search(request) == before
    assert "PostgreSQL searches instead" in caplog.text
    assert KEY not in caplog.text
    await stores.close()
    await own.close()


async def test_a_client_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    plugins.load.cache_clear()
    monkeypatch.delitem(sys.modules, "steadyhand.knowledge.stores.milvus", raising=False)
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    stores = VectorStores(configured(StoreSettings(kind="milvus", url="http://127.0.0.1:1")), lambda: 0.0)
    with pytest.raises(StorageError, match="client of milvus") as missing:
        await stores.named("near")
    assert missing.value.hint == "pip install 'steadyhand[milvus]'"
    plugins.load.cache_clear()
    monkeypatch.undo()
    importlib.invalidate_caches()


@pytest.mark.parametrize(("kind", "said"), [("pgvector", "leave `store` out"), ("quadrant", "mend the name")])
async def test_a_kind_that_is_none_is_said(kind: str, said: str) -> None:
    stores = VectorStores(configured(StoreSettings(kind=kind, url="http://127.0.0.1:1")), lambda: 0.0)
    with pytest.raises(WorkspaceInvalid, match="milvus, pinecone, qdrant, weaviate") as wrong:
        await stores.named("near")
    assert said in wrong.value.hint


TOML = """
[stores.near]
kind = "qdrant"
url = "file:.steadyhand/qdrant"
[knowledge.notes]
store = "near"
[knowledge.notes.labels]
"secret*" = ["hr"]
[knowledge.plain.labels]
"secret*" = ["hr"]
"""
NOTES = {
    "travel.md": "# Travel\n\nHotels cost at most 120 EUR a night. Trains come before planes.\n",
    "leave.md": "# Leave\n\nEverybody has 30 days of paid vacation a year.\n",
    "secret.md": "# Salaries\n\nThe hotel manager earns 90,000 EUR a year.\n",
}


async def test_a_workspace_ingests_searches_deletes_and_closes_beside_a_store(
    database_url: str, tmp_path: Path, models_folder: Path
) -> None:
    (tmp_path / "features").mkdir()
    for base in ("notes", "plain"):
        (tmp_path / "knowledge" / base).mkdir(parents=True)
        for name, text in NOTES.items():
            (tmp_path / "knowledge" / base / name).write_text(text)
    settings = tmp_path / "steadyhand.toml"
    settings.write_text(f'database_url = "{database_url}"\nmodels_dir = "{models_folder}"\n{TOML}')

    async def synced(workspace: AsyncWorkspace) -> None:
        for base in ("notes", "plain"):
            async for _ in workspace.sync(base, allow_removals=True):
                pass

    async def same(workspace: AsyncWorkspace, question: str, principal: Principal) -> list[str]:
        answers = [await workspace.search(base, question, principal=principal) for base in ("notes", "plain")]
        told = [[(each.source, each.text, round(each.score, 6)) for each in answer.passages] for answer in answers]
        assert told[0] == told[1]
        return [passage.source for passage in answers[0].passages]

    async with await AsyncWorkspace.open(tmp_path) as workspace:
        await synced(workspace)
        status = await workspace.mirrors.status("notes")
        assert status is not None
        assert (status.rows, status.expected, status.behind) == (3, 3, 0)
        assert await same(workspace, "What may a hotel cost?", OWNER) == ["travel.md", "secret.md", "leave.md"]
        assert await same(workspace, "What may a hotel cost?", CALLER) == ["travel.md", "leave.md"]
        settings.write_text(settings.read_text().replace('"secret*"', '"*l*"'))
    async with await AsyncWorkspace.open(tmp_path) as workspace:
        await synced(workspace)
        assert await same(workspace, "What may a hotel cost?", CALLER) == ["secret.md"]
        for base in ("notes", "plain"):
            (tmp_path / "knowledge" / base / "secret.md").unlink()
        await synced(workspace)
        assert await same(workspace, "What may a hotel cost?", CALLER) == []
        assert await same(workspace, "What may a hotel cost?", HR) == ["travel.md", "leave.md"]
        status = await workspace.mirrors.status("notes")
        assert status is not None
        assert (status.rows, status.behind) == (2, 0)
