"""The parts of WordprocessingML that decide what a paragraph is: its style, its number, what of it is seen."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lxml import etree

from steadyhand.knowledge.readers._package import shown_children, whole

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
BOX = f"{W}txbxContent"
NOTES = {
    f"{W}footnoteReference": "footnotes",
    f"{W}endnoteReference": "endnotes",
    f"{W}commentReference": "comments",
}
"""What refers to a note, and the kind of the part in which notes of its sort are."""

_HEADING = re.compile(r"heading ?([1-9])", re.IGNORECASE)
_TEXTS = frozenset([f"{W}t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"])
_BREAKS = {f"{W}tab": " ", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-", f"{W}ptab": " "}
_UNSEEN = frozenset(
    f"{W}{tag}" for tag in ("del", "moveFrom", "instrText", "delText", "delInstrText", "pPr", "rPr")
)
_DEEPEST = 8
_PLACE = re.compile(r"%([1-9])")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_ROMAN_SMALL = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_LARGEST = 5_000  # past it roman numbers and letters become figures


def value_of(element: etree._Element | None, *path: str) -> str:
    """The `val` of an element's descendant, "" when there is none."""
    found = element.find("/".join(f"{W}{step}" for step in path)) if element is not None else None
    return (found.get(f"{W}val") or "") if found is not None else ""


def seen_children(parent: etree._Element) -> Iterator[etree._Element]:
    """Child elements that a reader sees: of alternatives the first, of revisions the newest."""
    return (child for child in shown_children(parent) if child.tag not in _UNSEEN)


def text_of(element: etree._Element) -> str:
    """The text of a paragraph without that of the text boxes in it."""
    parts: list[str] = []
    for child in seen_children(element):
        if child.tag in _TEXTS:
            parts.append(child.text or "")
        elif child.tag in _BREAKS:
            parts.append(_BREAKS[str(child.tag)])
        elif child.tag != BOX:
            parts.append(text_of(child))
    return "".join(parts)


def inner(element: etree._Element, *tags: str) -> Iterator[etree._Element]:
    """The outermost elements of some tags inside an element."""
    for child in seen_children(element):
        if child.tag in tags:
            yield child
        else:
            yield from inner(child, *tags)


def outside_tables(parent: etree._Element, tag: str) -> Iterator[etree._Element]:
    """The elements of a tag, however they are wrapped; a table inside has its own."""
    for child in seen_children(parent):
        if child.tag == tag:
            yield child
        elif child.tag != f"{W}tbl":
            yield from outside_tables(child, tag)


def outline_level(value: str) -> int:
    """A heading's level from its outline level, in which 9 means body text."""
    return whole(value) + 1 if 0 <= whole(value, -1) < 9 else 0


class NumberingRule(NamedTuple):
    """Which list a paragraph belongs to, and how deep; "" where it does not say."""

    list_id: str
    depth: str


class Style(NamedTuple):
    """`level` of a heading, from 1; 0 is none."""

    is_title: bool
    level: int
    numbering: NumberingRule | None


class Styles:
    """Paragraph styles by id."""

    def __init__(self, root: etree._Element | None) -> None:
        self._elements = (
            {style.get(f"{W}styleId", ""): style for style in root.iter(f"{W}style")} if root is not None else {}
        )
        self._known: dict[str, Style] = {}

    def of(self, paragraph: etree._Element) -> Style:
        key = value_of(paragraph, "pPr", "pStyle")
        if key not in self._known:
            self._known[key] = _style(key, self._elements)
        return self._known[key]


def _style(key: str, elements: Mapping[str, etree._Element]) -> Style:
    """What a style does not say it has from the one it is based on; the id of a style that is not there may do."""
    heading = _HEADING.match(key)
    level = int(heading[1]) if heading else 0
    numbering: NumberingRule | None = None
    named = ""
    seen: set[str] = set()
    while key in elements and key not in seen:
        seen.add(key)
        element = elements[key]
        named = named or value_of(element, "name")
        numbering = numbering or _rule(element)
        heading = _HEADING.match(value_of(element, "name"))
        outline = value_of(element, "pPr", "outlineLvl")
        level = level or (int(heading[1]) if heading else outline_level(outline))
        key = value_of(element, "basedOn")
    return Style(named.lower() == "title", level, numbering)


def _rule(element: etree._Element) -> NumberingRule | None:
    found = element.find(f"{W}pPr/{W}numPr")
    return NumberingRule(value_of(found, "numId"), value_of(found, "ilvl")) if found is not None else None


class Number(NamedTuple):
    """`label` is what is printed before an item, "" for a bullet; `depth` counts from 0."""

    label: str
    depth: int


class _Level(NamedTuple):
    kind: str
    text: str
    start: int


class Numbering:
    """Counts the items of the numbered lists of a document. Asked once per paragraph, in document order."""

    def __init__(self, root: etree._Element | None) -> None:
        found = root if root is not None else etree.Element("none")
        self._abstract = {a.get(f"{W}abstractNumId", ""): a for a in found.iterfind(f"{W}abstractNum")}
        self._lists = {n.get(f"{W}numId", ""): n for n in found.iterfind(f"{W}num")}
        self._levels: dict[str, dict[int, _Level]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._started: set[str] = set()

    def of(self, paragraph: etree._Element, by_style: NumberingRule | None) -> Number | None:
        """The number of a paragraph, None for one that stands in no list."""
        own = _rule(paragraph)
        if own is None and by_style is None:
            return None
        list_id = (own.list_id if own else "") or (by_style.list_id if by_style else "")
        stated = (own.depth if own else "") or (by_style.depth if by_style else "")
        depth = min(max(whole(stated), 0), _DEEPEST)
        if list_id == "0":
            return None  # how a paragraph leaves the list of its style
        return Number(self._label(list_id, depth), depth)

    def _label(self, list_id: str, depth: int) -> str:
        levels = self._levels_of(list_id)
        level = levels.get(depth)
        if level is None:
            return ""
        counts = self._counts_of(list_id, levels)
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in [d for d in counts if d > depth]:
            del counts[deeper]
        if level.kind in {"bullet", "none"}:
            return ""

        def shown(place: re.Match[str]) -> str:
            at = int(place[1]) - 1
            other = levels.get(at, level)
            return _written(counts.get(at, other.start), other.kind)

        return _PLACE.sub(shown, level.text).strip()

    def _counts_of(self, list_id: str, levels: Mapping[int, _Level]) -> dict[int, int]:
        """Lists of one abstract list count on together, unless a list starts anew."""
        element = self._lists.get(list_id)
        counts = self._counts.setdefault(value_of(element, "abstractNumId"), {})
        if element is not None and list_id not in self._started:
            self._started.add(list_id)
            for override in element.iterfind(f"{W}lvlOverride/{W}startOverride/.."):
                depth = whole(override.get(f"{W}ilvl"), -1)
                if depth in levels:
                    counts[depth] = whole(value_of(override, "startOverride"), 1) - 1
        return counts

    def _levels_of(self, list_id: str) -> dict[int, _Level]:
        if list_id not in self._levels:
            element = self._lists.get(list_id)
            abstract = self._abstract.get(value_of(element, "abstractNumId"))
            self._levels[list_id] = dict(_levels(abstract)) | dict(_levels(element))
        return self._levels[list_id]


def _levels(parent: etree._Element | None) -> Iterator[tuple[int, _Level]]:
    for element in parent.iter(f"{W}lvl") if parent is not None else ():
        kind = value_of(element, "numFmt") or "decimal"
        start = whole(value_of(element, "start"), 1)
        yield whole(element.get(f"{W}ilvl"), -1), _Level(kind, value_of(element, "lvlText"), start)


def _written(number: int, kind: str) -> str:
    """A number as a list counts: in figures, letters or roman numbers."""
    if number < 1 or number > _LARGEST:
        return str(number)
    if kind in {"lowerLetter", "upperLetter"}:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if kind == "upperLetter" else letter
    if kind in {"lowerRoman", "upperRoman"}:
        parts = []
        for value, sign in _ROMAN + _ROMAN_SMALL:
            parts.append(sign * (number // value))
            number %= value
        return "".join(parts).upper() if kind == "upperRoman" else "".join(parts)
    return f"{number:02}" if kind == "decimalZero" else str(number)
