"""The cache on a real database: what is kept, for how long, and what happens when it cannot be."""

from datetime import UTC, datetime, timedelta

import pytest

from steadyhand.caching.store import ResponseCache
from steadyhand.storage import Database

KEY, OTHER = b"k" * 32, b"o" * 32


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(database: Database, clock: Clock) -> ResponseCache:
    return ResponseCache(database, clock)


async def test_an_answer_is_given_again_until_its_time_is_over(cache: ResponseCache, clock: Clock) -> None:
    assert await cache.get(KEY) is None
    await cache.put(KEY, b"answer", 30, "RUN")
    assert await cache.get(KEY) == b"answer"
    clock.tick(29.9)
    assert await cache.get(KEY) == b"answer"
    clock.tick(0.1)
    assert await cache.get(KEY) is None


async def test_an_answer_is_there_for_other_processes(database: Database, clock: Clock) -> None:
    one, other = ResponseCache(database, clock), ResponseCache(database, clock)
    await one.put(KEY, b"answer", 3_600, "RUN")
    assert await other.get(KEY) == b"answer"
    clock.tick(3_599)
    assert await other.get(KEY) == b"answer"
    clock.tick(1)
    assert await other.get(KEY) is None


async def test_a_later_answer_takes_the_place_of_an_earlier(cache: ResponseCache) -> None:
    await cache.put(KEY, b"one", 60, "RUN1")
    await cache.put(KEY, b"two", 60, "RUN2")
    assert await cache.get(KEY) == b"two"
    assert await cache.forget(["RUN1"]) == 0


async def test_a_forgotten_run_answers_nobody_any_more(database: Database, clock: Clock) -> None:
    one, other = ResponseCache(database, clock), ResponseCache(database, clock)
    await one.put(KEY, b"answer", 3_600, "RUN")
    await one.put(OTHER, b"answer", 3_600, "RUN2")
    await other.get(KEY)
    assert await one.forget(["RUN"]) == 1
    assert await one.get(KEY) is None
    clock.tick(60)
    assert await other.get(KEY) is None
    assert await other.get(OTHER) == b"answer"
    assert await one.clear() == 1
    assert await one.get(OTHER) is None


async def test_what_is_over_and_what_is_too_much_is_swept_away(database: Database, clock: Clock) -> None:
    cache = ResponseCache(database, clock, most_rows=3)
    for number in range(6):
        await cache.put(bytes([number]) * 32, b"answer", 10 if number == 5 else 100, f"RUN{number}")
        clock.tick(1)
    clock.tick(20)
    assert await cache.sweep() == 3
    rows = await database.rows("SELECT run_id FROM response_cache ORDER BY run_id")
    assert [row["run_id"] for row in rows] == ["RUN2", "RUN3", "RUN4"]


async def test_a_long_answer_is_not_kept(cache: ResponseCache, database: Database) -> None:
    await cache.put(KEY, b"x" * 256_001, 60, "RUN")
    await cache.put(OTHER, b"x" * 256_000, 60, "RUN")
    assert await cache.get(KEY) is None
    assert len(await cache.get(OTHER) or b"") == 256_000


async def test_a_cache_that_cannot_be_reached_costs_no_answer(
    cache: ResponseCache, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database.execute("ALTER TABLE response_cache RENAME TO gone")
    await cache.put(KEY, b"answer", 60, "RUN")
    assert await cache.get(KEY) is None
    assert "the response cache cannot be written" in caplog.text
    assert "the response cache cannot be read" in caplog.text
