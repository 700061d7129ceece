"""`kill -9` of the process, or of PostgreSQL under it, at any moment: what was acknowledged is there, once."""

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from steadyhand.knowledge.index.lexical import decoded
from steadyhand.storage import Row
from steadyhand.workspace import AsyncWorkspace

KILLS = 20
DOCUMENTS = 40
CHANGES = 12  # documents rewritten between two kills
FEATURE = """
name = "sorter"
purpose = "Sorts by rule."
owner = "test"
[input]
subject = "string"
[output]
queue = "billing | support"
[models]
try = ["local:nearest"]
[[rule]]
when = "input.subject == 'Invoice'"
then = { queue = "billing" }
"""


@dataclass
class Promises:
    """What killed processes have acknowledged. `documents`: path -> texts that may be live ("" for none)."""

    runs: set[str] = field(default_factory=set)
    documents: dict[str, set[str]] = field(default_factory=dict)


@pytest.fixture
def root(tmp_path: Path, models_folder: Path) -> Iterator[Path]:
    """A workspace with a feature that needs no model and a folder of notes."""
    workspace = tmp_path / "workspace"
    (workspace / "features" / "sorter").mkdir(parents=True)
    (workspace / "features" / "sorter" / "feature.toml").write_text(FEATURE)
    (workspace / "knowledge" / "notes").mkdir(parents=True)
    (workspace / "steadyhand.toml").write_text(f'models_dir = "{models_folder}"\n')
    yield workspace
    pointer = workspace / ".steadyhand" / "database"
    if pointer.exists():
        shutil.rmtree(pointer.read_text().strip(), ignore_errors=True)


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_or_doubled_by_twenty_kills(root: Path) -> None:
    chance = random.Random(2026)
    promises = Promises()
    for number in range(KILLS):
        rewrite(root, number, chance, promises)
        heed(run_and_kill(root, chance, is_database=number % 4 == 3), root, promises)
        await verify(root, promises)
    async with await AsyncWorkspace.open(root) as workspace:
        outcomes = [progress.outcome async for progress in workspace.sync("notes")]
        assert not {"failed", "skipped"} & set(outcomes)
        assert await live_texts(workspace) == on_disk(root)
    assert promises.runs


def rewrite(root: Path, number: int, chance: random.Random, promises: Promises) -> None:
    """Change, add and remove notes. Until a sync is acknowledged the old text may be served as well as the new."""
    notes = root / "knowledge" / "notes"
    for note in chance.sample(range(DOCUMENTS), CHANGES):
        path = f"note-{note:02}.txt"
        text = f"Note {note}, edition {number}.\n\n" + f"The answer of note {note} is {number * 100 + note}. " * 60
        if number and chance.random() < 0.15:
            (notes / path).unlink(missing_ok=True)
            text = ""
        else:
            (notes / path).write_text(text)
        promises.documents.setdefault(path, {""}).add(text.strip())


def run_and_kill(root: Path, chance: random.Random, *, is_database: bool) -> list[str]:
    """What a process acknowledged until it, or PostgreSQL and then it, was killed at a random moment."""
    worker = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("worker.py"), root],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert worker.stdout is not None
    output = worker.stdout.fileno()
    os.set_blocking(output, False)
    heard = read_until(output, b"open\n", seconds=60) if chance.random() < 0.8 else b""
    time.sleep(chance.random() * 2.5)
    if is_database:
        kill_postgres(root)
        time.sleep(chance.random() * 0.8)
    worker.kill()
    worker.wait()
    os.set_blocking(output, True)
    heard += worker.stdout.read()
    return heard.decode().splitlines()


def read_until(output: int, mark: bytes, *, seconds: float) -> bytes:
    heard = b""
    while mark not in heard:
        ready, _, _ = select.select([output], [], [], seconds)
        assert ready, "the worker says nothing"
        chunk = os.read(output, 65536)
        assert chunk, "the worker ended before it had opened the workspace"
        heard += chunk
    return heard


def kill_postgres(root: Path) -> None:
    pointer = root / ".steadyhand" / "database"
    home = Path(pointer.read_text().strip()) if pointer.exists() else root / ".steadyhand" / "postgres"
    lock = home / "data" / "postmaster.pid"
    if lock.exists():
        os.kill(int(lock.read_text().split()[0]), signal.SIGKILL)


def heed(lines: list[str], root: Path, promises: Promises) -> None:
    """Take down what was acknowledged: these texts are live now and no others."""
    for line in lines:
        match line.split():
            case ["run", run_id]:
                assert run_id not in promises.runs
                promises.runs.add(run_id)
            case ["document", path, "removed"]:
                promises.documents[path] = {""}
            case ["document", path, "added" | "unchanged"]:
                promises.documents[path] = {on_disk(root)[path]}


def on_disk(root: Path) -> dict[str, str]:
    return {path.name: path.read_text().strip() for path in (root / "knowledge" / "notes").iterdir()}


async def verify(root: Path, promises: Promises) -> None:
    async with await AsyncWorkspace.open(root) as workspace:
        recorded = await workspace.database.rows(
            "SELECT id, (SELECT count(*) FROM run_step s WHERE s.run_id = r.id) AS steps,"
            " (SELECT count(*) FROM run_payload p WHERE p.run_id = r.id) AS payloads FROM run r"
        )
        assert promises.runs <= {row["id"] for row in recorded}
        assert all((row["steps"], row["payloads"]) == (11, 1) for row in recorded)
        live = await live_texts(workspace)
        wrong = {path for path, allowed in promises.documents.items() if live.get(path, "") not in allowed}
        assert wrong == set()
        await verify_chunks(workspace)


async def live_texts(workspace: AsyncWorkspace) -> dict[str, str]:
    rows = await workspace.database.rows(
        "SELECT d.path, v.content FROM document d JOIN document_version v ON v.document_id = d.id"
        " WHERE v.died_at IS NULL"
    )
    assert len({row["path"] for row in rows}) == len(rows)
    return {row["path"]: row["content"].strip() for row in rows}


async def verify_chunks(workspace: AsyncWorkspace) -> None:
    """Every live version has all its chunks, terms and vectors; nothing belongs to a dead one; the sums agree."""
    orphans = await workspace.database.rows(
        "SELECT c.id FROM chunk c JOIN document_version v ON v.id = c.version_id"
        " LEFT JOIN embedding_set s ON s.base_id = c.base_id"
        " LEFT JOIN embedding e ON e.set_id = s.id AND e.text_hash = c.text_hash"
        " WHERE (v.died_at IS NOT NULL) <> (c.died IS NOT NULL) OR e.text_hash IS NULL"
        " OR c.body <> substr(v.content, c.start + 1, c.stop - c.start)"
        " OR NOT EXISTS (SELECT 1 FROM version_terms t WHERE t.version_id = c.version_id)"
    )
    assert orphans == []
    bare = await workspace.database.rows(
        "SELECT v.id FROM document_version v WHERE v.died_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM chunk c WHERE c.version_id = v.id)"
    )
    assert bare == []
    rows: list[Row] = await workspace.database.rows(
        "SELECT b.chunk_count, b.term_count, count(*) AS chunks, sum(c.term_count) AS terms FROM knowledge_base b"
        " JOIN chunk c ON c.base_id = b.id AND c.died IS NULL GROUP BY b.id"
    )
    for row in rows:
        assert (row["chunk_count"], row["term_count"]) == (row["chunks"], row["terms"])
    blocks = await workspace.database.rows("SELECT postings FROM lexical_block")
    every = await workspace.database.row("SELECT coalesce(sum(term_count), 0) AS terms FROM chunk")
    assert every is not None
    assert sum(int(decoded(row["postings"]).frequencies.sum()) for row in blocks) == every["terms"]
