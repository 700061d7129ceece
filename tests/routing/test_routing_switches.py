"""What people switch off is off in every process, also while the database is away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from steadyhand.errors import DatabaseUnavailable, InvalidInput
from steadyhand.routing.switches import Off, Switches, SwitchStore, Watch
from steadyhand.storage import Database
from steadyhand.types.ids import ModelId

MINI = ModelId("openai:gpt-4o-mini")
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store(database: Database) -> AsyncIterator[SwitchStore]:
    yield SwitchStore(database)
    await database.execute("DELETE FROM switch_off")


@pytest.mark.parametrize(
    ("target", "stops", "spares"),
    [
        ("openai:gpt-4o-mini", (MINI, "triage"), (ModelId("openai:gpt-4o"), "triage")),
        ("provider:openai", (MINI, "triage"), (ModelId("mistral:small"), "triage")),
        ("feature:triage", (MINI, "triage"), (MINI, "answers")),
        ("*", (MINI, ""), None),
    ],
)
def test_a_target_stops_what_it_names_and_nothing_else(
    target: str, stops: tuple[ModelId, str], spares: tuple[ModelId, str] | None
) -> None:
    switches = Switches()
    assert switches(*stops) == ""
    switches.replace([Off(target, "wrong totals", "ann", AT)])
    assert "ann switched" in switches(*stops)
    assert "wrong totals" in switches(*stops)
    assert spares is None or switches(*spares) == ""
    switches.replace([])
    assert switches(*stops) == ""


async def test_the_store_keeps_the_last_word_on_each_target(store: SwitchStore) -> None:
    await store.off("provider:openai", reason="first", by="ann")
    await store.off("provider:openai", reason="second", by="bob")
    [found] = await store.all()
    assert (found.target, found.reason, found.by) == ("provider:openai", "second", "bob")
    assert await store.on("provider:openai")
    assert not await store.on("provider:openai")
    assert await store.all() == []


@pytest.mark.parametrize("target", ["", "gpt-4o", "provider:", ":x"])
async def test_a_target_that_names_nothing_is_refused(store: SwitchStore, target: str) -> None:
    with pytest.raises(InvalidInput, match="expected provider:name"):
        await store.off(target, reason="x", by="ann")


async def test_a_process_learns_of_a_switch_within_its_next_look(store: SwitchStore) -> None:
    switches = Switches()
    watch = await Watch(store, switches, every_s=0.01).start()
    await store.off("*", reason="stop", by="ann")
    async with asyncio.timeout(5):
        while not switches(MINI):
            await asyncio.sleep(0.01)
    await store.on("*")
    async with asyncio.timeout(5):
        while switches(MINI):
            await asyncio.sleep(0.01)
    await watch.close()


async def test_a_process_knows_before_its_first_run_what_is_off(store: SwitchStore) -> None:
    await store.off("*", reason="stop", by="ann")
    switches = Switches()
    watch = await Watch(store, switches).start()
    assert switches(MINI)
    await watch.close()


async def test_while_the_database_is_away_the_last_known_state_counts() -> None:
    looks: list[int] = []

    class Away(SwitchStore):
        async def all(self) -> list[Off]:
            looks.append(1)
            if len(looks) > 1:
                raise DatabaseUnavailable("gone")
            return [Off("*", "stop", "ann", AT)]

    switches = Switches()
    watch = await Watch(Away(None), switches, every_s=0.001).start()  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        while len(looks) < 3:
            await asyncio.sleep(0.001)
    assert switches(MINI)
    await watch.close()
