"""Pages of documents as pictures, for those who may see them: painted in a child, because files are hostile."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from steadyhand.errors import NotFound, RateLimited
from steadyhand.knowledge.contents import KnowledgeContents
from steadyhand.knowledge.readers.image import media_type
from steadyhand.knowledge.reading.children import Readers
from steadyhand.types.run import Principal

_TIME_S = 20.0  # for one page, and more for a large file
_AT_ONCE = 2  # files in memory

MOST_ASKED = 32
"""Pages that are painted or wait for it: most take tenths of a second, so that the last waits for some seconds."""


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page as people see it.

    `is_marked`: all that was to be marked is on it. An image file is shown as it is, without marks.
    """

    media_type: str
    data: bytes = field(repr=False)
    is_marked: bool


class Painter:
    """`close` it in the event loop that used it."""

    def __init__(self, contents: KnowledgeContents) -> None:
        self._contents = contents
        self._readers = Readers(1, time_s=_TIME_S)  # apart from those that ingest: somebody waits for the page
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._asked = 0

    async def close(self) -> None:
        await self._readers.close()

    async def __call__(
        self,
        base: str,
        path: str,
        page: int,
        principal: Principal,
        *,
        version: int | None,
        mark: str,
        circle: Hashable,
    ) -> ShownPage:
        """The page of the live version or of `version`, with `mark`, a text on it, in yellow; "" marks nothing.

        `circle` are the document's labels: see `Readers.read`.

        Raises `RateLimited` when too many pages are asked for at once, `NotFound` where no file is kept that the
        principal may see, and a `DocumentError` when it cannot be painted.
        """
        async with self._turn():
            content = await self._contents.file(base, path, principal, version)
            if content is None:
                raise NotFound(
                    f"expected a file whose pages can be shown; {path!r} in {base!r} has none",
                    hint=f"GET /knowledge/{base}/{path}?page={page} gives its text",
                )
            if image := media_type(content):
                return ShownPage(image, content, is_marked=not mark)
            marks = (mark.replace("|", " "),) if mark else ()  # columns of a table are apart in the text only
            painted = await self._readers.show(content, path, page, marks, circle)
            return ShownPage("image/png", painted.png, painted.is_marked)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._asked >= MOST_ASKED:
            raise RateLimited(
                f"expected at most {MOST_ASKED} pages to show at once; found so many waiting",
                hint="try again when they are shown; the text of a page needs no waiting",
                retry_after_s=1.0,
            )
        self._asked += 1
        try:
            async with self._turns:
                yield
        finally:
            self._asked -= 1
