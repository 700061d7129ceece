"""Small bases are compared in memory: the same candidates as PostgreSQL's, and nothing that is no longer so."""

from collections.abc import Sequence

import numpy as np
import pytest
from shelf import DIMS, NAME, SOMEBODY, CountedWords, Shelf

from steadyhand.knowledge.index import entries
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
    statements = 0

    async def rows(self, sql: str, params: Params = ()) -> list[Row]:
        self.statements += 1
        return await super().rows(sql, params)


async def test_a_base_that_stays_as_it_is_is_searched_with_two_statements(shelf: Shelf) -> None:
    counting = Counting(shelf.database.url, max_connections=2)
    await counting.open()
    shelf.search = Searcher(counting, shelf.search._embedders, lambda base: "internal")
    before = await shelf.found("visa")
    await shelf.found("visa")
    counting.statements = 0
    after = await shelf.found("visa")
    assert counting.statements == 2
    await counting.close()
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
