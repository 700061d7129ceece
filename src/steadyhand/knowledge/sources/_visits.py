"""Asks a host for one page at a time, not faster than it likes, and says what the answer means."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from steadyhand.errors import AddressRefused, DocumentUnreadable, FetchFailed, FetchTooLarge, SourceUnreadable
from steadyhand.fetching import Fetched, Fetcher, Limits
from steadyhand.knowledge.sources import _pages

AGENT = "Steadyhand"

_LONGEST_DELAY_S = 10.0
_MOST_TROUBLE = 10  # answers in a row that say nothing of the page
_PAGE = Limits(redirects=0)
_RULES = Limits(redirects=5, body_bytes=_pages.SITEMAP_BYTES)
_FOR_NOW = frozenset({408, 425, 429})  # and 5xx

Meaning: TypeAlias = Literal["page", "unchanged", "redirect", "gone", "refused", "trouble"]
"""`refused`: not for us, or too large. `trouble`: nothing is known about the page; it may be well later."""


@dataclass(frozen=True, slots=True)
class Visit:
    """`fetched` is there for pages and redirects, and where an answer says no; `reason` tells why there is none."""

    meaning: Meaning
    fetched: Fetched | None = None
    reason: str = ""


class Visitor:
    """Shared by a source's listing and the opening of its items, so that both wait for each other."""

    def __init__(self, fetcher: Fetcher, delay_s: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._fetcher = fetcher
        self._least_delay_s = delay_s
        self._delay_s = delay_s
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._troubles = 0

    def begin(self) -> None:
        """Forget what the host asked for at the last listing."""
        self._delay_s = self._least_delay_s
        self._troubles = 0

    def keep_apart(self, seconds: float) -> None:
        """Wait at least so long between two requests, up to ten seconds."""
        self._delay_s = min(max(self._delay_s, seconds), _LONGEST_DELAY_S)

    async def visit(self, address: str, headers: Mapping[str, str] | None = None) -> Visit:
        """One page, without following its redirect.

        Raises `SourceUnreadable` after ten troubles in a row, and where the host is one that must not be asked.
        """
        found = await self._visit(address, headers, _PAGE)
        self._troubles = self._troubles + 1 if found.meaning == "trouble" else 0
        if self._troubles >= _MOST_TROUBLE:
            raise SourceUnreadable(
                f"expected a page at {address}; {found.reason}. It was the {_MOST_TROUBLE}th in a row to fail",
                hint="nothing was removed; try again later",
            )
        return found

    async def rules(self, address: str) -> bytes:
        """A robots.txt or a sitemap, b"" when there is none. Raises `SourceUnreadable` when that cannot be told."""
        found = await self._visit(address, None, _RULES)
        if found.meaning == "trouble" or (found.meaning == "refused" and not found.fetched):
            raise SourceUnreadable(
                f"{address} could not be asked for: {found.reason}",
                hint="without it nobody knows what may be read; nothing was removed",
            )
        return found.fetched.body if found.meaning == "page" and found.fetched else b""

    async def content(self, address: str) -> bytes:
        """A page that was listed before, for a reader. Raises `DocumentUnreadable`, or `OSError` for trouble."""
        found = await self._visit(address, None, _PAGE)
        if found.meaning == "page" and found.fetched:
            return _pages.marked(found.fetched.body, found.fetched.headers.get("content-type", ""))
        if found.meaning == "trouble":
            raise OSError(errno.EIO, found.reason)
        raise DocumentUnreadable(f"{address}: expected a page; {found.reason or 'it is not there any more'}")

    async def _visit(self, address: str, headers: Mapping[str, str] | None, limits: Limits) -> Visit:
        async with self._turn:
            await self._sleep(self._delay_s)
            try:
                fetched = await self._fetcher.fetch(address, headers=headers, limits=limits)
            except FetchTooLarge as error:
                return Visit("refused", reason=str(error))
            except FetchFailed as error:
                return Visit("trouble", reason=str(error))
            except AddressRefused as error:
                raise SourceUnreadable(str(error), hint=error.hint) from None
        if fetched.status in (429, 503):
            self.keep_apart(max(2 * self._delay_s, _seconds(fetched.headers.get("retry-after", ""))))
        return _meaning(fetched)


def _meaning(fetched: Fetched) -> Visit:
    status = fetched.status
    if status == 304:
        return Visit("unchanged")
    if 200 <= status < 300:
        return Visit("page", fetched)
    if 300 <= status < 400 and fetched.headers.get("location"):
        return Visit("redirect", fetched)
    if status in (404, 410):
        return Visit("gone")
    reason = f"the server answered with status {status}"
    return Visit("trouble" if status >= 500 or status in _FOR_NOW else "refused", fetched, reason)


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() and len(retry_after) < 8 else 1.0
