"""The report names what wants a look, and nothing else; the commands say it."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from steadyhand.errors import NotFound
from steadyhand.knowledge.care import report
from steadyhand.knowledge.care.report import Bounds
from steadyhand.workspace import AsyncWorkspace

FEATURE = """
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
[models]
try = ["local:extractive"]
"""
CACHED = FEATURE.replace('"answers"', '"cached"') + '[cache]\nttl = "1h"\n'
NOTES = {
    "travel.md": "# Travel\n\nHotels cost at most 120 EUR a night. Trains come before planes.\n",
    "hotels.md": "# Hotels\n\nA hotel may cost up to 130 EUR per night.\n",
    "leave.md": "# Leave\n\nEverybody has thirty free days, and more after ten years in the company, as agreed upon.\n",
    "copy.md": "# Leave\n\nEverybody has thirty free days, and more after ten years in the company, as agreed upon.\n",
    "empty.md": "",
}


@pytest.fixture(scope="module")
async def workspace(
    server, template: str, tmp_path_factory: pytest.TempPathFactory, models_folder: Path
) -> AsyncIterator[AsyncWorkspace]:
    from databases import copied

    root = tmp_path_factory.mktemp("care")
    for name, contract in {"answers": FEATURE, "cached": CACHED}.items():
        (root / "features" / name).mkdir(parents=True)
        (root / "features" / name / "feature.toml").write_text(contract)
    (root / "knowledge" / "notes").mkdir(parents=True)
    for name, text in NOTES.items():
        (root / "knowledge" / "notes" / name).write_text(text)
    with copied(server.url, template) as url:
        (root / "steadyhand.toml").write_text(f'database_url = "{url}"\nmodels_dir = "{models_folder}"\n')
        async with await AsyncWorkspace.open(root) as opened:
            async for _ in opened.sync("notes"):
                pass
            yield opened


async def test_failed_duplicate_and_contradicting_documents_are_named(workspace: AsyncWorkspace) -> None:
    found = await workspace.knowledge_report("notes")
    assert [remark.path for remark in found.failed] == ["empty.md"]
    assert [(pair.first, pair.second) for pair in found.duplicates] == [("copy.md", "leave.md")]
    assert [said.source for said in found.contradictions[0].statements] == ["hotels.md", "travel.md"]
    assert (found.documents, found.runs, found.stale, found.overdue) == (4, 0, (), ())
    assert found.problems == 3
    assert "no run searched here" in found.remarks[0]


async def test_documents_that_are_old_or_past_their_review_are_stale(workspace: AsyncWorkspace) -> None:
    database, today = workspace.database, datetime.now(UTC).date()
    await database.execute("UPDATE document SET review_by = %s WHERE path = 'leave.md'", [today - timedelta(1)])
    later = today + timedelta(days=report.OLD_DAYS + 2)
    found = await report.report(database, workspace.ledger, "notes", Bounds(), today)
    assert [remark.path for remark in found.stale] == ["leave.md"]
    found = await report.report(database, workspace.ledger, "notes", Bounds(), later)
    assert [remark.path for remark in found.stale] == ["leave.md", "copy.md", "hotels.md", "travel.md"]
    await database.execute("UPDATE document SET review_by = NULL")


async def test_a_day_of_review_that_is_none_is_named(workspace: AsyncWorkspace) -> None:
    path = workspace.settings.root / "knowledge" / "notes" / "leave.md"
    path.write_text(f"---\nreview_by: soon\n---\n{NOTES['leave.md']}")
    _ = [step async for step in workspace.sync("notes")]
    [remark] = (await workspace.knowledge_report("notes")).stale
    assert remark.path == "leave.md"
    assert remark.reason == "expected a day such as 2027-01-31 as its review_by; found 'soon'"
    path.write_text(NOTES["leave.md"])
    _ = [step async for step in workspace.sync("notes")]
    assert (await workspace.knowledge_report("notes")).stale == ()


async def test_sources_that_are_not_looked_at_in_their_time_are_overdue(workspace: AsyncWorkspace) -> None:
    bounds, today = Bounds(every_s={"knowledge/notes": 3_600}), date(2026, 1, 1)
    database = workspace.database
    assert (await report.report(database, workspace.ledger, "notes", bounds, today)).overdue == ()
    await database.execute("UPDATE source SET ended_at = now() - interval '3 hours'")
    [remark] = (await report.report(database, workspace.ledger, "notes", bounds, today)).overdue
    assert remark.path == "knowledge/notes"
    assert "every 3,600 s" in remark.reason


async def test_the_ledger_tells_what_is_never_retrieved_and_what_found_little(workspace: AsyncWorkspace) -> None:
    database = workspace.database
    await workspace.run("answers", {"question": "How much may a hotel cost a night?"})
    for _ in range(2):
        await workspace.run("answers", {"question": "Who won the chess game on Mars?"})
    await database.execute("UPDATE retrieval SET source = 'hotels.md'")
    await database.execute("UPDATE document_version SET born_at = now() - interval '200 days'")
    found = await workspace.knowledge_report("notes")
    assert found.runs == 3
    assert found.never_retrieved == ("copy.md", "leave.md", "travel.md")
    assert [weak.question for weak in found.weak] == ["Who won the chess game on Mars?"]


async def test_answers_out_of_the_cache_searched_nothing(workspace: AsyncWorkspace) -> None:
    before = await workspace.knowledge_report("notes")
    asked = [await workspace.run("cached", {"question": "How many free days has everybody?"}) for _ in range(3)]
    assert [str(run.model).startswith("cache:") for run in asked] == [False, True, True]
    found = await workspace.knowledge_report("notes")
    assert found.runs == before.runs + 1
    assert found.weak == before.weak


async def test_a_base_that_is_not_there_is_named(workspace: AsyncWorkspace) -> None:
    with pytest.raises(NotFound, match="found none named 'nothing'"):
        await workspace.knowledge_report("nothing")
