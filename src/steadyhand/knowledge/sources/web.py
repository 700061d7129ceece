"""A web site: a page, and what its links lead to on the same host."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from steadyhand.errors import SourceUnreadable
from steadyhand.fetching import Fetcher
from steadyhand.knowledge.sources import _addresses
from steadyhand.knowledge.sources._crawl import Crawl, Scope
from steadyhand.knowledge.sources._visits import Visitor
from steadyhand.types.source import Item, Remembered

DELAY_S = 0.5
"""Between two requests to a host that asks for no other."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Web:
    """`url` and the pages that can be reached from it by at most `depth` links, at most `max_pages` of them.

    With `include`, only pages whose path and query fit one of the patterns; never those that fit one of `exclude`.
    A `*` also stands for slashes. The first page is read whatever the patterns say.

    Asks one page at a time, `delay_s` apart or as robots.txt says. Pages with the same content, or with the same
    canonical address, are one document.
    """

    def __init__(
        self,
        url: str,
        fetcher: Fetcher,
        *,
        depth: int = 5,
        max_pages: int = 1_000,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        delay_s: float = DELAY_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.origin = _addresses.normal(url)
        if not self.origin:
            raise SourceUnreadable(
                f"expected the address of a web page; found {url!r}", hint="as https://HOST/PATH"
            )
        self._scope = Scope(depth=depth, max_pages=max_pages, include=tuple(include), exclude=tuple(exclude))
        self._visitor = Visitor(fetcher, delay_s, sleep)
        self._now = now

    async def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
        """Pages and linked documents, breadth first. One that answers with an error of its server is as before.

        Raises `NotFound` when the first page is not there, and `SourceUnreadable` when it or robots.txt or a
        sitemap cannot be read, when robots.txt forbids the first page, and when the server fails again and again.
        """
        crawl = await asyncio.to_thread(Crawl, self.origin, self._scope, self._visitor, known, self._now)
        async for item in crawl.items():
            yield item
