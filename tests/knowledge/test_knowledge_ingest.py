"""Equal content is read and embedded once, sources are followed exactly, and who dies is taken over."""

import asyncio
import io
import os
import shutil
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest
from document_files import page_of, pdf, scan

from steadyhand.errors import SourceBusy, SourceUnreadable
from steadyhand.knowledge.embedders.minilm import MiniLM
from steadyhand.knowledge.embedding.embedders import Embedders, LocalEmbedder
from steadyhand.knowledge.erase import erase_documents
from steadyhand.knowledge.generations import Generations
from steadyhand.knowledge.ingest.bringing import Vision
from steadyhand.knowledge.ingest.following import Progress
from steadyhand.knowledge.ingest.store import KnowledgeStore
from steadyhand.knowledge.ingest.sync import Ingest
from steadyhand.knowledge.reading.children import Readers
from steadyhand.knowledge.sources.folder import Folder
from steadyhand.settings import Settings
from steadyhand.storage import Database, Row
from steadyhand.types.document import Document, Picture
from steadyhand.types.ports import Vectors
from steadyhand.types.source import Item, Remembered


class CountingReaders(Readers):
    """The real readers, counting what they read; `gate` holds them up."""

    def __init__(self) -> None:
        super().__init__()
        self.read_count = 0
        self.gate: asyncio.Event | None = None

    async def read(self, content: bytes, name: str, circle: Hashable = None) -> Document:
        self.read_count += 1
        if self.gate:
            await self.gate.wait()
        return await super().read(content, name, circle)


class CountingEmbed:
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
        return self.model(texts)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self.model.count_tokens(texts)


class House:
    """A workspace's folder with one folder of notes, the knowledge base that follows it, and what it costs."""

    def __init__(self, database: Database, root: Path, embed: MiniLM) -> None:
        self.database = database
        self.root = root
        self.notes = root / "notes"
        self.notes.mkdir()
        self.embed = CountingEmbed(embed)
        self.readers = CountingReaders()
        self.ingest = self.another()

    def another(self) -> Ingest:
        """As another process has it."""
        embedders = Embedders(Settings(), self.database, lambda wanted, base: LocalEmbedder(self.embed))
        generations = Generations(self.database, embedders)
        return Ingest(KnowledgeStore(self.database), generations, self.embed.count_tokens, self.readers)

    async def sync(self, source: Path | None = None, **options) -> dict[str, Progress]:
        steps = self.ingest.sync("base", Folder(source or self.notes, self.root), **options)
        return {step.path: step async for step in steps}

    async def live(self) -> dict[str, Row]:
        rows = await self.database.rows(
            "SELECT d.path, d.id, d.labels, d.metadata, d.review_by, d.url, v.id AS version, v.content, v.title"
            " FROM document d JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
        )
        return {row["path"]: row for row in rows}

    async def count(self, table: str) -> int:
        row = await self.database.row(f"SELECT count(*) AS n FROM {table}")
        assert row is not None
        return int(row["n"])


@pytest.fixture
async def house(database: Database, tmp_path: Path, embed: MiniLM) -> AsyncIterator[House]:
    made = House(database, tmp_path, embed)
    yield made
    await made.ingest.close()
    await made.readers.close()


async def test_ten_identical_uploads_at_once_are_read_and_embedded_once(house: House) -> None:
    text = "# Travel\n\nHotels cost at most 120 EUR a night.\n"
    folders = [house.root / f"desk-{number}" for number in range(10)]
    for folder in folders:
        folder.mkdir()
        (folder / "travel.md").write_text(text)
    uploads = [house.another() for _ in folders]
    try:
        await asyncio.gather(
            *(uploaded(each, Folder(at, house.root)) for each, at in zip(uploads, folders, strict=True))
        )
    finally:
        for each in uploads:
            await each.close()
    assert (house.readers.read_count, house.embed.texts) == (1, 1)
    live = await house.live()
    assert len(live) == 10
    assert {row["content"] for row in live.values()} == {(await house.live())["travel.md"]["content"]}
    assert await house.count("reading") == 1


async def uploaded(ingest: Ingest, source: Folder) -> list[Progress]:
    return [step async for step in ingest.sync("base", source)]


async def test_the_same_content_under_another_name_has_its_own_title(house: House) -> None:
    for name in ("first", "second"):
        (house.notes / f"{name}.txt").write_text("The canteen opens at noon.")
    await house.sync()
    assert house.readers.read_count == 1
    assert {path: row["title"] for path, row in (await house.live()).items()} == {
        "first.txt": "first", "second.txt": "second",
    }  # fmt: skip


async def test_a_reason_names_the_file_that_it_is_about(house: House) -> None:
    for name in ("first", "second"):
        (house.notes / f"{name}.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    seen = await house.sync()
    assert house.readers.read_count == 1
    assert all(path in seen[path].reason for path in ("first.pdf", "second.pdf"))


@pytest.mark.parametrize("how", ["renamed", "copied"])
async def test_a_renamed_file_keeps_its_document_and_is_neither_read_nor_embedded(house: House, how: str) -> None:
    (house.notes / "old.md").write_text("# Leave\n\nEverybody has 30 days of vacation.\n")
    (house.notes / "other.md").write_text("# Other\n\nSomething else is here.\n")
    await house.sync()
    before, costs = (await house.live())["old.md"], (house.readers.read_count, house.embed.texts)
    if how == "renamed":
        (house.notes / "old.md").rename(house.notes / "new.md")
    else:
        shutil.copyfile(house.notes / "old.md", house.notes / "new.md")
        (house.notes / "old.md").unlink()
    seen = await house.sync()
    after = await house.live()
    assert set(after) == {"new.md", "other.md"}
    assert after["new.md"]["id"] == before["id"]
    assert (after["new.md"]["version"] == before["version"]) is (how == "renamed")
    assert (house.readers.read_count, house.embed.texts) == costs
    assert {step.outcome for step in (await house.sync()).values()} == {"unchanged"}
    assert seen["new.md"].total == len(seen)


def sees(model: str) -> Vision:
    async def describe(picture: Picture, *, instruction: str) -> str:
        return f"Read by {model}."

    return Vision(model, describe)


async def test_unchanged_scans_are_read_again_by_another_model_and_stay_without_one(house: House) -> None:
    (house.notes / "scan.pdf").write_bytes(scan(1))
    (house.notes / "text.pdf").write_bytes(pdf([page_of("Hotels cost at most 120 EUR a night.")]))
    outcomes, texts = [], []
    for vision in (None, sees("a:one"), sees("a:one"), sees("a:two"), None):
        outcomes.append([step.outcome for step in (await house.sync(vision=vision)).values()])
        texts += [row["content"] for path, row in (await house.live()).items() if path == "scan.pdf"]
    assert outcomes[:2] == [["failed", "added"], ["added", "unchanged"]]
    assert outcomes[2:] == [["unchanged"] * 2, ["added", "unchanged"], ["unchanged"] * 2]
    assert texts == ["Read by a:one.", "Read by a:one.", "Read by a:two.", "Read by a:two."]


async def test_labels_are_applied_without_reading_again(house: House) -> None:
    archive = zipped({"inner.md": b"# Inner\n\nWhat is inside.\n"})
    (house.notes / "box.zip").write_bytes(archive)
    (house.notes / "pay.md").write_text("# Pay\n\nWhat everybody earns.\n")
    await house.sync(labels_of=lambda path: frozenset({"staff"}))
    assert {row["labels"][0] for row in (await house.live()).values()} == {"staff"}
    costs = house.readers.read_count
    await house.sync(labels_of=lambda path: frozenset({"board"}), labels_only=True)
    assert {path: row["labels"] for path, row in (await house.live()).items()} == {
        "box.zip/inner.md": ["board"], "pay.md": ["board"],
    }  # fmt: skip
    assert house.readers.read_count == costs


async def test_no_text_is_seen_by_the_labels_of_another(house: House) -> None:
    (house.notes / "pay.md").write_text("# Pay\n\nWhat everybody earns.\n")
    await house.sync(labels_of=lambda path: frozenset({"board"}))
    (house.notes / "pay.md").write_text("# Pay\n\nWhen wages are paid.\n")
    await house.sync(labels_of=lambda path: frozenset({"staff"}), labels_only=True)
    before = (await house.live())["pay.md"]
    assert (before["labels"], "earns" in before["content"]) == ([], True)
    await house.sync(labels_of=lambda path: frozenset({"staff"}))
    after = (await house.live())["pay.md"]
    assert (after["labels"], "earns" in after["content"]) == (["staff"], False)


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


async def test_what_is_in_an_archive_comes_and_leaves_with_it(house: House) -> None:
    box = house.notes / "box.zip"
    box.write_bytes(
        zipped({"a.md": b"# A\n\nFirst.\n", "deep/b.txt": b"Second.", "bad.pdf": b"%PDF-", "x.exe": b"MZ"})
    )
    seen = await house.sync()
    assert {path: step.outcome for path, step in seen.items()} == {
        "box.zip/a.md": "added", "box.zip/deep/b.txt": "added", "box.zip/bad.pdf": "failed",
        "box.zip/x.exe": "skipped", "box.zip": "added",
    }  # fmt: skip
    assert max(step.done for step in seen.values()) == max(step.total for step in seen.values()) == 5
    status = await house.ingest.following.status("base", "notes")
    assert status is not None
    assert (status.total, status.done, status.outcomes) == (5, 5, {"added": 3, "failed": 1, "skipped": 1})
    box.write_bytes(zipped({"a.md": b"# A\n\nFirst.\n", "c.txt": b"Third."}))
    await house.sync()
    assert set(await house.live()) == {"box.zip/a.md", "box.zip/c.txt"}
    assert await house.count("document_failure") == 0
    (house.notes / "stays.md").write_text("# Stays\n\nIt stays.\n")
    box.unlink()
    await house.sync(allow_removals=True)
    assert set(await house.live()) == {"stays.md"}


class Shaky:
    """A source whose one item does not answer for now."""

    origin = "https://wiki.example"

    def __init__(self) -> None:
        self.fails = False
        self.opened = 0

    async def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
        metadata = {"author": "Ada", "review_by": "2027-03-01"}
        yield Item(
            path="page.md", open=self.open, fingerprint=f"v{self.fails}", notes={"etag": str(self.fails)},
            metadata=metadata, url="https://wiki.example/page",
        )  # fmt: skip

    async def open(self) -> bytes:
        self.opened += 1
        if self.fails:
            raise SourceUnreadable("wiki.example: expected an answer; it said 503")
        return b"# Page\n\nWhat the wiki says.\n"


async def test_what_fails_for_now_keeps_its_text_and_is_tried_again(house: House) -> None:
    source = Shaky()
    await uploaded(house.ingest, source)
    source.fails = True
    [step] = await uploaded(house.ingest, source)
    assert step.outcome == "failed"
    assert "its older text is still served" in step.reason
    assert set(await house.live()) == {"page.md"}
    assert await house.ingest.following.failed_for_now("base", source.origin) == 1
    [step] = await uploaded(house.ingest, source)
    assert (step.outcome, source.opened) == ("failed", 3)
    row = await house.database.row("SELECT attempts, state FROM source_item")
    assert row == {"attempts": 2, "state": "failed"}
    source.fails = False
    [step] = await uploaded(house.ingest, source)
    assert step.outcome == "unchanged"
    assert await house.ingest.following.failed_for_now("base", source.origin) == 0
    assert await house.count("document_failure") == 0


async def test_what_a_source_says_of_an_item_is_kept_with_the_document(house: House) -> None:
    await uploaded(house.ingest, Shaky())
    page = (await house.live())["page.md"]
    assert page["metadata"]["author"] == "Ada"
    assert page["review_by"] == date(2027, 3, 1)
    assert page["url"] == "https://wiki.example/page"
    row = await house.database.row("SELECT notes FROM source_item")
    assert row == {"notes": {"etag": "False"}}


async def test_the_claim_of_a_process_that_died_in_reading_is_taken_over(house: House) -> None:
    (house.notes / "a.txt").write_text("Read by somebody who dies.")
    house.readers.gate = asyncio.Event()
    dying = house.another()
    reading = asyncio.create_task(uploaded(dying, Folder(house.notes, house.root)))
    async with asyncio.timeout(30):
        while not house.readers.read_count:
            await asyncio.sleep(0.02)
        await dying.close()  # its lock is gone, as when the process is killed
        house.readers.gate, held = None, house.readers.gate
        assert (await house.sync())["a.txt"].outcome == "added"
    held.set()
    with pytest.raises(SourceBusy):
        await reading
    assert set(await house.live()) == {"a.txt"}
    assert await house.count("document_version") == 1


async def test_a_sync_that_is_broken_off_is_not_in_the_way_and_goes_on(house: House) -> None:
    for number in range(100):
        (house.notes / f"{number:03}.txt").write_text(f"This is note {number}, about matter {number * 7}.")
    steps = house.ingest.sync("base", Folder(house.notes, house.root))
    first = await anext(steps)
    await steps.aclose()
    assert first.total == 100
    status = await house.ingest.following.status("base", "notes")
    assert status is not None
    assert (status.state, status.error) == ("failed", "the sync was broken off")
    texts = house.embed.texts
    assert {step.outcome for step in (await house.sync()).values()} <= {"added", "unchanged"}
    assert len(await house.live()) == 100
    assert house.embed.texts <= 100 + 2 * 64
    assert texts < 100
    assert house.readers.read_count <= 100 + 2 * 32


async def test_the_first_documents_are_told_of_before_the_others_have_their_vectors(house: House) -> None:
    for number in range(20):
        (house.notes / f"{number:03}.txt").write_text(f"This is note {number}, about matter {number * 7}.")
    steps = house.ingest.sync("base", Folder(house.notes, house.root))
    first = await anext(steps)
    assert (first.done, first.total) == (1, 20)
    assert house.embed.texts < 10
    assert [step.done async for step in steps] == list(range(2, 21))
    assert len(await house.live()) == 20


async def test_an_unchanged_source_is_only_listed(house: House) -> None:
    (house.notes / "a.txt").write_text("It is as it was.")
    await house.sync()
    os.utime(house.notes / "a.txt", (0, 0))
    assert (await house.sync())["a.txt"].outcome == "unchanged"

    class Locked(Folder):
        async def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
            async for item in super().items(known):
                yield Item(path=item.path, open=opened_by_mistake, fingerprint=item.fingerprint)

    async def opened_by_mistake() -> bytes:
        raise AssertionError("an unchanged item was opened")

    [step] = await uploaded(house.ingest, Locked(house.notes, house.root))
    assert step.outcome == "unchanged"
    assert house.readers.read_count == 1


@asynccontextmanager
async def pdf_in(house: House) -> AsyncIterator[Path]:
    path = house.notes / "page.pdf"
    path.write_bytes(pdf([page_of("A page with words.")]))
    yield path


async def test_the_file_itself_is_kept_where_pages_can_be_shown_until_it_is_erased(house: House) -> None:
    async with pdf_in(house) as path:
        await house.sync()
        row = await house.database.row("SELECT content FROM original")
        assert row == {"content": path.read_bytes()}
    await erase_documents(house.database, "base", ["page.pdf"])
    for table in ("original", "reading", "document_version", "source_item", "chunk"):
        assert await house.count(table) == 0
    assert (await house.sync())["page.pdf"].outcome == "added"


async def test_what_nothing_needs_any_more_is_swept_away(house: House) -> None:
    async with pdf_in(house) as path:
        (house.notes / "kept.txt").write_text("This stays.")
        await house.sync()
        path.unlink()
        await house.sync(allow_removals=True)
    await house.database.execute("UPDATE reading SET kept_at = now() - interval '2 days'")
    await house.database.execute("INSERT INTO reading SELECT sha256, '.txt/0', NULL, document FROM reading")
    await house.database.execute("UPDATE reading SET kept_at = now() - interval '3 days' WHERE recipe = '.txt/0'")
    await house.ingest.readings.sweep()
    assert [row["recipe"].partition("/")[0] for row in await house.database.rows("SELECT recipe FROM reading")] == [
        ".txt"
    ]
    assert await house.count("original") == 1  # a version that is quoted somewhere came from it
    before = house.readers.read_count
    assert (await house.sync())["kept.txt"].outcome == "unchanged"
    assert house.readers.read_count == before
