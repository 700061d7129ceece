"""`ingest`: what comes in, what does not, and why."""

import asyncio
import json
from pathlib import Path

import pytest

from steadyhand.knowledge.ingest.uploads import Upload
from steadyhand.workspace import AsyncWorkspace


def test_documents_come_in_once_and_leave_when_they_are_gone(empty: Path, inside) -> None:
    first = inside("ingest", "notes", "-w", str(empty))
    assert (first.returncode, first.stdout) == (0, "")
    assert "Ingesting notes  1/1  2 passages" in first.stderr
    assert "notes: 1 added, 2 passages" in first.stderr
    again = inside("ingest", "notes", "--json", "-w", str(empty))
    assert json.loads(again.stdout)["documents"] == {"unchanged": 1}
    (empty / "knowledge" / "notes" / "welcome.md").rename(empty / "welcome.md")
    refused = inside("ingest", "notes", "-w", str(empty))
    assert refused.returncode == 1
    assert "1 of 1 are gone, none was removed" in refused.stderr
    assert "steadyhand ingest notes --allow-removals" in refused.stderr
    gone = inside("ingest", "notes", "--allow-removals", "-w", str(empty))
    assert "notes: 1 removed" in gone.stderr


def test_labels_are_applied_without_a_word_on_documents(empty: Path, inside) -> None:
    inside("ingest", "notes", "-w", str(empty))
    ended = inside("ingest", "notes", "--labels-only", "-w", str(empty))
    assert ended.stderr == "notes: documents have the labels that the settings name\n"


async def hand_in(root: Path, base: str) -> None:
    async with await AsyncWorkspace.open(root) as workspace:
        await workspace.uploads.add(
            base, Upload(path="letter.md", content=b"# Letter\n\nThe meeting is on Tuesday.\n")
        )


def test_labels_are_applied_to_what_was_handed_in(empty: Path, inside) -> None:
    def found(labels: str) -> int:
        ended = inside("search", "inbox", "meeting", "--as", labels, "--json", "-w", str(empty))
        return len(json.loads(ended.stdout)["passages"])

    asyncio.run(hand_in(empty, "inbox"))
    assert found("") == 1
    with (empty / "steadyhand.toml").open("a") as settings:
        settings.write('\n[knowledge.inbox]\naccess = ["hr"]\n')
    assert inside("ingest", "inbox", "--labels-only", "-w", str(empty)).returncode == 0
    assert (found(""), found("hr")) == (0, 1)


def test_an_address_with_a_password_is_misuse_and_not_repeated(empty: Path, inside) -> None:
    ended = inside("ingest", "wiki", "https://ann:geheim@wiki.example/", "-w", str(empty))
    assert ended.returncode == 2
    assert "expected a web address as https://HOST/PATH, without a user" in ended.stderr
    assert "geheim" not in ended.stderr


def test_a_broken_file_is_named_with_its_reason_and_stops_no_other(empty: Path, inside) -> None:
    folder = empty / "knowledge" / "notes"
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 but not really")
    (folder / "photo.raw").write_bytes(b"\0\1\2")
    ended = inside("ingest", "notes", "--json", "-w", str(empty))
    assert ended.returncode == 1
    summary = json.loads(ended.stdout)
    assert summary["documents"] == {"added": 1, "failed": 1, "skipped": 1}
    assert {(it["path"], it["outcome"]) for it in summary["problems"]} == {
        ("broken.pdf", "failed"),
        ("photo.raw", "skipped"),
    }
    assert "failed  broken.pdf: " in ended.stderr
    assert "skipped  photo.raw: no reader for .raw" in ended.stderr
    assert "error: 1 document could not be read" in ended.stderr
    quiet = inside("ingest", "notes", "--quiet", "-w", str(empty))
    assert quiet.returncode == 1
    assert quiet.stderr.splitlines()[0].startswith("failed  broken.pdf: ")
    assert "skipped" not in quiet.stderr


def test_a_path_is_taken_from_where_one_stands(empty: Path, inside, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("The meeting is on Tuesday at ten.")
    assert inside("ingest", "letters", "letter.txt", "-w", str(empty)).returncode == 0
    found = inside("search", "letters", "When is the meeting?", "--json", "-w", str(empty))
    assert json.loads(found.stdout)["passages"][0]["source"] == "letter.txt"


def test_a_knowledge_base_without_sources_is_misuse(empty: Path, inside) -> None:
    ended = inside("ingest", "nothing", "-w", str(empty))
    assert ended.returncode == 2
    assert "knowledge/nothing" in ended.stderr
    assert "[knowledge.nothing] sources" in ended.stderr


def test_documents_and_whole_bases_are_deleted_when_told_so(empty: Path, inside) -> None:
    inside("ingest", "notes", "-w", str(empty))
    unsure = inside("ingest", "notes", "--remove", "-w", str(empty))
    assert unsure.returncode == 2
    assert "steadyhand ingest notes --remove --yes" in unsure.stderr
    assert inside("ingest", "notes", "--remove", "nothing.md", "-w", str(empty)).returncode == 2
    one = inside("ingest", "notes", "--remove", "welcome.md", "-w", str(empty))
    assert (one.returncode, one.stderr.splitlines()[0]) == (0, "notes: 1 document deleted, with all text")
    whole = inside("ingest", "notes", "--remove", "--yes", "--json", "-w", str(empty))
    assert json.loads(whole.stdout) == {"knowledge_base": "notes", "deleted": 0}
    assert inside("search", "notes", "welcome", "-w", str(empty)).returncode == 2


def test_many_skipped_files_are_counted_by_extension_and_listed_in_json(empty: Path, inside) -> None:
    folder = empty / "knowledge" / "notes"
    for number in range(11):
        (folder / f"{number}.py").write_text("")
    (folder / "photo.raw").write_text("")
    ended = inside("ingest", "notes", "--json", "-w", str(empty))
    assert "skipped 12 files: .py 11, .raw 1\n" in ended.stderr
    assert "no reader" not in ended.stderr
    assert len(json.loads(ended.stdout)["problems"]) == 12


def test_a_document_that_failed_is_named_once(empty: Path, inside) -> None:
    (empty / "knowledge" / "notes" / "nothing.md").write_text("")
    said = inside("ingest", "notes", "-w", str(empty)).stderr
    assert "failed  nothing.md: " in said
    assert said.count("nothing.md") == 1


@pytest.mark.parametrize("name", ["./docs", "a b", "", "notes/"])
def test_a_name_that_no_knowledge_base_can_have_is_misuse(name: str, empty: Path, inside) -> None:
    ended = inside("ingest", name, "-w", str(empty))
    assert ended.returncode == 2
    assert f"letters, digits, - and _; found {name!r}" in ended.stderr
