"""One walk over a web site, breadth first."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePosixPath

from yarl import URL

from steadyhand.errors import DocumentUnreadable, NotFound, SourceUnreadable
from steadyhand.fetching import Fetched
from steadyhand.knowledge.sources import _addresses, _pages, _robots
from steadyhand.knowledge.sources._notes import Note
from steadyhand.knowledge.sources._spool import Open, Spool
from steadyhand.knowledge.sources._visits import AGENT, Visit, Visitor
from steadyhand.types.source import Item, Remembered

_MOST_MOVES = 5  # of the first page to another host
_MOST_SITEMAPS = 20
_WAITING_PER_PAGE = 20  # addresses that are kept for each page that may be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How far a crawl goes. Patterns are for path and query."""

    depth: int
    max_pages: int
    include: tuple[str, ...]
    exclude: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A page that may become a document: what is noted of it, and how its content is had."""

    page: str  # its identity
    path: str
    note: Note
    fingerprint: str
    open: Open


class Crawl:
    """`known` is by path, as a source is given it; `now` is when pages count as fetched."""

    def __init__(
        self,
        start: str,
        scope: Scope,
        visitor: Visitor,
        known: Mapping[str, Remembered],
        now: Callable[[], datetime],
    ) -> None:
        self._start = start
        self._scope = scope
        self._visitor = visitor
        self._known = known
        self._now = now
        self._spool = Spool()
        self._robots = _robots.Robots()
        self._notes = {path: Note.read(remembered.notes) for path, remembered in known.items()}
        self._paths = {_addresses.identity(note.url): path for path, note in self._notes.items() if note.url}
        self._owners = {path: page for page, path in self._paths.items()}
        self._queue: deque[tuple[str, int]] = deque()
        self._met: set[str] = set()  # addresses
        self._seen: set[str] = set()  # pages that were asked for or wait
        self._contents: set[str] = set()  # fingerprints
        self._listed: set[str] = set()  # pages and fingerprints
        self._aside: dict[str, _Found] = {}  # by the canonical page that they name

    async def items(self) -> AsyncGenerator[Item, None]:
        """Raises `NotFound` or `SourceUnreadable`, as `Web.items` says."""
        async for found in self._walk():
            canonical = _addresses.identity(found.note.canonical) if found.note.canonical else found.page
            if canonical != found.page:
                self._aside.setdefault(canonical, found)
            elif item := self._item(found):
                yield item
        for canonical, found in self._aside.items():  # the page they name is none, or names another
            if canonical not in self._listed and (item := self._item(found)):
                yield item

    async def _begin(self) -> Visit:
        """The first page, after its moves to other hosts. Raises `NotFound` or `SourceUnreadable`."""
        self._visitor.begin()
        place = ""
        for _ in range(_MOST_MOVES + 1):
            if place != (place := str(URL(self._start).origin())):
                await self._read_rules(place)
            self._require_allowed()
            visit = await self._visit(self._start)
            if visit.meaning != "redirect" or not visit.fetched:
                return self._required(visit)
            target = _addresses.normal(visit.fetched.headers["location"], self._start)
            if not target or (self._start.startswith("https:") and target.startswith("http:")):
                break
            self._start = target
        raise SourceUnreadable(f"expected a page at {self._start}; found redirects that lead nowhere")

    async def _read_rules(self, place: str) -> None:
        self._robots = _robots.parsed(await self._visitor.rules(f"{place}/robots.txt"), AGENT)
        self._visitor.keep_apart(self._robots.delay_s)

    def _require_allowed(self) -> None:
        if not self._robots.allows(_addresses.target(self._start)):
            raise SourceUnreadable(
                f"expected {self._start} to be open to programs; its robots.txt forbids it to {AGENT}",
                hint=f"ask whoever keeps the site to allow {AGENT}",
            )

    def _required(self, visit: Visit) -> Visit:
        if visit.meaning == "gone":
            raise NotFound(f"expected a page at {self._start}; there is none", hint="check the address")
        if visit.meaning in ("refused", "trouble"):
            raise SourceUnreadable(
                f"expected a page at {self._start}; {visit.reason}", hint="nothing was removed; try again later"
            )
        return visit

    async def _walk(self) -> AsyncIterator[_Found]:
        visit = await self._begin()
        self._met.add(self._start)
        self._seen.add(_addresses.identity(self._start))
        address, depth = self._start, 0
        for number in range(1, self._scope.max_pages + 1):
            found = await self._arrive(address, depth, visit)
            if found is not None and found.note.is_listed:
                yield found
            if number == 1:
                await self._read_sitemaps()
            if not self._queue or number == self._scope.max_pages:
                break
            address, depth = self._queue.popleft()
            visit = await self._visit(address)

    async def _visit(self, address: str) -> Visit:
        path = self._paths.get(_addresses.identity(address), "")
        note = self._notes.get(path)
        return await self._visitor.visit(address, note.conditions(address) if note else None)

    async def _arrive(self, address: str, depth: int, visit: Visit) -> _Found | None:
        """Put down where the page leads to."""
        page = _addresses.identity(address)
        if visit.meaning == "redirect" and visit.fetched:
            self._enqueue(_addresses.normal(visit.fetched.headers["location"], address), depth, moved=page)
            return None
        found = await self._found(address, page, visit)
        if found is not None and (not found.fingerprint or found.fingerprint not in self._contents):
            self._contents.add(found.fingerprint)
            self._enqueue(found.note.canonical, depth)
            if depth < self._scope.depth:
                await asyncio.to_thread(self._enqueue_all, found.note.links, depth + 1)
        return found

    async def _found(self, address: str, page: str, visit: Visit) -> _Found | None:
        path = self._paths.get(page, "")
        if visit.meaning == "page" and visit.fetched:
            return await self._read(address, page, visit.fetched)
        if visit.meaning in ("unchanged", "trouble") and path:
            again = partial(self._visitor.content, address)
            return _Found(page, path, self._notes[path], self._known[path].fingerprint, again)
        if visit.meaning in ("refused", "trouble"):
            suffix = _addresses.extension(address, "") or ".html"
            broken = partial(_fail, f"{address}: expected a page; {visit.reason}")
            return _Found(page, self._path(page, suffix), Note(url=address), "", broken)
        return None

    async def _read(self, address: str, page: str, fetched: Fetched) -> _Found | None:
        content_type = fetched.headers.get("content-type", "")
        suffix = _addresses.extension(address, content_type.partition(";")[0].strip().lower())
        if not suffix or not fetched.body:
            return None
        content, said = await asyncio.to_thread(_content, address, fetched, suffix)
        fingerprint = hashlib.sha256(content).hexdigest()
        path = self._path(page, suffix)
        before, remembered = self._notes.get(path), self._known.get(path)
        is_same = remembered is not None and remembered.fingerprint == fingerprint
        note = Note.of(address, fetched.headers, said, self._now())
        if is_same and before:
            note = replace(note, fetched_at=before.fetched_at)
        kept = partial(self._visitor.content, address)
        return _Found(
            page, path, note, fingerprint, kept if is_same else await asyncio.to_thread(self._spool.put, content)
        )

    def _path(self, page: str, suffix: str) -> str:
        """The path that the page had, else one that no other page has."""
        before = self._paths.get(page)
        wanted = _addresses.document_path(page, suffix)
        if before and PurePosixPath(before).suffix == PurePosixPath(wanted).suffix:
            return before
        if self._owners.get(wanted, page) != page:
            wanted = _addresses.marked(wanted, page)
        self._owners[wanted] = page
        return wanted

    def _item(self, found: _Found) -> Item | None:
        """The document of the page, unless that or another one with its content is listed."""
        if found.page in self._listed or found.fingerprint in self._listed:
            return None
        self._listed |= {found.page, found.fingerprint} - {""}
        return Item(
            path=found.path,
            open=found.open,
            fingerprint=found.fingerprint,
            notes=found.note.written(),
            metadata=found.note.metadata(),
            url=found.note.url,
        )

    async def _read_sitemaps(self) -> None:
        if not self._scope.depth:
            return
        left = deque(self._robots.sitemaps[:_MOST_SITEMAPS])
        read = 0
        while left and read < _MOST_SITEMAPS:
            address = _addresses.normal(left.popleft(), self._start)
            if not self._is_ours(address):
                continue
            read += 1
            pages, further = await asyncio.to_thread(_pages.listed, await self._visitor.rules(address), address)
            left.extend(further)
            await asyncio.to_thread(self._enqueue_all, pages, 1)

    def _enqueue_all(self, addresses: Iterable[str], depth: int) -> None:
        """Blocks: there may be thousands, and thousands of rules."""
        for address in addresses:
            self._enqueue(address, depth)

    def _enqueue(self, address: str, depth: int, *, moved: str = "") -> None:
        """Put it down to be asked for, the next when page `moved` has moved there."""
        if not self._is_ours(address) or address in self._met:
            return
        if len(self._met) > _WAITING_PER_PAGE * self._scope.max_pages:
            return
        self._met.add(address)
        if self._start.startswith("https:"):
            address = f"https:{address.partition(':')[2]}"
        page, target = _addresses.identity(address), _addresses.target(address)
        if page in self._seen and page != moved:
            return
        if not (_addresses.may_be_page(address) and self._is_wanted(target) and self._robots.allows(target)):
            return
        self._seen.add(page)
        (self._queue.appendleft if moved else self._queue.append)((address, depth))

    def _is_ours(self, address: str) -> bool:
        return bool(address) and _addresses.authority(address) == _addresses.authority(self._start)

    def _is_wanted(self, target: str) -> bool:
        included = not self._scope.include or any(fnmatchcase(target, it) for it in self._scope.include)
        return included and not any(fnmatchcase(target, it) for it in self._scope.exclude)


def _content(address: str, fetched: Fetched, suffix: str) -> tuple[bytes, _pages.Says]:
    """What a reader is given, and what the page says of itself. Blocks."""
    content_type = fetched.headers.get("content-type", "")
    tag = fetched.headers.get("x-robots-tag", "")
    body = fetched.body if suffix in _addresses.HTML else b""
    said = _pages.says(body, address, content_type, tag, AGENT)
    return _pages.marked(fetched.body, content_type), said


async def _fail(reason: str) -> bytes:
    raise DocumentUnreadable(reason)
