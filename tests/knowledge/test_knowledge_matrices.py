"""Small bases, and small parts of large ones, are compared in memory: the same candidates as PostgreSQL's, and nothing that is no longer so."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from shelf import DIMS, NAME, SOMEBODY, CountedWords, Shelf

from steadyhand.knowledge.erase import erase_base
from steadyhand.knowledge.index import entries
from steadyhand.knowledge.index.nearby import Nearby
from steadyhand.knowledge.index.snapshots import Snapshot, Snapshots
from steadyhand.knowledge.search import dense, matrices
from steadyhand.knowledge.search.dense import Candidates, Wanted
from steadyhand.knowledge.search.matrices import Matrices, Matrix
from steadyhand.knowledge.search.scopes import Scopes
from steadyhand.knowledge.search.searcher import Searcher
from steadyhand.storage import Database
from steadyhand.storage.database import Params, Row
from steadyhand.types.condition import Condition
from steadyhand.types.search import SearchRequest


@pytest.fixture
async def shelf(database: Database) -> Shelf:
    """320 chunks whose vectors are random: no two are equally near to a question."""
    made = await Shelf.of(database)
    random = np.random.default_rng(0)
    for number in range(40):
        texts = [f"A visa of {number} and {part}." for part in range(8)]
        await made.put(f"{number}.md", *texts, metadata={"odd": number % 2}, embed=False)
    hashes = [row["text_hash"] for row in await database.rows("SELECT text_hash FROM chunk ORDER BY slot")]
    vectors = random.normal(size=(len(hashes), DIMS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    await entries.add_vectors(database, made.base_id, "words@1", hashes, vectors)
    await made.put("7.md", "Nothing but a visa.")  # eight chunks died
    return made


async def known(shelf: Shelf) -> tuple[Snapshot, Matrix]:
    snapshot = await Snapshots(shelf.database).of(NAME)
    assert snapshot.vectors is not None
    return snapshot, await matrices.read(shelf.database, snapshot, snapshot.vectors)


async def wanted(shelf: Shelf, snapshot: Snapshot, words: Sequence[int], *where: Condition) -> Wanted:
    request = SearchRequest(knowledge_base=NAME, queries=("",), principal=SOMEBODY, where=where)
    vectors = await CountedWords()(["The visa for the plane", "limit of a meal"])
    scope = await Scopes(shelf.database).of(snapshot, request)
    return Wanted(snapshot=snapshot, vectors=vectors, words=np.array(words, np.int32), scope=scope, count=25)


@pytest.mark.parametrize("where", [(), (Condition("odd", "eq", 1),)], ids=["all", "filtered"])
async def test_memory_and_postgresql_give_the_same_candidates(shelf: Shelf, where: tuple[Condition, ...]) -> None:
    snapshot, matrix = await known(shelf)
    scope = (await wanted(shelf, snapshot, (), *where)).scope
    reachable = matrix.slots if scope is None else scope.slots
    asked = await wanted(shelf, snapshot, reachable[[3, 11, 50]].tolist(), *where)
    ours, theirs = (
        by_slot(one) for one in (matrix.candidates(asked), await dense.candidates(shelf.database, asked))
    )
    assert set(ours) <= set(theirs)
    assert len(theirs) - len(ours) <= 2  # that PostgreSQL gives in place of dead ones
    for slot, (chunk, similarities) in ours.items():
        assert (chunk, pytest.approx(similarities, abs=1e-5)) == theirs[slot]


async def test_a_small_part_of_a_large_base_is_compared_in_memory_too(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrices, "_LARGEST_BYTES", 4 * DIMS * 200)
    snapshot = await Snapshots(shelf.database).of(NAME)
    asked = await wanted(shelf, snapshot, (), Condition("odd", "eq", 1))
    kept = Matrices(shelf.database)
    assert [await kept.of(snapshot) for _ in range(3)] == [None] * 3  # the base has 313 chunks, the part 153
    found = [await kept.of(snapshot, asked.scope) for _ in range(3)]
    assert found[0] is None
    assert found[1] is found[2] is not None
    theirs = by_slot(await dense.candidates(shelf.database, asked))
    assert set(by_slot(found[1].candidates(asked))) == set(theirs)


async def test_memory_and_postgresql_agree_on_what_is_like_nothing(shelf: Shelf) -> None:
    snapshot, matrix = await known(shelf)
    asked = await wanted(shelf, snapshot, ())
    theirs = await dense.candidates(shelf.database, asked)
    assert matrix.candidates(asked).least == pytest.approx(theirs.least, abs=1e-5)


def by_slot(found: Candidates) -> dict[int, tuple[int, list[float]]]:
    return {int(slot): (found.ids[at], found.similarities[:, at].tolist()) for at, slot in enumerate(found.slots)}


class Counting(Database):
    """Counts statements and matrices that are read; `gate` holds the latter up."""

    statements = 0
    matrices = 0
    gate: asyncio.Event | None = None

    async def rows(self, sql: str, params: Params = ()) -> list[Row]:
        self.statements += 1
        return await super().rows(sql, params)

    async def row(self, sql: str, params: Params = ()) -> Row | None:
        if "halfvec_send" in sql:
            self.matrices += 1
            if self.gate is not None:
                await self.gate.wait()
        return await super().row(sql, params)


@pytest.fixture
async def counting(shelf: Shelf) -> AsyncIterator[Counting]:
    """What the shelf is searched through."""
    opened = Counting(shelf.database.url, max_connections=4)
    await opened.open()
    shelf.search = Searcher(opened, shelf.search._embedders, lambda base: "internal")
    yield opened
    await opened.close()


async def test_a_base_that_stays_as_it_is_is_searched_with_two_statements(shelf: Shelf, counting: Counting) -> None:
    before = await shelf.found("visa")
    await shelf.found("visa")
    counting.statements = 0
    after = await shelf.found("visa")
    assert counting.statements == 2
    assert [one.chunk_id for one in after] == [one.chunk_id for one in before]
    assert [one.score for one in after] == pytest.approx([one.score for one in before], abs=1e-4)


async def test_what_changes_is_found_at_once(shelf: Shelf) -> None:
    for _ in range(3):
        assert (await shelf.found("Nothing but a visa"))[0].source == "7.md"
    await shelf.put("7.md", "An umbrella.")
    for _ in range(3):
        assert "Nothing but a visa." not in {passage.text for passage in await shelf.found("Nothing but a visa")}
        assert (await shelf.found("umbrella"))[0].source == "7.md"


async def test_a_base_with_vectors_missing_is_left_to_postgresql(shelf: Shelf) -> None:
    await shelf.put("new.md", "A parasol.", embed=False)
    snapshot = await Snapshots(shelf.database).of(NAME)
    kept = Matrices(shelf.database)
    assert [await kept.of(snapshot) for _ in range(4)] == [None] * 4


async def test_one_of_many_searches_reads_and_all_find_the_same(shelf: Shelf, counting: Counting) -> None:
    found = await asyncio.gather(*[shelf.found("visa of 12") for _ in range(20)])
    found += [await shelf.found("visa of 12")]
    assert counting.matrices == 1
    assert len({tuple(passage.chunk_id for passage in passages) for passages in found}) == 1


async def test_who_goes_away_while_he_reads_leaves_it_to_others(shelf: Shelf, counting: Counting) -> None:
    counting.gate = asyncio.Event()
    await shelf.found("visa")
    reading = asyncio.create_task(shelf.found("visa"))
    while not counting.matrices:
        await asyncio.sleep(0.001)
    assert await shelf.found("visa")  # nobody waits for it
    reading.cancel()
    await asyncio.wait({reading})
    counting.gate = None
    for _ in range(3):
        await shelf.found("visa")
    assert counting.matrices == 2


async def test_a_base_that_is_made_again_under_its_name_has_nothing_of_the_old_one(shelf: Shelf) -> None:
    assert await erase_base(shelf.database, NAME) == 40
    old = shelf.search
    shelf = await Shelf.of(shelf.database)
    await shelf.put("first.md", "A visa for the plane.")
    shelf.search = old
    for _ in range(3):
        assert [passage.source for passage in await shelf.found("Nothing but a visa")] == ["first.md"]


async def test_vectors_of_another_embedder_are_never_compared(shelf: Shelf) -> None:
    """The same texts, the vectors the other way round: as after a reindex, with the memory as it is."""
    hashes = [
        row["text_hash"] for row in await shelf.database.rows("SELECT text_hash FROM chunk WHERE died IS NULL")
    ]
    rows = np.eye(DIMS, dtype=np.float32)[np.arange(len(hashes)) % DIMS]
    await entries.add_vectors(shelf.database, shelf.base_id, "words@2", hashes, rows)
    kept, snapshots = Matrices(shelf.database), Snapshots(shelf.database)
    for _ in range(3):
        ours = await kept.of(await snapshots.of(NAME))
        theirs = await kept.of(await snapshots.of(NAME, embedder="words@2"))
    assert ours is not None
    assert theirs is not None
    assert (ours.slots == theirs.slots).all()
    assert set(np.unique(theirs.vectors)) == {0, 1}
    assert not set(np.unique(ours.vectors)) & {1}


async def test_after_a_switch_the_next_search_reads_the_other_vectors(shelf: Shelf, counting: Counting) -> None:
    random, counted = [], []
    for _ in range(3):
        random += [passage.similarity for passage in await shelf.found("visa") if passage.source != "7.md"]
    texts = {
        row["text_hash"]: row["body"] for row in await shelf.database.rows("SELECT text_hash, body FROM chunk")
    }
    vectors = await CountedWords()(list(texts.values()))
    await entries.add_vectors(shelf.database, shelf.base_id, "words@2", list(texts), vectors)
    await shelf.database.execute("UPDATE knowledge_base SET embedder = 'words@2', revision = revision + 1")
    for _ in range(3):
        counted += [passage.similarity for passage in await shelf.found("visa") if passage.source != "7.md"]
    assert min(counted) > max(random)
    assert counting.matrices == 2


async def test_what_a_base_was_like_is_asked_of_postgresql(shelf: Shelf, counting: Counting) -> None:
    then = await shelf.revision()
    await shelf.put("7.md", "An umbrella.")
    for _ in range(3):
        assert (await shelf.found("Nothing but a visa", as_of=then))[0].source == "7.md"
    assert not counting.matrices


async def test_vectors_that_come_later_are_found_without_a_new_revision(shelf: Shelf, counting: Counting) -> None:
    await shelf.put("new.md", "A parasol.", embed=False)
    [row] = await shelf.database.rows("SELECT text_hash FROM chunk WHERE body = 'A parasol.'")
    for _ in range(3):
        found = await shelf.found("parasol", top_k=100)
        assert [one.similarity for one in found if one.source == "new.md"] == [0]
    vectors = await CountedWords()(["A parasol."])
    await entries.add_vectors(shelf.database, shelf.base_id, "words@1", [row["text_hash"]], vectors)
    for _ in range(3):
        assert (await shelf.found("parasol"))[0].similarity == pytest.approx(1, abs=1e-2)
    assert counting.matrices == 1  # what lacked a vector is not read again at this revision


async def test_a_base_with_a_vector_store_asks_that(shelf: Shelf, counting: Counting) -> None:
    class Nothing(Nearby):
        asked = 0

        def serves(self, base: str) -> bool:
            return base == NAME

        async def __call__(self, *_: object) -> None:
            self.asked += 1

    nearby = Nothing(counting, None)  # type: ignore[arg-type]
    shelf.search = Searcher(counting, shelf.search._embedders, lambda base: "internal", nearby=nearby)
    for _ in range(3):
        assert (await shelf.found("Nothing but a visa"))[0].source == "7.md"
    assert (nearby.asked, counting.matrices) == (3, 0)


async def test_searches_are_counted_of_the_latest_only(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "_MOST_SEEN", 3)
    monkeypatch.setattr(matrices, "_LARGEST_BYTES", 4 * DIMS * 200)
    snapshot = await Snapshots(shelf.database).of(NAME)
    kept = Matrices(shelf.database)
    parts = [
        (
            await wanted(shelf, snapshot, (), Condition("odd", "eq", 1), Condition("source", "ne", f"{number}.md"))
        ).scope
        for number in range(9)
    ]
    assert [await kept.of(snapshot, part) for part in parts] == [None] * 9
    assert len(kept._searches) == 3
    assert await kept.of(snapshot, parts[0]) is None
    assert await kept.of(snapshot, parts[-1]) is not None


async def test_memory_is_bounded_and_what_is_asked_for_again_comes_back(shelf: Shelf) -> None:
    snapshot, matrix = await known(shelf)
    kept = Matrices(shelf.database, room_bytes=matrix.size_bytes - 1)
    assert await kept.of(snapshot) is None
    assert await kept.of(snapshot) is not None  # for this search, though there is no room to keep it
    assert await kept.of(snapshot) is None
    roomy = Matrices(shelf.database)
    first = [await roomy.of(snapshot) for _ in range(3)]
    assert first[0] is None
    assert first[1] is first[2]
