"""PowerPoint presentations: every slide a page under its title, in the order in which a reader's eye takes it.

Tables, charts, diagrams, grouped shapes, notes and comments are read; numbers, dates and footers of slides are not.
Source: ECMA-376, part 1, 19.
"""

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from steadyhand.knowledge.readers._draft import Draft, canonical, collapsed, is_title
from steadyhand.knowledge.readers._drawing import A, add_embedded, add_paragraphs, add_table, flat, paragraphs
from steadyhand.knowledge.readers._package import Package, R, shown_children, whole
from steadyhand.types.document import Document

EXTENSIONS = (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx")

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_P188 = "{http://schemas.microsoft.com/office/powerpoint/2018/8/main}"
_SHAPES = frozenset(f"{_P}{kind}" for kind in ("sp", "grpSp", "graphicFrame", "pic", "cxnSp", "contentPart"))
_TITLES = frozenset(["title", "ctrTitle"])
_BODIES = frozenset(["body", "obj", ""])  # placeholders whose paragraphs have bullets unless they say otherwise
_LEFT_OUT = frozenset(["sldNum", "dt", "ftr", "hdr", "sldImg"])
_BAND = 228_600  # EMU, a quarter of an inch: shapes whose tops are closer are beside each other
_TITLE_LEVEL = 1


def read(content: bytes, name: str) -> Document:
    """The document; a page is a slide, hidden ones included. It is named by its properties, else its first title.

    Raises `DocumentUnreadable` for what is no presentation, is too large once unpacked, or holds a document type
    declaration.
    """
    with Package(content, name, "a PowerPoint presentation") as package:
        deck = package.main_tree(f"{_P}presentation")
        related = package.related(package.main)
        draft, layouts = Draft(name), _Layouts(package)
        for slide in deck.iterfind(f"{_P}sldIdLst/{_P}sldId"):
            relation = related.get(slide.get(f"{R}id", ""))
            root = package.tree(relation.target) if relation else None
            if relation is not None and root is not None:
                _Slide(draft, package, layouts, relation.target).write(root)
            draft.end_page()
        title, metadata = package.properties()
        return draft.document(title if is_title(title) else draft.first_heading, metadata)


class _Slide:
    """Writes one slide, with what belongs to it."""

    def __init__(self, draft: Draft, package: Package, layouts: "_Layouts", part: str) -> None:
        self._draft = draft
        self._package = package
        self._layouts = layouts
        self._part = part
        self._related = package.related(part)

    def write(self, slide: etree._Element) -> None:
        shapes = list(self._in_order(slide.find(f"{_P}cSld/{_P}spTree")))
        title = next((shape for shape in shapes if _placeholder(shape) in _TITLES and _text(shape)), None)
        mark = " (hidden)" if slide.get("show") in {"0", "false"} else ""
        self._draft.leave_sections()
        if title is not None:
            self._draft.heading(_text(title) + mark, _TITLE_LEVEL)
        for shape in shapes:
            if shape is not title:
                self._shape(shape)
        self._notes()
        self._comments()

    def _in_order(self, tree: etree._Element | None) -> Iterator[etree._Element]:
        """The shapes from top to bottom, and from left to right where they stand beside each other."""
        placed = [
            (self._place(shape), shape)
            for shape in (shown_children(tree) if tree is not None else ())
            if shape.tag in _SHAPES
        ]
        placed.sort(key=lambda pair: pair[0].top)
        band: list[tuple[_Place, etree._Element]] = []
        for place, shape in placed:
            if band and place.top - band[0][0].top > _BAND:
                yield from _from_left(band)
                band = []
            band.append((place, shape))
        yield from _from_left(band)

    def _place(self, shape: etree._Element) -> "_Place":
        """Where a shape stands; a placeholder that does not say stands where its layout, or the master, puts it."""
        own = _offset(shape)
        if own is not None:
            return own
        layout = self._package.only(self._part, "slideLayout")
        for part in (layout, self._package.only(layout, "slideMaster") if layout else ""):
            for other, place in self._layouts.placeholders(part):
                if _is_same_placeholder(shape, other):
                    return place
        return _Place(0, 0)

    def _shape(self, shape: etree._Element) -> None:
        if shape.tag == f"{_P}grpSp":
            for inner in self._in_order(shape):
                self._shape(inner)
        elif shape.tag == f"{_P}graphicFrame":
            for table in shape.iter(f"{A}tbl"):
                add_table(self._draft, table)
            add_embedded(self._draft, self._package, self._part, shape)
        elif _placeholder(shape) not in _LEFT_OUT:
            body = shape.find(f"{_P}txBody")
            if body is not None:
                found = list(paragraphs(body))
                add_paragraphs(self._draft, found, are_items=len(found) > 1 and _placeholder(shape) in _BODIES)

    def _notes(self) -> None:
        for relation in self._related.values():
            root = self._package.tree(relation.target) if relation.kind == "notesSlide" else None
            for shape in root.iter(f"{_P}sp") if root is not None else ():
                body = shape.find(f"{_P}txBody")
                if body is not None and _placeholder(shape) not in _LEFT_OUT:
                    add_paragraphs(self._draft, list(paragraphs(body)))

    def _comments(self) -> None:
        for relation in self._related.values():
            root = self._package.tree(relation.target) if relation.kind == "comments" else None
            for comment in root.iter(f"{_P}cm", f"{_P188}cm", f"{_P188}reply") if root is not None else ():
                bodies = comment.findall(f"{_P188}txBody")
                said = comment.findtext(f"{_P}text") or " ".join(map(flat, bodies))
                self._draft.add("list", "- " + collapsed(said) if said.strip() else "")


class _Place(NamedTuple):
    """The upper left corner of a shape, in EMU."""

    top: int
    left: int


class _Layouts:
    """The placeholders of layouts and masters with their places; each part is read once."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, list[tuple[etree._Element, _Place]]] = {}

    def placeholders(self, part: str) -> list[tuple[etree._Element, _Place]]:
        if part not in self._known:
            root = self._package.tree(part)
            shapes = root.iter(f"{_P}sp") if root is not None else ()
            self._known[part] = [(shape, place) for shape in shapes if (place := _offset(shape)) is not None]
        return self._known[part]


def _from_left(band: list[tuple[_Place, etree._Element]]) -> Iterator[etree._Element]:
    for _, shape in sorted(band, key=lambda pair: pair[0].left):
        yield shape


def _offset(shape: etree._Element) -> _Place | None:
    for path in (f"{_P}spPr/{A}xfrm/{A}off", f"{_P}grpSpPr/{A}xfrm/{A}off", f"{_P}xfrm/{A}off"):
        offset = shape.find(path)
        if offset is not None:
            return _Place(whole(offset.get("y")), whole(offset.get("x")))
    return None


def _placeholder(shape: etree._Element) -> str | None:
    """The type of a placeholder, "" for the usual one; None for a shape that is none."""
    found = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return found.get("type", "") if found is not None else None


def _is_same_placeholder(shape: etree._Element, other: etree._Element) -> bool:
    here, there = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph"), other.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    if here is None or there is None:
        return False
    if here.get("idx", "0") != "0":
        return here.get("idx") == there.get("idx")
    kinds = {here.get("type", ""), there.get("type", "")}
    return len(kinds) == 1 or kinds <= _TITLES or kinds <= _BODIES


def _text(shape: etree._Element) -> str:
    body = shape.find(f"{_P}txBody")
    return canonical(flat(body)) if body is not None else ""
