"""A source that cannot be seen, or that is nearly empty at once, takes nothing out of a knowledge base."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from ordinary_user import ordinary_user, public_folder

from steadyhand.errors import NotFound, SourceUnreadable, SourceVanished
from steadyhand.knowledge.contents import KnowledgeContents
from steadyhand.knowledge.embedders.minilm import MiniLM
from steadyhand.knowledge.embedding.embedders import Embedders, LocalEmbedder
from steadyhand.knowledge.erase import erase_base, erase_documents
from steadyhand.knowledge.generations import Generations
from steadyhand.knowledge.ingest.following import Progress
from steadyhand.knowledge.ingest.store import KnowledgeStore
from steadyhand.knowledge.ingest.sync import Ingest
from steadyhand.knowledge.reading.children import Readers
from steadyhand.knowledge.sources.folder import Folder
from steadyhand.settings import Settings
from steadyhand.storage import Database
from steadyhand.types.run import Principal

OWNER = Principal("owner", "admin")

needs_permissions = pytest.mark.skipif(sys.platform == "win32", reason="the permissions are those of POSIX")


class Source:
    """A folder that everybody may read, and the knowledge base that follows it."""

    def __init__(self, database: Database, folder: Path, embed: MiniLM) -> None:
        self.database = database
        self.folder = folder
        self.readers = Readers()
        self.ingest = Ingest(
            KnowledgeStore(database),
            Generations(database, Embedders(Settings(), database, lambda wanted, base: LocalEmbedder(embed))),
            embed.count_tokens,
            self.readers,
        )
        self._contents = KnowledgeContents(database)

    async def sync(self, *, allow_removals: bool = False) -> dict[str, Progress]:
        steps = self.ingest.sync("base", Folder(self.folder, self.folder.parent), allow_removals=allow_removals)
        return {progress.path: progress async for progress in steps}

    async def documents(self) -> list[str]:
        return [row["path"] for row in await self._contents.documents("base", OWNER)]

    async def failures(self) -> list[str]:
        return [row["path"] for row in await self._contents.failures("base", OWNER)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with public_folder() as made:
        for name in ("leave", "pay", "travel"):
            (made / f"{name}.md").write_text(f"# {name}\n\nWhat the company promises about {name}.\n")
        yield made


@pytest.fixture
async def source(database: Database, folder: Path, embed: MiniLM) -> AsyncIterator[Source]:
    made = Source(database, folder, embed)
    yield made
    await made.ingest.close()
    await made.readers.close()


@needs_permissions
@pytest.mark.parametrize("place", [".", "deep"])
async def test_a_folder_that_cannot_be_listed_removes_nothing(source: Source, place: str) -> None:
    (source.folder / "deep").mkdir()
    (source.folder / "deep" / "more.md").write_text("# More\n\nThere is more.\n")
    await source.sync()
    locked = source.folder / place
    locked.chmod(0)
    try:
        with ordinary_user(), pytest.raises(SourceUnreadable, match="Permission denied"):
            await source.sync(allow_removals=True)
    finally:
        locked.chmod(0o755)
    assert await source.documents() == ["deep/more.md", "leave.md", "pay.md", "travel.md"]


async def test_an_empty_source_removes_nothing_unless_told_so(source: Source) -> None:
    await source.sync()
    for path in source.folder.iterdir():
        path.unlink()
    with pytest.raises(SourceVanished, match="3 of 3 are gone, none was removed"):
        await source.sync()
    assert len(await source.documents()) == 3
    await source.sync(allow_removals=True)
    assert await source.documents() == []


@pytest.mark.parametrize(("gone", "is_followed"), [(9, True), (10, False)])
async def test_ten_and_more_than_half_do_not_leave_unasked(source: Source, gone: int, is_followed: bool) -> None:
    paths = [source.folder / f"note-{number}.txt" for number in range(12)]
    for path in paths:
        path.write_text(f"This is {path.stem}.")
    await source.sync()
    for path in paths[:gone]:
        path.unlink()
    if is_followed:
        await source.sync()
    else:
        with pytest.raises(SourceVanished, match="10 of 15"):
            await source.sync()
    assert len(await source.documents()) == (6 if is_followed else 15)


async def test_the_last_file_that_never_could_be_read_may_leave(source: Source) -> None:
    (source.folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    await source.sync()
    (source.folder / "broken.pdf").unlink()
    assert (await source.sync())["broken.pdf"].outcome == "removed"


@needs_permissions
async def test_a_file_that_may_not_be_opened_stops_no_other_and_keeps_its_text(source: Source) -> None:
    await source.sync()
    before = (source.folder / "leave.md").read_text()
    (source.folder / "leave.md").write_text("# Leave\n\nNobody may know.\n")
    (source.folder / "leave.md").chmod(0)
    (source.folder / "secret.md").write_text("# Secret\n\nNobody reads this.\n")
    (source.folder / "secret.md").chmod(0)
    (source.folder / "zoo.md").write_text("# Zoo\n\nThe company owns no zoo.\n")
    with ordinary_user():
        seen = await source.sync()
    assert {path: progress.outcome for path, progress in seen.items()} == {
        "leave.md": "failed", "pay.md": "unchanged", "secret.md": "failed", "travel.md": "unchanged", "zoo.md": "added",
    }  # fmt: skip
    assert "Permission denied; its older text is still served" in seen["leave.md"].reason
    assert "older text" not in seen["secret.md"].reason
    assert await source.documents() == ["leave.md", "pay.md", "travel.md", "zoo.md"]
    assert await source.failures() == ["leave.md", "secret.md"]
    for name in ("leave.md", "secret.md"):
        (source.folder / name).chmod(0o644)
    (source.folder / "leave.md").write_text(before)
    assert (await source.sync())["leave.md"].outcome == "unchanged"
    assert await source.failures() == []


async def rows_of(database: Database) -> dict[str, int]:
    tables = (
        "knowledge_base", "document", "document_version", "page", "chunk", "lexical_segment", "lexical_block",
        "version_terms", "embedding", "embedding_set", "reading",
        "original", "source", "source_item",
    )  # fmt: skip
    counted = ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in tables)
    row = await database.row(f"SELECT {counted}")
    assert row is not None
    return row


async def test_an_erased_document_leaves_no_text_behind_and_may_come_back(source: Source) -> None:
    (source.folder / "extra.md").write_text("# Extra\n\nThe first text of it.\n")
    await source.sync()
    (source.folder / "extra.md").write_text("# Extra\n\nThe second text of it.\n")
    await source.sync()
    with pytest.raises(NotFound, match=r"none named 'missing.md'"):
        await erase_documents(source.database, "base", ["extra.md", "missing.md"])
    assert await erase_documents(source.database, "base", ["extra.md"]) == 1
    assert await source.documents() == ["leave.md", "pay.md", "travel.md"]
    left = await rows_of(source.database)
    assert left["document_version"] == left["chunk"] == left["embedding"] == 3
    base = await source.database.row("SELECT chunk_count, term_count FROM knowledge_base")
    terms = await source.database.row("SELECT sum(term_count) AS terms FROM chunk")
    assert base is not None
    assert terms is not None
    assert base == {"chunk_count": 3, "term_count": terms["terms"]}
    assert (await source.sync())["extra.md"].outcome == "added"


async def test_an_erased_base_leaves_nothing(source: Source) -> None:
    (source.folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    await source.sync()
    assert await erase_base(source.database, "base") == 3
    assert set((await rows_of(source.database)).values()) == {0}
    with pytest.raises(NotFound, match="none named 'base'"):
        await erase_base(source.database, "base")
