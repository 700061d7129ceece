"""Word documents: paragraphs, headings, lists, tables and text boxes in document order.

Reads the XML itself. A document type declaration is refused, entities are never resolved, and no part is unpacked
beyond a fixed size. Headers, footers, comments and deleted text are left out. Source: ECMA-376, part 1.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from lxml import etree

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._draft import Draft, collapsed, is_title
from steadyhand.types.document import Document

EXTENSIONS = (".docx",)

_PART_LIMIT = 64 * 2**20  # bytes of one unpacked part; a thousand pages take about 10 MiB
_BODY, _STYLES, _PROPERTIES = "word/document.xml", "word/styles.xml", "docProps/core.xml"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_HEADING = re.compile(r"heading ?([1-9])", re.IGNORECASE)
_DEPTHS = frozenset("012345678")
_TEXTS = frozenset([f"{_W}t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"])
_BREAKS = {f"{_W}tab": " ", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_UNSEEN = frozenset([f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}delText", f"{_W}pPr", f"{_W}rPr"])


def read(content: bytes, name: str) -> Document:
    """The document; all on page 1, because a Word file does not know its pages.

    Raises `DocumentUnreadable` for what is no Word document, is protected, is too large once unpacked, or holds a
    document type declaration.
    """
    try:
        with ZipFile(BytesIO(content)) as archive:
            body = _part(archive, _BODY, name)
            styles = _styles(_part(archive, _STYLES, name))
            properties = _part(archive, _PROPERTIES, name)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DocumentUnreadable(
            f"{name}: expected a Word document; found a file that cannot be unpacked ({error})",
            hint="is it cut off, protected by a password, or another format?",
        ) from None
    if body is None:
        raise DocumentUnreadable(f"{name}: expected a Word document; found none of its parts in the archive")
    reading = _Reading(Draft(name), styles)
    reading.children(body)
    reading.end_list()
    stated = collapsed(properties.findtext(f".//{_TITLE}") or "") if properties is not None else ""
    fallback = stated if is_title(stated) else reading.draft.first_heading
    return reading.draft.document(reading.title or fallback)


def _part(archive: ZipFile, part: str, name: str) -> etree._Element | None:
    """The root of a part, None when the archive has no such part."""
    if part not in archive.namelist():
        return None
    if archive.getinfo(part).compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise DocumentUnreadable(f"{name}: expected {part} packed by deflate; found another method")
    with archive.open(part) as file:
        xml = file.read(_PART_LIMIT + 1)
    if len(xml) > _PART_LIMIT:
        raise DocumentUnreadable(
            f"{name}: expected parts of at most {_PART_LIMIT // 2**20} MiB; found {part} larger once unpacked",
            hint="split the document",
        )
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(xml.replace(_STRICT, _W[1:-1].encode()), parser)
    except etree.XMLSyntaxError as error:
        raise DocumentUnreadable(f"{name}: expected XML in {part}; found {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise DocumentUnreadable(
            f"{name}: expected no document type declaration in {part}; found one",
            hint="Word writes none: distrust it",
        )
    return root


@dataclass(frozen=True, slots=True)
class _Style:
    is_title: bool
    is_list: bool
    level: int  # of a heading, from 1; 0 is none


def _styles(root: etree._Element | None) -> dict[str, _Style]:
    """Paragraph styles by id."""
    elements = (
        {style.get(f"{_W}styleId", ""): style for style in root.iter(f"{_W}style")} if root is not None else {}
    )
    return {key: _style(key, elements) for key in elements}


def _style(key: str, elements: dict[str, etree._Element]) -> _Style:
    """What a style does not say it has from the one it is based on; the id of a style that is not there may do."""
    heading = _HEADING.match(key)
    level = int(heading[1]) if heading else 0
    is_list = False
    named = ""
    seen: set[str] = set()
    while key in elements and key not in seen:
        seen.add(key)
        element = elements[key]
        named = named or _value(element, "name")
        is_list = is_list or element.find(f"{_W}pPr/{_W}numPr") is not None
        heading = _HEADING.match(_value(element, "name"))
        outline = _value(element, f"pPr/{_W}outlineLvl")
        level = level or (int(heading[1]) if heading else _outline(outline))
        key = _value(element, "basedOn")
    return _Style(named.lower() == "title", is_list and not level, level)


def _outline(value: str) -> int:
    """A heading's level from its outline level, in which 9 means body text."""
    return int(value) + 1 if value.isdigit() and int(value) < 9 else 0


def _value(element: etree._Element, path: str) -> str:
    found = element.find(f"{_W}{path}")
    return (found.get(f"{_W}val") or "") if found is not None else ""


class _Reading:
    """Walks the body; neighbouring list items become one block."""

    def __init__(self, draft: Draft, styles: dict[str, _Style]) -> None:
        self.draft = draft
        self.title = ""
        self._styles = styles
        self._items: list[str] = []

    def children(self, parent: etree._Element) -> None:
        for child in _shown(parent):
            if child.tag == f"{_W}p":
                self._paragraph(child)
            elif child.tag == f"{_W}tbl":
                self._table(child)
            else:
                self.children(child)

    def end_list(self) -> None:
        self.draft.add("list", "\n".join(self._items))
        self._items = []

    def _paragraph(self, element: etree._Element) -> None:
        key = _value(element, f"pPr/{_W}pStyle")
        style = self._styles.get(key) or _style(key, {})
        text = _text(element).strip()
        numbering = element.find(f"{_W}pPr/{_W}numPr")
        level = style.level or _outline(_value(element, f"pPr/{_W}outlineLvl"))
        if not level and (style.is_list or numbering is not None) and text:
            depth = _value(numbering, "ilvl") if numbering is not None else ""
            self._items.append("  " * (int(depth) if depth in _DEPTHS else 0) + "- " + collapsed(text))
        else:
            self.end_list()
            if level or style.is_title:
                self.title = self.title or (collapsed(text) if style.is_title else "")
                self.draft.heading(text, level)
            else:
                self.draft.add("paragraph", text)
        for box in _boxes(element):
            self.children(box)

    def _table(self, element: etree._Element) -> None:
        """Rows as lines of cells; a table of one column is a frame around what it holds."""
        self.end_list()
        rows = [list(_cells(row)) for row in _rows(element)]
        if all(len(row) <= 1 for row in rows):
            for row in rows:
                for cell in row:
                    self.children(cell)
                    self.end_list()
            return
        lines = [" | ".join(_flat(cell) for cell in row) for row in rows]
        lines = [line for line in lines if line.strip(" |")]
        self.draft.add("table", "\n".join(lines), header_lines=1 if len(lines) > 1 else 0)


def _shown(parent: etree._Element) -> Iterator[etree._Element]:
    """Child elements that a reader sees: of alternatives the first, of revisions the newest."""
    for child in parent:
        if child.tag in _UNSEEN:
            continue
        if child.tag == f"{_MC}AlternateContent":
            yield from islice(child, 1)
        else:
            yield child


def _text(element: etree._Element) -> str:
    """The text of a paragraph without that of the text boxes in it."""
    parts: list[str] = []
    for child in _shown(element):
        if child.tag in _TEXTS:
            parts.append(child.text or "")
        elif child.tag in _BREAKS:
            parts.append(_BREAKS[child.tag])
        elif child.tag != f"{_W}txbxContent":
            parts.append(_text(child))
    return "".join(parts)


def _boxes(element: etree._Element) -> Iterator[etree._Element]:
    for child in _shown(element):
        if child.tag == f"{_W}txbxContent":
            yield child
        else:
            yield from _boxes(child)


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    return _of_this_table(table, f"{_W}tr")


def _cells(row: etree._Element) -> Iterator[etree._Element]:
    return _of_this_table(row, f"{_W}tc")


def _of_this_table(parent: etree._Element, tag: str) -> Iterator[etree._Element]:
    """The elements of a tag, however they are wrapped; a table inside has its own."""
    for child in _shown(parent):
        if child.tag == tag:
            yield child
        elif child.tag != f"{_W}tbl":
            yield from _of_this_table(child, tag)


def _flat(cell: etree._Element) -> str:
    """Everything in a cell on one line; the rows of a nested table are parted by semicolons."""
    parts: list[str] = []
    for child in _shown(cell):
        if child.tag == f"{_W}tbl":
            rows = (", ".join(filter(None, map(_flat, _cells(row)))) for row in _rows(child))
            parts.append("; ".join(filter(None, rows)))
        elif child.tag == f"{_W}p":
            parts += [_text(child), *(_flat(box) for box in _boxes(child))]
        else:
            parts.append(_flat(child))
    return collapsed(" ".join(filter(None, parts)))
