"""What is remembered of a base between searches stays true, whoever searches at the same time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from shelf import NAME, Shelf

from steadyhand.knowledge.erase import erase_base
from steadyhand.knowledge.index import snapshots
from steadyhand.knowledge.index.snapshots import Snapshot, Snapshots
from steadyhand.storage import Database
from steadyhand.storage.database import Params, Row


class Interrupted(Database):
    """Something happens `meanwhile`: behind the first read of one row, before its reader goes on."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def row(self, sql: str, params: Params = ()) -> Row | None:
        found = await super().row(sql, params)
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            await meanwhile()
        return found


@pytest.fixture
async def interrupted(database: Database) -> AsyncIterator[Interrupted]:
    opened = Interrupted(database.url, max_connections=2)
    await opened.open()
    yield opened
    await opened.close()


def living(snapshot: Snapshot) -> list[int]:
    return [slot for slot in range(snapshot.slot_count) if snapshot.alive is None or snapshot.alive[slot]]


async def test_a_base_that_is_made_again_is_another_one_for_all_who_search_it(database: Database) -> None:
    shelf = await Shelf.of(database)
    await shelf.put("a.md", "Hotels.", "Trains.")
    await shelf.remove("a.md")
    await shelf.put("b.md", "Planes.")
    kept = Snapshots(database)
    assert living(await kept.of(NAME)) == [2]
    await erase_base(database, NAME)
    shelf = await Shelf.of(database)
    await shelf.put("c.md", "Ships.")
    found = await asyncio.gather(*[kept.of(NAME) for _ in range(4)])
    assert [(one.base_id, living(one), one.held) for one in found] == [(shelf.base_id, [0], 1)] * 4


async def test_a_slow_search_forgets_no_death_that_a_quick_one_saw(
    database: Database, interrupted: Interrupted
) -> None:
    shelf = await Shelf.of(database)
    for path in ("a.md", "b.md", "c.md"):
        await shelf.put(path, f"Hotels of {path}.")
    kept = Snapshots(interrupted)
    await shelf.remove("a.md")
    assert living(await kept.of(NAME)) == [1, 2]

    async def quick() -> None:
        await shelf.remove("b.md")
        assert living(await kept.of(NAME)) == [2]

    interrupted.meanwhile = quick
    assert living(await kept.of(NAME)) == [1, 2]  # as it was when it was read
    assert living(await kept.of(NAME)) == [2]


async def test_searches_of_many_other_bases_do_not_bring_dead_chunks_back(
    database: Database, interrupted: Interrupted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_MOST_BASES", 1)
    await database.execute("INSERT INTO knowledge_base (name, embedder) VALUES ('other', 'words@1')")
    shelf = await Shelf.of(database)
    await shelf.put("a.md", "Hotels.")
    await shelf.put("b.md", "Trains.")
    await shelf.remove("a.md")
    kept = Snapshots(interrupted)
    assert living(await kept.of(NAME)) == [1]
    interrupted.meanwhile = lambda: kept.of("other")  # there is room for one
    assert living(await kept.of(NAME)) == [1]
    assert living(await kept.of(NAME)) == [1]
