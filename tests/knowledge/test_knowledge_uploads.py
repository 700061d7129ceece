"""Documents that are handed in one by one end like those of a folder, whatever comes between."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import aclosing
from pathlib import Path

import pytest
from zip_files import zipped

from steadyhand.errors import DocumentUnreadable, DocumentUnsupported, Duplicate, InvalidInput, NotFound
from steadyhand.jobs.queue import Jobs
from steadyhand.knowledge.contents import KnowledgeContents
from steadyhand.knowledge.embedders.minilm import MiniLM
from steadyhand.knowledge.embedding.embedders import Embedders, LocalEmbedder
from steadyhand.knowledge.erase import erase_base, erase_documents
from steadyhand.knowledge.generations import Generations
from steadyhand.knowledge.ingest.store import KnowledgeStore
from steadyhand.knowledge.ingest.sync import Ingest
from steadyhand.knowledge.ingest.uploads import Upload, Uploads
from steadyhand.knowledge.reading.children import Readers
from steadyhand.knowledge.reading.members import Member
from steadyhand.knowledge.sources.folder import Folder
from steadyhand.settings import Settings
from steadyhand.storage import Database
from steadyhand.types.document import Document
from steadyhand.types.run import Principal
from steadyhand.types.source import Source

OWNER = Principal("owner", "admin")
HOTELS = "# Travel\n\nHotels cost at most 120 EUR a night.\n"


class Counting:
    """Real readers that count what they read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self.read_documents = 0

    async def read(self, content: bytes, name: str, circle: Hashable = None) -> Document:
        self.read_documents += 1
        return await self._readers.read(content, name, circle)

    def unpack(self, content: bytes, name: str, circle: Hashable = None) -> AsyncGenerator[Member, None]:
        return self._readers.unpack(content, name, circle)


class Base:
    """A base with uploads; `labels` are what the settings say."""

    def __init__(self, database: Database, embed: MiniLM, readers: Readers) -> None:
        self.database = database
        self.readers = Counting(readers)
        self.labels = frozenset({"everyone"})
        embedder = LocalEmbedder(embed)
        embedders = Embedders(Settings(), database, lambda *_: embedder)
        store = KnowledgeStore(database)
        self.ingest = Ingest(store, Generations(database, embedders), embed.count_tokens, self.readers)
        self.contents = KnowledgeContents(database)
        self.rounds = 0
        self.uploads = self.another_process()

    def another_process(self) -> Uploads:
        return Uploads(self.database, self.ingest.ensure_base, self._bring, Jobs(self.database.url))

    async def _bring(self, base: str, source: Source) -> None:
        self.rounds += 1
        async with aclosing(self.ingest.sync(base, source, labels_of=lambda _: self.labels)) as steps:
            async for _ in steps:
                pass

    async def add(self, path: str, content: str | bytes = HOTELS, **facts: object) -> tuple[str, str]:
        content = content.encode() if isinstance(content, str) else content
        done = await self.uploads.add("base", Upload(path=path, content=content, **facts))
        return done.path, done.outcome

    async def documents(self) -> list[str]:
        return [row["path"] for row in await self.contents.documents("base", OWNER)]


@pytest.fixture(scope="module")
async def readers() -> AsyncIterator[Readers]:
    async with Readers(2) as opened:
        yield opened


@pytest.fixture
async def base(database: Database, embed: MiniLM, readers: Readers) -> AsyncIterator[Base]:
    made = Base(database, embed, readers)
    yield made
    await made.ingest.close()


async def test_a_file_is_in_the_base_when_the_upload_returns(base: Base) -> None:
    assert await base.add("travel.md", metadata={"department": "hr"}) == ("travel.md", "added")
    assert await base.add("travel.md", metadata={"department": "hr"}) == ("travel.md", "unchanged")
    [row] = await base.contents.documents("base", OWNER)
    assert (row["path"], row["title"], row["metadata"]) == ("travel.md", "Travel", {"department": "hr"})
    assert await base.add("travel.md", "# Travel\n\nTrains only.\n") == ("travel.md", "added")
    assert len(await base.contents.versions("base", "travel.md", OWNER)) == 2


async def test_ten_identical_uploads_at_once_are_read_once_and_brought_in_together(base: Base) -> None:
    done = await asyncio.gather(*(base.add(f"copy-{number}.md") for number in range(10)))
    assert {outcome for _, outcome in done} == {"added"}
    assert base.readers.read_documents == 1
    assert base.rounds <= 3
    assert len(await base.documents()) == 10


async def test_labels_are_those_that_were_given_or_what_the_settings_say_now(base: Base) -> None:
    await base.add("open.md")
    await base.add("closed.md", labels=frozenset({"hr"}))
    base.labels = frozenset({"board"})
    await base.add("third.md")
    labels = {row["path"]: row["labels"] for row in await base.contents.documents("base", OWNER)}
    assert labels == {"closed.md": ["hr"], "open.md": ["board"], "third.md": ["board"]}


async def test_an_upload_that_was_broken_off_is_finished_by_another_process(base: Base) -> None:
    started = asyncio.Event()

    async def die(name: str, source: Source) -> None:
        del name, source
        started.set()
        await asyncio.sleep(60)

    dying = Uploads(base.database, base.ingest.ensure_base, die, Jobs(base.database.url))
    task = asyncio.create_task(dying.add("base", Upload(path="late.md", content=HOTELS.encode())))
    await started.wait()
    task.cancel()
    assert await base.documents() == []
    other = base.another_process()
    await other.look()
    assert await base.documents() == ["late.md"]
    rounds = base.rounds
    await other.look()
    assert base.rounds == rounds


async def test_a_file_that_cannot_be_read_is_refused_with_the_reason_and_listed(base: Base) -> None:
    with pytest.raises(DocumentUnreadable, match="pdfium"):
        await base.add("broken.pdf", b"%PDF-1.4 but no more")
    assert [row["path"] for row in await base.contents.failures("base", OWNER)] == ["broken.pdf"]
    assert await base.add("good.md") == ("good.md", "added")
    await erase_documents(base.database, "base", ["broken.pdf"])
    assert await base.contents.failures("base", OWNER) == []


async def test_what_was_deleted_does_not_come_back_with_the_next_upload(base: Base) -> None:
    await base.add("travel.md")
    assert await erase_documents(base.database, "base", ["travel.md"]) == 1
    await base.add("other.md")
    assert await base.documents() == ["other.md"]
    await erase_base(base.database, "base")
    assert await base.add("travel.md") == ("travel.md", "added")
    assert await base.documents() == ["travel.md"]


async def test_an_archive_comes_and_goes_with_what_is_in_it(base: Base) -> None:
    await base.add("all.zip", zipped(("a.md", HOTELS.encode()), ("b.md", b"# B\n\nTrains.\n")))
    assert await base.documents() == ["all.zip/a.md", "all.zip/b.md"]
    assert await erase_documents(base.database, "base", ["all.zip"]) == 2
    await base.add("c.md")
    assert await base.documents() == ["c.md"]


async def test_a_path_that_a_folder_has_is_left_to_the_folder(base: Base, tmp_path: Path) -> None:
    (tmp_path / "travel.md").write_text(HOTELS)
    async for _ in base.ingest.sync("base", Folder(tmp_path, tmp_path)):
        pass
    with pytest.raises(Duplicate, match=r"'travel.md' comes from \."):
        await base.add("travel.md")
    assert await base.add("travel-2026.md") == ("travel-2026.md", "added")


@pytest.mark.parametrize(
    "path", ["../out.md", "/etc/passwd.md", "", "a//b.md", " a.md", "a\u202eb.md", "x" * 3_000 + ".md"]
)
async def test_a_path_that_leads_elsewhere_is_refused_before_anything_is_kept(base: Base, path: str) -> None:
    with pytest.raises(InvalidInput, match="expected a path inside the base"):
        await base.add(path)


async def test_what_nobody_reads_is_refused_before_anything_is_kept(base: Base) -> None:
    with pytest.raises(DocumentUnsupported, match=r"expected one of .*\.pdf.*; found \.exe"):
        await base.add("virus.exe")
    with pytest.raises(NotFound):
        await base.contents.base("base", OWNER)
