"""A question is embedded while the base is looked at, by whoever made the vectors last: a guess, and no more."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from shelf import DIMS, NAME, SOMEBODY, Shelf

from steadyhand.errors import NotFound
from steadyhand.knowledge.embedding.embedders import LocalEmbedder
from steadyhand.knowledge.index import entries
from steadyhand.knowledge.search.searcher import Searcher
from steadyhand.storage import Database
from steadyhand.types.ports import Vectors
from steadyhand.types.search import SearchRequest

WORDS = ("hotels", "trains")


class Axes:
    """A local model with one axis for each word, counted from `first` on; it counts what it embeds."""

    def __init__(self, number: int) -> None:
        self.id = f"axes@{number}"
        self.first = 8 * number
        self.asked = 0

    def __call__(self, texts: Sequence[str]) -> Vectors:
        at = [self.first + WORDS.index(text) for text in texts]
        return np.eye(DIMS, dtype=np.float32)[at]

    def questions(self, texts: Sequence[str]) -> Vectors:
        self.asked += 1
        return self(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [3] * len(texts)


class Several:
    """The embedders of a workspace that has two, opened when they are needed."""

    def __init__(self) -> None:
        self.models = {model.id: model for model in (Axes(1), Axes(2))}
        self.open: dict[str, LocalEmbedder] = {}

    async def of(self, embedder_id: str, base: str) -> LocalEmbedder:
        del base
        if embedder_id not in self.open:
            self.open[embedder_id] = LocalEmbedder(self.models[embedder_id])
        return self.open[embedder_id]

    def asked(self) -> list[int]:
        return [model.asked for model in self.models.values()]


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    made = Several()
    yield made
    for embedder in made.open.values():
        embedder.close()


@pytest.fixture
async def shelf(database: Database, several: Several) -> Shelf:
    """Two documents with the vectors of both models; searches read those of the first."""
    made = await Shelf.of(database)
    for word in WORDS:
        await made.put(f"{word}.md", word, embed=False)
    rows = await database.rows("SELECT text_hash, body FROM chunk")
    for model in several.models.values():
        vectors = model([row["body"] for row in rows])
        await entries.add_vectors(database, made.base_id, model.id, [row["text_hash"] for row in rows], vectors)
    await switch(made, "axes@1")
    made.search = Searcher(database, several, lambda base: "internal", dense_weight=1.0)  # type: ignore[arg-type]
    return made


async def switch(shelf: Shelf, embedder: str) -> None:
    await shelf.database.execute("UPDATE knowledge_base SET embedder = %s, revision = revision + 1", [embedder])


async def test_a_question_is_embedded_once_and_again_after_a_switch(shelf: Shelf, several: Several) -> None:
    asked = []
    for embedder in ("axes@1", "axes@1", "axes@2", "axes@2"):
        await switch(shelf, embedder)
        best = (await shelf.found("trains"))[0]
        assert (best.source, best.similarity) == ("trains.md", 1)  # by vectors of one model
        asked.append(several.asked())
    assert asked == [[1, 0], [2, 0], [3, 1], [3, 2]]


async def test_searches_on_both_sides_of_a_switch_compare_vectors_of_one_model(
    shelf: Shelf, several: Several
) -> None:
    async def searched() -> None:
        for _ in range(5):
            best = (await shelf.found("hotels"))[0]
            assert (best.source, best.similarity) == ("hotels.md", 1)

    async def switched() -> None:
        for number in range(10):
            await switch(shelf, f"axes@{number % 2 + 1}")
            await asyncio.sleep(0)

    await asyncio.gather(switched(), *[searched() for _ in range(6)])
    assert all(several.asked())


async def test_a_model_that_made_room_for_others_is_not_held_in_memory(shelf: Shelf, several: Several) -> None:
    await shelf.found("hotels")
    assert NAME in shelf.search._last
    several.open.popitem()[1].close()
    gc.collect()
    assert NAME not in shelf.search._last
    assert (await shelf.found("hotels"))[0].source == "hotels.md"


async def test_a_base_that_is_not_there_is_said_whatever_was_guessed(shelf: Shelf) -> None:
    await shelf.found("hotels")
    await shelf.database.execute("UPDATE knowledge_base SET name = 'other'")
    request = SearchRequest(knowledge_base=NAME, queries=("hotels",), principal=SOMEBODY)
    with pytest.raises(NotFound, match="none named 'shelf'"):
        await shelf.search(request)
