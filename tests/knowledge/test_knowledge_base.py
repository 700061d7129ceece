"""From files to passages, with the real model and the real database: what is in the folder is what is found."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from steadyhand.errors import DocumentUnsupported, NotFound, WrongEmbedder
from steadyhand.knowledge.contents import KnowledgeContents
from steadyhand.knowledge.embedders.minilm import MiniLM
from steadyhand.knowledge.embedding.embedders import Embedders, LocalEmbedder
from steadyhand.knowledge.generations import Generations
from steadyhand.knowledge.index import entries
from steadyhand.knowledge.ingest.following import Progress
from steadyhand.knowledge.ingest.store import KnowledgeStore
from steadyhand.knowledge.ingest.sync import Ingest
from steadyhand.knowledge.reading.children import Readers
from steadyhand.knowledge.search.searcher import Searcher
from steadyhand.knowledge.sources.folder import Folder
from steadyhand.settings import Settings
from steadyhand.storage import Database
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.ports import Vectors
from steadyhand.types.run import Principal
from steadyhand.types.search import SearchRequest
from steadyhand.types.source import Item, Remembered

SOMEBODY = Principal("tester", "caller")


class Counting:
    """The real model, counting the texts that it embeds."""

    def __init__(self, model: MiniLM) -> None:
        self.model = model
        self.texts = 0

    @property
    def id(self) -> str:
        return self.model.id

    def __call__(self, texts: list[str]) -> Vectors:
        self.texts += len(texts)
        return self.model(texts)

    def questions(self, texts: list[str]) -> Vectors:
        return self(texts)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self.model.count_tokens(texts)


class Base:
    """A folder and the knowledge base that follows it."""

    def __init__(self, database: Database, folder: Path, embed: MiniLM) -> None:
        self.database = database
        self.folder = folder
        self.counting = Counting(embed)
        embedders = Embedders(Settings(), database, lambda wanted, base: LocalEmbedder(self.counting))
        generations = Generations(database, embedders)
        self.readers = Readers()
        self.ingest = Ingest(KnowledgeStore(database), generations, embed.count_tokens, self.readers)
        self.search = Searcher(database, embedders, lambda base: "internal")

    async def sync(self, source: Path | None = None) -> list[Progress]:
        followed = Folder(source or self.folder, self.folder.parent)
        return [progress async for progress in self.ingest.sync("base", followed)]

    async def close(self) -> None:
        await self.ingest.close()
        await self.readers.close()

    async def ask(self, query: str, top_k: int = 5) -> list[Passage]:
        return list((await self.retrieve(query, top_k)).passages)

    async def retrieve(self, query: str, top_k: int = 1) -> Retrieval:
        return await self.search(
            SearchRequest(knowledge_base="base", queries=(query,), principal=SOMEBODY, top_k=top_k)
        )


@pytest.fixture
async def base(database: Database, tmp_path: Path, embed: MiniLM) -> AsyncIterator[Base]:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "travel.md").write_text(
        "# Travel\n\nHotels cost at most 120 EUR a night. Trains come before planes.\n"
    )
    (folder / "leave.md").write_text("# Leave\n\nEverybody has 30 days of paid vacation a year.\n")
    (folder / "deutsch.md").write_text(
        "# Urlaub\n\nDie Mitarbeiterinnen und Mitarbeiter beantragen die Erstattung der Reisekosten beim Einkauf.\n"
    )
    made = Base(database, folder, embed)
    yield made
    await made.close()


async def test_the_state_of_a_base_is_told_without_a_search(base: Base) -> None:
    assert await base.search.snapshot("base") == ""
    await base.sync()
    before = await base.search.snapshot("base")
    assert before == (await base.retrieve("hotels")).snapshot
    (base.folder / "travel.md").write_text("# Travel\n\nHotels cost at most 130 EUR a night.\n")
    await base.sync()
    assert await base.search.snapshot("base") not in ("", before)


async def test_the_right_passage_comes_first_and_is_the_exact_slice_of_its_document(base: Base) -> None:
    assert [progress.outcome for progress in await base.sync()] == ["added"] * 3
    [found, *_] = await base.ask("How much may a hotel cost?")
    assert (found.source, found.page, found.data_class) == ("travel.md", 1, "internal")
    row = await base.database.row("SELECT content FROM document_version WHERE id = %s", [found.version_id])
    assert row is not None
    assert row["content"][found.start : found.end] == found.text
    assert 0 <= found.score <= 1


async def test_a_question_is_analysed_in_the_language_of_the_documents(base: Base) -> None:
    await base.sync()
    [found, *_] = await base.ask("Wer erstattet Reisekosten?")
    assert found.source == "deutsch.md"
    assert found.bm25 > 0


async def test_unchanged_documents_are_not_embedded_again(base: Base) -> None:
    await base.sync()
    before = base.counting.texts
    assert {progress.outcome for progress in await base.sync()} == {"unchanged"}
    assert base.counting.texts == before


async def test_the_same_text_in_another_file_is_not_embedded_again(base: Base) -> None:
    await base.sync()
    before = base.counting.texts
    (base.folder / "copies").mkdir()
    (base.folder / "copies" / "leave.md").write_text((base.folder / "leave.md").read_text())
    assert [progress.outcome for progress in await base.sync()].count("added") == 1
    assert base.counting.texts == before


async def test_a_changed_document_answers_with_its_new_text_only(base: Base) -> None:
    await base.sync()
    (base.folder / "leave.md").write_text("# Leave\n\nEverybody has 32 days of paid vacation a year.\n")
    await base.sync()
    texts = [passage.text for passage in await base.ask("days of paid vacation", 50)]
    assert any("32 days" in text for text in texts)
    assert not any("30 days" in text for text in texts)


async def test_a_deleted_document_is_never_served(base: Base) -> None:
    await base.sync()
    (base.folder / "leave.md").unlink()
    assert ("leave.md", "removed") in [(progress.path, progress.outcome) for progress in await base.sync()]
    assert {passage.source for passage in await base.ask("paid vacation", 50)} == {"travel.md", "deutsch.md"}


async def test_deletes_are_followed_only_where_they_happened(base: Base, tmp_path: Path) -> None:
    await base.sync()
    other = tmp_path / "other"
    other.mkdir()
    (other / "parking.txt").write_text("Parking is free behind the house.")
    await base.sync(other)
    assert {progress.outcome for progress in await base.sync()} == {"unchanged"}
    assert "parking.txt" in {passage.source for passage in await base.ask("parking", 50)}


async def test_two_files_of_one_path_do_not_replace_each_other(base: Base, tmp_path: Path) -> None:
    await base.sync()
    other = tmp_path / "other"
    other.mkdir()
    (other / "travel.md").write_text("# Other\n\nBuses cost nothing.\n")
    assert [(step.path, step.outcome) for step in await base.sync(other)] == [("other/travel.md", "added")]
    (base.folder / "travel.md").unlink()
    await base.sync()
    assert [(step.path, step.outcome) for step in await base.sync(other)] == [("other/travel.md", "unchanged")]
    assert {passage.source for passage in await base.ask("cost", 50)} == {
        "other/travel.md", "leave.md", "deutsch.md",
    }  # fmt: skip


async def test_a_file_that_cannot_be_read_says_why_and_does_not_stop_the_others(base: Base) -> None:
    (base.folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (base.folder / "program.exe").write_bytes(b"MZ")
    outcomes = {progress.path: progress for progress in await base.sync()}
    assert outcomes["broken.pdf"].outcome == "failed"
    assert outcomes["broken.pdf"].reason
    assert outcomes["program.exe"].outcome == "skipped"
    assert outcomes["travel.md"].outcome == "added"
    [failure] = await KnowledgeContents(base.database).failures("base", Principal("owner", "admin"))
    assert failure["path"] == "broken.pdf"
    (base.folder / "broken.pdf").unlink()
    await base.sync()
    assert await KnowledgeContents(base.database).failures("base", Principal("owner", "admin")) == []


async def test_a_document_that_became_unreadable_no_longer_answers(base: Base) -> None:
    await base.sync()
    (base.folder / "leave.md").write_bytes(b"")
    await base.sync()
    assert "leave.md" not in {passage.source for passage in await base.ask("vacation", 50)}


async def test_ten_syncs_at_once_bring_every_document_in_once(base: Base) -> None:
    await base.sync()
    (base.folder / "new.txt").write_text("The canteen opens at noon.")
    outcomes = await asyncio.gather(*(base.sync() for _ in range(10)))
    steps = [(step.path, step.outcome) for listed in outcomes for step in listed if step.outcome != "unchanged"]
    assert steps == [("new.txt", "added")]
    row = await base.database.row("SELECT chunk_count, (SELECT count(*) FROM chunk) AS chunks FROM knowledge_base")
    assert row is not None
    assert row["chunk_count"] == row["chunks"] == 4


async def test_links_that_lead_out_of_the_folder_are_not_followed(base: Base, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("The password is swordfish.")
    (base.folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    await base.sync()
    assert "link.txt" not in {passage.source for passage in await base.ask("password", 50)}


async def test_a_base_of_other_vectors_is_refused(base: Base) -> None:
    await base.sync()
    await base.database.execute("UPDATE knowledge_base SET embedder = 'other@1/fp32'")
    with pytest.raises(WrongEmbedder, match="other@1/fp32"):
        await base.ask("hotel")
    (base.folder / "new.md").write_text("# New\n\nA text that needs a vector.\n")
    with pytest.raises(WrongEmbedder, match="other@1/fp32"):
        await base.sync()


async def test_what_is_not_there_is_named(base: Base, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="found none named 'base'"):
        await base.ask("hotel")
    with pytest.raises(NotFound, match="neither"):
        await base.sync(tmp_path / "missing")
    (tmp_path / "x.exe").write_bytes(b"MZ")
    with pytest.raises(DocumentUnsupported, match="expected a document"):
        await base.sync(tmp_path / "x.exe")


async def test_the_snapshot_changes_when_the_base_does(base: Base) -> None:
    await base.sync()
    before = (await base.retrieve("hotel")).snapshot
    assert (await base.retrieve("train")).snapshot == before
    (base.folder / "leave.md").unlink()
    await base.sync()
    assert (await base.retrieve("hotel")).snapshot != before


async def test_an_interrupted_document_keeps_the_vectors_that_were_made(base: Base) -> None:
    long = "\n\n".join(f"Paragraph {number} is about the matter {number}. " * 20 for number in range(150))
    (base.folder / "long.txt").write_text(long)
    syncing = asyncio.create_task(base.sync())
    while base.counting.texts < 100:
        await asyncio.sleep(0.001)
    syncing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await syncing
    kept = await base.database.row("SELECT count(*) AS n FROM embedding")
    assert kept is not None
    await base.sync()
    total = await base.database.row("SELECT count(*) AS n FROM embedding")
    assert total is not None
    assert kept["n"] >= 60
    assert base.counting.texts <= total["n"] + 64


async def test_hostile_questions_are_only_questions(base: Base) -> None:
    await base.sync()
    for question in ["", "'; DROP TABLE chunk; --", "%s %(name)s", "\x00", "a" * 20_000, "🙂" * 50, "[1,2,3]"]:
        assert len(await base.ask(question)) == 3
    assert hashlib.sha256(b"").digest() not in {
        row["text_hash"] for row in await base.database.rows("TABLE embedding")
    }


async def test_a_word_longer_than_an_index_holds_stops_nothing(base: Base) -> None:
    word = hashlib.shake_256(b"long").hexdigest(5_000)
    (base.folder / "key.md").write_text(f"# Key\n\nThe key is {word} and no other.\n")
    assert "failed" not in [progress.outcome for progress in await base.sync()]
    assert (await base.ask(word))[0].source == "key.md"


class Vanishing(Folder):
    """A folder that loses a file between its listing and its reading."""

    async def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
        async for item in super().items(known):
            yield item
        (self._location / "leave.md").unlink(missing_ok=True)


async def test_a_file_that_vanishes_while_others_are_read_stops_nothing(base: Base) -> None:
    vanishing = Vanishing(base.folder, base.folder.parent)
    outcomes = {step.path: step.outcome async for step in base.ingest.sync("base", vanishing)}
    assert outcomes == {"deutsch.md": "added", "leave.md": "failed", "travel.md": "added"}
    assert [progress.outcome for progress in await base.sync()] == ["removed", "unchanged", "unchanged"]


async def test_a_name_that_is_no_text_is_shown_with_question_marks(base: Base) -> None:
    (base.folder / os.fsdecode(b"\xff.md")).write_text("# Bytes\n\nWritten long ago.\n")
    assert "?.md" in [progress.path for progress in await base.sync() if progress.outcome == "added"]


async def test_a_path_longer_than_an_index_holds_stops_nothing(base: Base) -> None:
    folder = base.folder
    for _ in range(12):
        folder /= "x" * 200
    folder.mkdir(parents=True)
    (folder / "deep.md").write_text("# Deep\n\nDown.\n")
    assert sorted(progress.outcome for progress in await base.sync()) == ["added", "added", "added", "failed"]


async def test_writers_of_the_same_vectors_never_wait_for_each_other(database: Database) -> None:
    vectors = np.eye(64, dtype=np.float32)
    base_id = await KnowledgeStore(database).ensure_base("base", "x")
    for number in range(10):
        hashes = [hashlib.sha256(f"{number}-{row}".encode()).digest() for row in range(64)]
        both = (
            entries.add_vectors(database, base_id, "x", hashes, vectors),
            entries.add_vectors(database, base_id, "x", hashes[::-1], vectors),
        )
        await asyncio.gather(*both)
