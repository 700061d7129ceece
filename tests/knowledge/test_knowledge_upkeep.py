"""Declared sources are followed when asked and when it is time, by jobs that need nobody to wait for them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from steadyhand.errors import NotFound, SourceVanished, SteadyhandError
from steadyhand.knowledge.ingest.following import Progress
from steadyhand.knowledge.ingest.upkeep import Asked
from steadyhand.storage import Row
from steadyhand.workspace import AsyncWorkspace

SETTINGS = """
database_url = "{url}"
models_dir = "{models}"

[knowledge.notes]
sources = ["notes", {{ path = "board", access = ["board"], every = "1h" }}]
access = ["staff"]
labels = {{ "*secret*" = ["owner"] }}
"""


@pytest.fixture
async def opened(tmp_path: Path, database_url: str, models_folder: Path) -> AsyncIterator[AsyncWorkspace]:
    (tmp_path / "features").mkdir()
    (tmp_path / "steadyhand.toml").write_text(SETTINGS.format(url=database_url, models=models_folder))
    for folder, name in (("notes", "plan"), ("notes", "secret-plan"), ("board", "pay")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.md").write_text(f"# {name}\n\nWhat is said about {name}.\n")
    async with await AsyncWorkspace.open(tmp_path) as workspace:
        yield workspace


async def followed(workspace: AsyncWorkspace) -> list[Progress]:
    steps = []
    for source in await workspace.upkeep.ask("notes"):
        steps += [step async for step in workspace.upkeep.follow(source)]
    return steps


async def live(workspace: AsyncWorkspace) -> list[Row]:
    return await workspace.database.rows(
        "SELECT d.path, d.labels FROM document d JOIN document_version v ON v.document_id = d.id"
        " WHERE v.died_at IS NULL ORDER BY d.path"
    )


async def until_live(workspace: AsyncWorkspace, count: int) -> None:
    async with asyncio.timeout(60):
        while len(await live(workspace)) != count:
            await asyncio.sleep(0.1)


async def test_jobs_bring_declared_sources_in_with_their_labels(opened: AsyncWorkspace) -> None:
    asked = await opened.upkeep.ask("notes")
    opened.jobs.start()
    steps = [step async for source in asked_each(opened, asked) async for step in source]
    assert {step.path: step.outcome for step in steps} == dict.fromkeys(
        ["pay.md", "plan.md", "secret-plan.md"], "added"
    )
    assert await opened.upkeep.outcomes(asked) == {"added": 3}
    assert await live(opened) == [
        {"path": "pay.md", "labels": ["board"]},
        {"path": "plan.md", "labels": ["staff"]},
        {"path": "secret-plan.md", "labels": ["owner"]},
    ]


async def test_declared_sources_are_known_before_they_are_looked_at(opened: AsyncWorkspace) -> None:
    found = await opened.upkeep.followed("notes")
    assert [(one.place, one.every, one.status) for one in found] == [("notes", "", None), ("board", "1h", None)]


@pytest.mark.parametrize(("minutes", "looked"), [(59.6, True), (59.4, False)])
async def test_a_source_is_looked_at_in_the_minute_that_is_nearest_to_its_time(
    opened: AsyncWorkspace, minutes: float, looked: bool
) -> None:
    opened.jobs.start()
    await followed(opened)
    await opened.database.execute("UPDATE source SET began_at = now() - make_interval(secs => %s)", [60 * minutes])
    before = (await opened.upkeep.followed("notes"))[1].status
    await opened.upkeep._look({})
    await until_idle(opened)
    after = (await opened.upkeep.followed("notes"))[1].status
    assert before is not None
    assert after is not None
    assert (after.round > before.round) is looked


async def test_a_server_does_not_give_back_labels_that_were_taken_away_while_it_runs(
    opened: AsyncWorkspace,
) -> None:
    opened.jobs.start()
    await followed(opened)
    file = opened.settings.root / "steadyhand.toml"
    older = file.read_text()
    newer = older.replace('["board"]', '["chair"]').replace('["staff"]', '["boss"]')
    for text in (newer, "broken ="):
        file.write_text(text)
        await followed(opened)
        assert [row["labels"] for row in await live(opened)] == [["chair"], ["boss"], ["owner"]]


async def asked_each(workspace: AsyncWorkspace, asked):
    for source in asked:
        yield workspace.upkeep.follow(source)


async def until_idle(workspace: AsyncWorkspace) -> None:
    while await workspace.database.rows("SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"):
        await asyncio.sleep(0.02)


async def test_a_listener_that_goes_away_stops_nothing(opened: AsyncWorkspace) -> None:
    opened.jobs.start()
    first, *_ = await opened.upkeep.ask("notes")
    async with aclosing(opened.upkeep.follow(first)) as steps:
        await anext(steps)
    await until_live(opened, 3)


async def test_who_listens_hears_why_a_sync_ended_early(opened: AsyncWorkspace) -> None:
    opened.jobs.start()
    await followed(opened)
    for path in (opened.settings.root / "notes").iterdir():
        path.unlink()
    with pytest.raises(SourceVanished, match="2 of 2 are gone"):
        await followed(opened)
    assert len(await live(opened)) == 3


async def test_who_listens_hears_of_a_job_that_could_not_begin(opened: AsyncWorkspace) -> None:
    asked = await opened.upkeep.ask("notes")
    shutil.rmtree(opened.settings.root / "board")
    opened.jobs.start()
    with pytest.raises(SteadyhandError, match="nobody does it any more"):
        async with asyncio.timeout(30), aclosing(opened.upkeep.follow(asked[0])) as steps:
            await anext(steps)


async def test_who_waits_for_another_process_hears_when_that_is_gone(opened: AsyncWorkspace) -> None:
    opened.jobs.start()
    await followed(opened)
    await opened.database.execute("UPDATE source SET holder = 9999, state = 'bringing', ended_at = NULL")
    [first, *_] = opened.upkeep.sources("notes")
    assert await opened.upkeep.running("notes", first) is None
    origin = (await opened.upkeep.followed("notes"))[0].status.origin
    steps = opened.upkeep.follow(Asked("notes", origin, 1))
    with pytest.raises(SteadyhandError, match="nobody does it any more"):
        await asyncio.wait_for(anext(steps), 30)


async def test_what_is_not_there_is_said_before_anything_is_asked_for(opened: AsyncWorkspace) -> None:
    shutil.rmtree(opened.settings.root / "board")
    with pytest.raises(NotFound, match="board") as said:
        await opened.upkeep.ask("notes")
    assert said.value.hint == "is it mounted? [knowledge.notes] sources names it"
    assert await opened.database.rows("SELECT 1 FROM procrastinate_jobs") == []


async def test_a_source_whose_time_has_come_is_looked_at_and_no_other(opened: AsyncWorkspace) -> None:
    opened.jobs.start()
    await opened.jobs.defer("knowledge.look", {})
    await until_live(opened, 1)
    await until_idle(opened)  # the minute's own look may have asked for the same, a moment before it had begun
    assert [row["path"] for row in await live(opened)] == ["pay.md"]
    (opened.settings.root / "board" / "new.md").write_text("# New\n\nIt is new.\n")
    await opened.jobs.defer("knowledge.look", {})
    await asyncio.sleep(0.5)
    assert len(await live(opened)) == 1
    await opened.database.execute("UPDATE source SET began_at = began_at - interval '61 minutes'")
    await opened.jobs.defer("knowledge.look", {})
    await until_live(opened, 2)
