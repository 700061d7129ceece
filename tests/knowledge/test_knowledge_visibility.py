"""Texts that have ended stay with those who might see them in their time, whatever becomes of their documents."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from steadyhand.knowledge.ingest.uploads import Upload
from steadyhand.types.run import Principal
from steadyhand.types.search import SearchRequest
from steadyhand.types.source import Item, Remembered
from steadyhand.workspace import OWNER, AsyncWorkspace

CLERK = Principal("clerk", "caller", "sh_clerk", labels=frozenset({"hr"}))
SHOP = Principal("shop", "caller", "sh_shop")
DRAFT = "# Bonus\n\nThe director gets a bonus of 90,000 EUR this year.\n"
FINAL = "# Bonus\n\nEverybody gets a bonus that the board fixes in spring.\n"
OTHER = "# Parking\n\nBicycles stand in the yard.\n"


class Base:
    """Documents that are handed in, as callers see them."""

    def __init__(self, workspace: AsyncWorkspace) -> None:
        self.workspace = workspace

    async def put(self, path: str, text: str, *labels: str) -> None:
        upload = Upload(path=path, content=text.encode(), labels=frozenset(labels))
        await self.workspace.uploads.add("papers", upload)

    async def revision(self) -> int:
        return (await self.workspace.knowledge.base("papers", OWNER)).revision

    async def version(self, path: str) -> int:
        page = await self.workspace.knowledge.page("papers", path, 1, OWNER)
        assert page is not None
        return int(page["version_id"])

    async def found(self, who: Principal, as_of: int | None = None) -> set[str]:
        request = SearchRequest(knowledge_base="papers", queries=("bonus",), principal=who, as_of=as_of)
        return {passage.text for passage in (await self.workspace.finder(request)).passages}

    async def sees(self, who: Principal, path: str, version: int | None = None) -> bool:
        return await self.workspace.knowledge.page("papers", path, 1, who, version) is not None


@pytest.fixture
async def base(tmp_path: Path, database_url: str, models_folder: Path) -> AsyncIterator[Base]:
    (tmp_path / "steadyhand.toml").write_text(f'database_url = "{database_url}"\nmodels_dir = "{models_folder}"\n')
    async with await AsyncWorkspace.open(tmp_path) as workspace:
        made = Base(workspace)
        await made.put("parking.md", OTHER, "everyone")
        yield made


async def test_a_text_for_everyone_does_not_open_the_earlier_ones_of_its_document(base: Base) -> None:
    await base.put("bonus.md", DRAFT, "hr")
    then, version = await base.revision(), await base.version("bonus.md")
    await base.put("bonus.md", FINAL, "everyone")
    assert await base.sees(SHOP, "bonus.md")
    assert not await base.sees(SHOP, "bonus.md", version)
    assert len(await base.workspace.knowledge.versions("papers", "bonus.md", SHOP)) == 1
    assert not any("90,000" in text for text in await base.found(SHOP, then))
    assert not await base.workspace.knowledge.may_see([version], SHOP)
    for who in (CLERK, OWNER):
        assert await base.sees(who, "bonus.md", version)
        assert any("90,000" in text for text in await base.found(who, then))
        assert await base.workspace.knowledge.may_see([version], who)


async def test_labels_that_a_document_gets_hold_for_its_earlier_texts_as_well(base: Base) -> None:
    await base.put("bonus.md", DRAFT, "everyone")
    then, version = await base.revision(), await base.version("bonus.md")
    await base.put("bonus.md", FINAL, "everyone")
    assert await base.sees(SHOP, "bonus.md", version)
    await base.put("bonus.md", FINAL, "hr")
    assert not await base.sees(SHOP, "bonus.md", version)
    assert not any("90,000" in text for text in await base.found(SHOP, then))
    assert any("90,000" in text for text in await base.found(CLERK, then))


async def test_a_text_is_not_seen_by_the_labels_of_the_one_that_replaces_it(base: Base) -> None:
    """Also while that one is read, and when it cannot be."""
    await base.put("bonus.pdf.md", DRAFT, "hr")
    ready, reads = base.workspace._ingest._writer._read._readers, []

    class Looking:
        async def read(self, content: bytes, name: str, circle: object) -> object:
            reads.append(await base.found(SHOP))
            return await ready.read(content, name, circle)

    base.workspace._ingest._writer._read._readers = Looking()
    await base.put("bonus.pdf.md", FINAL, "everyone")
    [seen] = reads
    assert not any("90,000" in text for text in seen)
    assert any("board" in text for text in await base.found(SHOP))


async def test_what_was_deleted_is_found_in_the_past_by_admins_only(base: Base) -> None:
    await base.put("bonus.md", DRAFT, "everyone")
    then = await base.revision()
    await base.workspace.database.execute("DELETE FROM upload WHERE path = 'bonus.md'")
    await base.workspace.uploads.look()
    await base.put("parking.md", OTHER + "\nCars do not.\n", "everyone")
    assert not any("90,000" in text for text in await base.found(CLERK, then))
    assert any("90,000" in text for text in await base.found(OWNER, then))


async def test_documents_without_a_text_follow_their_labels(base: Base) -> None:
    await base.put("bonus.json", '{"bonus": 90000}', "everyone")
    with pytest.raises(Exception, match="bonus"):
        await base.put("bonus.json", "{", "everyone")
    assert [row["path"] for row in await base.workspace.knowledge.failures("papers", SHOP)] == ["bonus.json"]
    with pytest.raises(Exception, match="bonus"):
        await base.put("bonus.json", "{", "hr")
    assert await base.workspace.knowledge.failures("papers", SHOP) == []
    assert [row["path"] for row in await base.workspace.knowledge.failures("papers", CLERK)] == ["bonus.json"]


async def test_nobody_but_admins_sees_documents_without_labels(base: Base) -> None:
    await base.put("bonus.md", DRAFT)
    for who in (SHOP, CLERK):
        assert not any("90,000" in text for text in await base.found(who))
        assert not await base.sees(who, "bonus.md")
    assert await base.sees(OWNER, "bonus.md")


class Told:
    """A source with one file that nothing is known of but its content; `meanwhile` is awaited when it is opened."""

    origin = "told"

    def __init__(self, *labels: str, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        self.labels = frozenset(labels)
        self.meanwhile = meanwhile

    async def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
        del known
        yield Item(path="bonus.md", open=self._opened, labels=self.labels)

    async def _opened(self) -> bytes:
        if self.meanwhile is not None:
            await self.meanwhile()
        return FINAL.encode()


async def test_who_may_see_an_unchanged_document_only_now_finds_it_at_once(base: Base) -> None:
    async def in_spring() -> bool:
        return any("in spring" in text for text in await base.found(SHOP))

    async def searched() -> None:
        assert not await in_spring()  # what is remembered of this search is not true for long

    await base.put("draft.md", DRAFT, "hr")  # not everybody sees everything
    await base.workspace.upkeep.bring("papers", Told("hr"))
    await base.workspace.upkeep.bring("papers", Told("hr", "everyone", meanwhile=searched))
    assert await in_spring()


async def test_a_base_of_which_nothing_else_is_said_is_the_same_base(base: Base) -> None:
    await base.workspace.upkeep.bring("papers", Told("hr"))
    before = await base.revision()
    await base.workspace.upkeep.bring("papers", Told("hr"))
    assert await base.revision() == before
