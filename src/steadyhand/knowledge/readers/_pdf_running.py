"""Takes out what is printed on every page: running titles, page numbers, dates, letterheads. Pure.

A line is a running one when it stands at the same height of other pages too, says the same or counts on, has
nothing but running lines between it and the edge of the page, and keeps apart from the text; or when it is the
outermost line of its page, at whatever height, with a number that counts the pages. Column titles are none.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from steadyhand.knowledge.readers._pdf_figures import figures, names_columns
from steadyhand.knowledge.readers._pdf_line import Line, Sheet, Usual, usual

BATCH = 32
"""So many neighbouring pages are compared with each other."""

_EDGE = 0.15  # of the page's height: where running lines stand
_DEEPEST = 6  # lines from an edge
_SAME_PT = 3.0  # heights that are one
_APART = 1.4  # leadings between running lines and the text
_LARGE = 1.15  # type sizes of the text
_SHORT = 3  # pages of a document
_OFTEN, _OFTEN_IN_SHORT = 3, 2  # pages
_MOSTLY = 0.75
_NEAR = 3  # pages on each side that are asked whether a number counts the pages
_LONGEST = 120  # code points of a line with the number of its page
_NUMBER = re.compile(r"\d+")
_FIRST_OR_LAST = re.compile(r"\A\d{1,5}\b|\b\d{1,5}\Z")
_PAGE_OF = re.compile(
    r"(?:page|seite|sayfa|página|pagina|side|sida|strona)?\s*(\d+)\s*(?:of|von|/|de|di|sur|av|van|z)\s*(\d+)",
    re.IGNORECASE,
)
_FACT = re.compile(r"@|www\.|\d[\d ./-]{5,}\d")


class _Found(NamedTuple):
    """A line near an edge of a page: its place among the page's lines, its distance from the edge, what follows."""

    page: int
    at: int
    line: Line
    height: float
    inwards: Line | None


class _Edge(NamedTuple):
    """The lines of a page from its upper or lower edge inwards."""

    sheet: Sheet
    is_top: bool
    near: list[_Found]
    norm: Usual

    def offsets(self) -> set[int]:
        """By how much the numbers that the outermost line begins and ends with differ from the page's."""
        text = self.near[0].line.text if self.near else ""
        return {int(said) - self.sheet.number for said in _FIRST_OR_LAST.findall(text[:_LONGEST])}

    def is_apart(self, depth: int) -> bool:
        """Is there room behind the line, as between running lines and the text?"""
        line, inwards = self.near[depth].line, self.near[depth].inwards
        return inwards is None or abs(inwards.base - line.base) > _APART * max(self.norm.leading, line.size)


class Running:
    """Knows the running lines of one document, and learns from every batch of its pages."""

    def __init__(self, page_count: int) -> None:
        self._page_count = page_count
        self._often = _OFTEN_IN_SHORT if page_count <= _SHORT else _OFTEN
        self._heights: dict[tuple[bool, str], list[float]] = defaultdict(list)
        self._offsets: dict[tuple[bool, int], set[int]] = {}
        self._kept: set[str] = set()

    def without(self, sheets: Sequence[Sheet]) -> Iterator[Sheet]:
        """The pages without running lines. Titles, and facts such as a bank account, stay where they come first."""
        edges = [edge for sheet in sheets for edge in _edges(sheet)]
        self._learn(edges)
        gone = self._gone(edges)
        for sheet in sheets:
            lines = [line for at, line in enumerate(sheet.lines) if (sheet.number, at) not in gone]
            yield sheet._replace(lines=lines)

    def _learn(self, edges: Sequence[_Edge]) -> None:
        """Remember at which height something returns, and which numbers stand at the edges."""
        alike: dict[tuple[bool, str], list[_Found]] = defaultdict(list)
        for edge in edges:
            self._offsets[edge.is_top, edge.sheet.number] = edge.offsets()
            for found in edge.near:
                if found.height <= _EDGE * edge.sheet.height:
                    alike[edge.is_top, _pattern(found.line)].append(found)
        for (is_top, pattern), all_found in alike.items():
            for level in _levels(all_found):
                if len(level) >= self._often and _is_steady(level) and not (is_top and _heads_rows(level)):
                    self._heights[is_top, pattern].append(level[0].height)

    def _gone(self, edges: Sequence[_Edge]) -> set[tuple[int, int]]:
        """Numbers of pages, and places among their lines. What keeps apart on most pages may be close on some."""
        depths = [self._depths(edge) for edge in edges]
        votes: Counter[tuple[bool, str]] = Counter()
        for edge, (apart, deepest) in zip(edges, depths, strict=True):
            for depth, found in enumerate(edge.near[:deepest]):
                votes[edge.is_top, _pattern(found.line)] += 1 if depth < apart else -1
        gone: set[tuple[int, int]] = set()
        for edge, (apart, deepest) in zip(edges, depths, strict=True):
            for depth, found in enumerate(edge.near[:deepest]):
                if depth >= apart and votes[edge.is_top, _pattern(found.line)] <= 0:
                    break
                if self._is_certain(edge, depth) or not self._comes_first(found.line, edge.norm.size):
                    gone.add((found.page, found.at))
        return gone

    def _depths(self, edge: _Edge) -> tuple[int, int]:
        """How many lines are running ones, as far as they keep apart from the text, and at most."""
        deepest = 0
        while deepest < len(edge.near) and (self._is_certain(edge, deepest) or self._returns(edge, deepest)):
            deepest += 1
        apart = deepest
        while apart and not (self._is_certain(edge, apart - 1) or edge.is_apart(apart - 1)):
            apart -= 1
        return apart, deepest

    def _is_certain(self, edge: _Edge, depth: int) -> bool:
        return (depth == 0 and self._counts_pages(edge)) or self._is_page_of(edge.near[depth])

    def _returns(self, edge: _Edge, depth: int) -> bool:
        found = edge.near[depth]
        heights = self._heights.get((edge.is_top, _pattern(found.line)), ())
        return any(abs(height - found.height) <= _SAME_PT for height in heights)

    def _is_page_of(self, found: _Found) -> bool:
        """Is it "Page 3 of 12" on the third of twelve pages?"""
        said = _PAGE_OF.fullmatch(found.line.text)
        return said is not None and (int(said[1]), int(said[2])) == (found.page, self._page_count)

    def _counts_pages(self, edge: _Edge) -> bool:
        """Does the outermost line hold a number that counts on with the pages around? From 1 in short documents."""
        number = edge.sheet.number
        around = [self._offsets.get((edge.is_top, page)) for page in range(number - _NEAR, number + _NEAR + 1)]
        for offset in edge.offsets():
            agree = sum(offsets is not None and offset in offsets for offsets in around)
            if agree >= self._often and (offset == 0 or self._page_count > _SHORT):
                return True
        return False

    def _comes_first(self, line: Line, size: float) -> bool:
        """Would a title or a fact be lost?"""
        if line.text in self._kept or not (line.size > _LARGE * size or _FACT.search(line.text)):
            return False
        self._kept.add(line.text)
        return True


def _edges(sheet: Sheet) -> Iterator[_Edge]:
    """The upper and the lower edge of a page with lines."""
    if not sheet.lines:
        return
    norm = usual(sheet.lines)
    downwards = sorted((line.base, at) for at, line in enumerate(sheet.lines) if line.box is None)
    for is_top in (True, False):
        inwards = downwards if is_top else downwards[::-1]
        near = []
        for depth, (base, at) in enumerate(inwards[:_DEEPEST]):
            behind = sheet.lines[inwards[depth + 1][1]] if depth + 1 < len(inwards) else None
            height = base if is_top else sheet.height - base
            near.append(_Found(sheet.number, at, sheet.lines[at], height, behind))
        yield _Edge(sheet, is_top, near, norm)


def _pattern(line: Line) -> str:
    return _NUMBER.sub("#", line.text).casefold()


def _levels(found: Sequence[_Found]) -> Iterator[list[_Found]]:
    """Lines that say the same, parted by their height, each in the order of pages."""
    ordered = sorted(found, key=lambda one: one.height)
    level = ordered[:1]
    for one in ordered[1:]:
        if one.height - level[-1].height > _SAME_PT:
            yield sorted(level, key=lambda each: each.page)
            level = []
        level.append(one)
    yield sorted(level, key=lambda each: each.page)


def _is_steady(level: Sequence[_Found]) -> bool:
    """Do the lines stand on neighbouring pages, with numbers that stay or count on?"""
    steps = list(pairwise(level))
    near = sum(0 < after.page - before.page <= 2 for before, after in steps)
    steady = sum(_counts_on(before, after) for before, after in steps)
    return min(near, steady) >= _MOSTLY * len(steps)


def _counts_on(before: _Found, after: _Found) -> bool:
    numbers = zip(_NUMBER.findall(before.line.text), _NUMBER.findall(after.line.text), strict=True)
    return all(old == new or 0 < int(new) - int(old) <= after.page - before.page for old, new in numbers)


def _heads_rows(level: Sequence[_Found]) -> bool:
    """Are these the titles of columns that go on over several pages: cells above rows?"""
    if not any(found.line.gap or names_columns(found.line.text) for found in level):
        return False
    rows = sum(
        found.inwards is not None and (found.inwards.gap > 0 or figures(found.inwards.text) > 0) for found in level
    )
    return rows >= 0.8 * len(level)
