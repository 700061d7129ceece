"""A run's documents can be read again as they were: its snapshot names them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from steadyhand.types.search import Finish, SearchRequest
from steadyhand.workspace import OWNER, AsyncWorkspace

CONTRACT = """
name = "answers"
purpose = "Answers from the notes."
owner = "test"
[input]
question = "text"
[output]
answer = "text"
found = "boolean"
[knowledge]
base = "notes"
expand = true
max_tokens = 2000
[models]
try = ["local:extractive"]
"""
HOTEL = "Hotels cost at most 120 EUR a night."


@pytest.fixture
async def workspace(tmp_path: Path, database_url: str, models_folder: Path) -> AsyncIterator[AsyncWorkspace]:
    (tmp_path / "steadyhand.toml").write_text(f'database_url = "{database_url}"\nmodels_dir = "{models_folder}"\n')
    (tmp_path / "features" / "answers").mkdir(parents=True)
    (tmp_path / "features" / "answers" / "feature.toml").write_text(CONTRACT)
    (tmp_path / "knowledge" / "notes").mkdir(parents=True)
    (tmp_path / "knowledge" / "notes" / "travel.md").write_text(f"# Travel\n\n{HOTEL}\n")
    (tmp_path / "knowledge" / "notes" / "leave.md").write_text("# Leave\n\nEverybody has 30 days of vacation.\n")
    async with await AsyncWorkspace.open(tmp_path) as opened:
        yield opened


async def test_the_snapshot_of_a_run_gives_its_passages_again(workspace: AsyncWorkspace, tmp_path: Path) -> None:
    await _synced(workspace)
    asked = {"question": "What may a hotel cost?"}
    answer = await workspace.run("answers", asked)
    assert [item.quote for item in answer.evidence] == [HOTEL]
    travel = tmp_path / "knowledge" / "notes" / "travel.md"
    travel.write_text("# Travel\n\nHotels cost at most 90 EUR a night.\n")
    await _synced(workspace)
    base, _, revision = answer.snapshot.partition("@")
    request = SearchRequest(
        knowledge_base=base,
        queries=(asked["question"],),
        principal=OWNER,
        finish=Finish(expand=True, diversity=0.0),
    )
    then = await workspace.finder(replace(request, as_of=int(revision)))
    trace = await workspace.ledger.trace(answer.run_id)
    assert [(row["version_id"], row["page"], row["start"], row["stop"]) for row in trace.retrievals] == [
        (it.version_id, it.page, it.start, it.end) for it in then.passages
    ]
    assert then.snapshot == answer.snapshot
    assert HOTEL in then.passages[0].text
    assert HOTEL not in (await workspace.finder(request)).passages[0].text


async def test_a_citation_opens_the_version_that_was_quoted(workspace: AsyncWorkspace, tmp_path: Path) -> None:
    await _synced(workspace)
    [quoted] = (await workspace.run("answers", {"question": "What may a hotel cost?"})).evidence
    travel = tmp_path / "knowledge" / "notes" / "travel.md"
    travel.write_text("# Travel\n\nNothing.\n\nHotels cost at most 90 EUR a night.\n")
    await _synced(workspace)
    page = await workspace.knowledge.page("notes", "travel.md", quoted.page, OWNER, quoted.version_id)
    assert page is not None
    assert page["content"][quoted.start - page["start"] : quoted.end - page["start"]] == quoted.quote
    now = await workspace.knowledge.page("notes", "travel.md", quoted.page, OWNER)
    assert now is not None
    assert quoted.quote not in now["content"]
    travel.unlink()
    await _synced(workspace)
    assert await workspace.knowledge.page("notes", "travel.md", quoted.page, OWNER, quoted.version_id) is None


async def _synced(workspace: AsyncWorkspace) -> None:
    async for _ in workspace.sync("notes"):
        pass
