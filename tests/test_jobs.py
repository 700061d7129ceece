"""Jobs are done once they are asked for, by whoever is there, and are not lost with the process that did them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from steadyhand.errors import InvalidInput, SchemaNewer, SourceUnreadable
from steadyhand.jobs import queue
from steadyhand.jobs.queue import Arguments, Jobs
from steadyhand.storage import Database, migrate


class Doing:
    """A task that counts what it does, fails as often as it is told, and may be held."""

    def __init__(self) -> None:
        self.done: list[Arguments] = []
        self.failures: list[Exception] = []
        self.seen = asyncio.Event()
        self.held: asyncio.Event | None = None

    async def __call__(self, arguments: Arguments) -> None:
        self.done.append(arguments)
        self.seen.set()
        if self.held:
            await self.held.wait()
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
async def jobs(database: Database) -> AsyncIterator[Jobs]:
    opened = Jobs(database.url)
    await opened.open()
    yield opened
    await opened.close()


async def until(condition, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def left(database: Database) -> list[dict[str, object]]:
    return await database.rows("SELECT task_name, status::text, attempts FROM procrastinate_jobs ORDER BY id")


async def test_a_job_is_done_with_its_arguments_and_leaves_nothing(jobs: Jobs, database: Database) -> None:
    doing = Doing()
    jobs.add("count", doing)
    assert await jobs.defer("count", {"base": "notes", "deep": [1, {"a": None}]})
    jobs.start()
    await asyncio.wait_for(doing.seen.wait(), 30)

    async def is_empty() -> bool:
        return not await left(database)

    await until(is_empty)
    assert doing.done == [{"base": "notes", "deep": [1, {"a": None}]}]


async def test_of_a_key_one_job_waits_and_one_runs(jobs: Jobs, database: Database) -> None:
    doing = Doing()
    doing.held = asyncio.Event()
    jobs.add("count", doing)
    assert await jobs.defer("count", {"number": 1}, key="notes")
    assert not await jobs.defer("count", {"number": 2}, key="notes")
    jobs.start()
    await asyncio.wait_for(doing.seen.wait(), 30)
    assert await jobs.defer("count", {"number": 3}, key="notes")
    await asyncio.sleep(0.3)
    assert doing.done == [{"number": 1}]
    doing.held.set()

    async def is_empty() -> bool:
        return not await left(database)

    await until(is_empty)
    assert doing.done == [{"number": 1}, {"number": 3}]


async def deferred(jobs: Jobs, database: Database, error: Exception | None = None) -> None:
    async with database.transaction() as transaction:
        await jobs.defer("count", {}, transaction=transaction)
        if error:
            raise error


async def test_a_job_is_asked_for_with_the_transaction_or_not_at_all(jobs: Jobs, database: Database) -> None:
    jobs.add("count", Doing())
    with pytest.raises(InvalidInput):
        await deferred(jobs, database, InvalidInput("changed my mind"))
    assert await left(database) == []
    await deferred(jobs, database)
    assert len(await left(database)) == 1


async def test_what_may_pass_is_tried_again_and_what_may_not_is_kept_as_failed(
    jobs: Jobs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_PAUSE_S", 0.0)
    passing, broken = Doing(), Doing()
    passing.failures = [SourceUnreadable("not mounted"), SourceUnreadable("not mounted")]
    broken.failures = [InvalidInput("never")]
    jobs.add("passing", passing)
    jobs.add("broken", broken)
    await jobs.defer("passing", {})
    await jobs.defer("broken", {})
    jobs.start()

    async def is_over() -> bool:
        return await left(database) == [{"task_name": "broken", "status": "failed", "attempts": 1}]

    await until(is_over)
    assert len(passing.done) == 3
    assert len(broken.done) == 1


async def test_the_job_of_a_worker_that_died_is_done_by_another(
    jobs: Jobs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    doing = Doing()
    jobs.add("count", doing)
    await jobs.defer("count", {"number": 1}, key="notes")
    await database.execute(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')"
    )
    taken = await database.rows(
        "SELECT id FROM procrastinate_fetch_job_v2(NULL, (SELECT max(id) FROM procrastinate_workers))"
    )
    assert len(taken) == 1
    jobs.start()
    await asyncio.wait_for(doing.seen.wait(), 30)
    assert doing.done == [{"number": 1}]


async def test_a_database_of_a_newer_job_library_is_refused(database: Database) -> None:
    await database.execute("INSERT INTO job_schema (change) VALUES ('99.00.00_01_future')")
    with pytest.raises(SchemaNewer, match=r"99\.00\.00_01_future"):
        await asyncio.to_thread(migrate.upgrade, database.url)


async def test_a_database_of_an_older_job_library_is_brought_forward(database: Database) -> None:
    row = await database.row(
        "DELETE FROM job_schema WHERE change = (SELECT max(change) FROM job_schema) RETURNING change"
    )
    assert row is not None
    applied = await asyncio.to_thread(migrate.upgrade, database.url)
    assert applied == [row["change"]]
    assert await asyncio.to_thread(migrate.upgrade, database.url) == []
