"""Pages are painted for those who wait for them, and no queue of them grows without an end."""

import asyncio

import pytest
from document_files import page_of, pdf
from shelf import SOMEBODY

from steadyhand.errors import NotFound, RateLimited
from steadyhand.knowledge.contents import KnowledgeContents
from steadyhand.knowledge.painting import MOST_ASKED, Painter, ShownPage
from steadyhand.storage import Database
from steadyhand.types.run import Principal


class Slow(KnowledgeContents):
    """Has one file, `a.pdf`, and gives it when it `may` be read; notes how many are read at once."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.may = asyncio.Event()
        self.reading = self.most = 0

    async def file(self, name: str, path: str, principal: Principal, version_id: int | None = None) -> bytes | None:
        self.reading += 1
        self.most = max(self.most, self.reading)
        await self.may.wait()
        self.reading -= 1
        return pdf([page_of("The limit is 140 euros.")]) if path == "a.pdf" else None


async def shown(painter: Painter, path: str = "none.pdf") -> ShownPage:
    return await painter("base", path, 1, SOMEBODY, version=None, mark="", circle=None)


async def test_a_flood_of_pages_is_told_to_come_again(database: Database) -> None:
    contents = Slow(database)
    painter = Painter(contents)
    asked = [asyncio.create_task(shown(painter)) for _ in range(MOST_ASKED)]
    while not contents.reading:
        await asyncio.sleep(0)
    with pytest.raises(RateLimited, match=f"at most {MOST_ASKED} pages") as caught:
        await shown(painter)
    assert caught.value.retry_after_s == 1.0
    asked[-1].cancel()  # whoever goes away makes room
    await asyncio.wait({asked[-1]})
    last = asyncio.create_task(shown(painter, "a.pdf"))
    contents.may.set()
    ended = await asyncio.gather(*asked[:-1], return_exceptions=True)
    assert {type(each) for each in ended} == {NotFound}
    assert contents.most == 2
    assert (await last).data.startswith(b"\x89PNG")
    assert (await shown(painter, "a.pdf")).is_marked
    await painter.close()
