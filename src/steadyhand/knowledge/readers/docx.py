"""Word documents: paragraphs, headings, lists, tables, text boxes, charts and diagrams in document order.

Footnotes and comments follow what they belong to; headers are read once, before the body, and footers behind it.
Of tracked changes the newest state is read. Source: ECMA-376, part 1, 17.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from lxml import etree

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers import eml, html
from steadyhand.knowledge.readers import text as plain
from steadyhand.knowledge.readers._draft import Draft, canonical, collapsed, is_title
from steadyhand.knowledge.readers._drawing import add_embedded
from steadyhand.knowledge.readers._package import Package, R
from steadyhand.knowledge.readers._word import (
    BOX,
    NOTES,
    Numbering,
    Styles,
    W,
    inner,
    outline_level,
    outside_tables,
    seen_children,
    text_of,
    value_of,
)
from steadyhand.types.document import Document

EXTENSIONS = (".docx", ".docm", ".dotx", ".dotm")

_DRAWINGS = (f"{W}drawing", f"{W}pict", f"{W}object")
_IMPORTED = {
    ".htm": html.read,
    ".html": html.read,
    ".xhtml": html.read,
    ".mht": eml.saved_page,
    ".mhtml": eml.saved_page,
    ".txt": plain.read,
}
_NO_NOTES = frozenset(["separator", "continuationSeparator", "continuationNotice"])


def read(content: bytes, name: str) -> Document:
    """The document; all on page 1, because a Word file does not know its pages.

    Raises `DocumentUnreadable` for what is no Word document, is protected, is too large once unpacked, or holds a
    document type declaration.
    """
    with Package(content, name, "a Word document") as package:
        root = package.main_tree(f"{W}document")
        reading = _Reading(Draft(name), package)
        reading.margins("header")
        reading.children(root)
        reading.end_list()
        reading.draft.leave_sections()
        reading.margins("footer")
        stated, metadata = package.properties()
        fallback = stated if is_title(stated) else reading.draft.first_heading
        return reading.draft.document(reading.title or fallback, metadata)


class _Reading:
    """Walks the body; neighbouring list items become one block."""

    def __init__(self, draft: Draft, package: Package) -> None:
        self.draft = draft
        self.title = ""
        self._package = package
        self._part = package.main
        self._related = package.related(package.main)
        self._styles = Styles(self._root("styles"))
        self._numbering = Numbering(self._root("numbering"))
        self._notes = {kind: self._elements(part) for kind, part in NOTES.items()}
        self._items: list[str] = []
        self._waiting: list[etree._Element] = []  # notes of the open block

    def children(self, parent: etree._Element) -> None:
        for child in seen_children(parent):
            if child.tag == f"{W}p":
                self._paragraph(child)
            elif child.tag == f"{W}tbl":
                self._table(child)
            elif child.tag == f"{W}altChunk":
                self._imported(child.get(f"{R}id", ""))
            else:
                self.children(child)

    def end_list(self) -> None:
        self.draft.add("list", "\n".join(self._items))
        self._items = []
        waiting, self._waiting = self._waiting, []
        for note in waiting:
            self.draft.add("paragraph", canonical(_flat(note)))

    def margins(self, kind: str) -> None:
        """Headers or footers, each text once. Those that are mostly a page number are left out."""
        said: dict[str, None] = {}
        for relation in self._related.values():
            root = self._package.tree(relation.target) if relation.kind == kind else None
            if root is not None:
                said.update(dict.fromkeys(filter(_has_words, _flat_lines(root))))
        self.draft.add("paragraph", "\n".join(said))

    def _root(self, kind: str) -> etree._Element | None:
        return self._package.tree(self._package.only(self._part, kind))

    def _elements(self, kind: str) -> dict[str, etree._Element]:
        """Notes or comments by their id."""
        root = self._root(kind)
        return {
            element.get(f"{W}id", ""): element
            for element in (root if root is not None else ())
            if element.get(f"{W}type") not in _NO_NOTES
        }

    def _paragraph(self, element: etree._Element) -> None:
        style = self._styles.of(element)
        text = text_of(element).strip()
        if not text and not _holds(element, *_DRAWINGS, BOX, *NOTES):
            return  # air between items does not part them
        level = style.level or outline_level(value_of(element, "pPr", "outlineLvl"))
        number = self._numbering.of(element, style.numbering) if text else None
        if number is not None and not level and not style.is_title:
            self._items.append(f"{'  ' * number.depth}{number.label or '-'} {collapsed(text)}")
            self._remember(element)
            if _holds(element, *_DRAWINGS, BOX):
                self.end_list()
        else:
            self.end_list()
            if number is not None and number.label:
                text = f"{number.label} {text}"
            if level or style.is_title:
                self.title = self.title or (collapsed(canonical(text)) if style.is_title else "")
                self.draft.heading(text, level)
            else:
                self.draft.add("paragraph", text)
            self._remember(element)
            self.end_list()
        self._drawings(element)

    def _drawings(self, element: etree._Element) -> None:
        for box in inner(element, BOX):
            self.children(box)
            self.end_list()
        for drawing in inner(element, *_DRAWINGS):
            add_embedded(self.draft, self._package, self._part, drawing)

    def _imported(self, relation: str) -> None:
        """A web page or text that programs put into the file for Word to convert when it is opened."""
        self.end_list()
        part = self._related[relation].target if relation in self._related else ""
        reader = _IMPORTED.get(PurePosixPath(part).suffix.lower())
        if reader is None or not self._package.has(part):
            return
        try:
            found = reader(self._package.bytes_of(part), part)
        except DocumentUnreadable:
            return  # nothing in it; the rest is worth reading
        self.draft.take(found)

    def _remember(self, element: etree._Element) -> None:
        """Footnotes, endnotes and comments that an element refers to are due once its block is written."""
        for reference in element.iter(*NOTES):
            note = self._notes[str(reference.tag)].pop(reference.get(f"{W}id", ""), None)
            if note is not None:
                self._waiting.append(note)

    def _table(self, element: etree._Element) -> None:
        """Rows as lines of cells; a table of one column is a frame around what it holds."""
        self.end_list()
        rows = [(row, list(outside_tables(row, f"{W}tc"))) for row in outside_tables(element, f"{W}tr")]
        if all(len(cells) <= 1 for _, cells in rows):
            for _, cells in rows:
                for cell in cells:
                    self.children(cell)
                    self.end_list()
            return
        lines = [(" | ".join(map(_flat, cells)), _is_header(row)) for row, cells in rows]
        lines = [(line, is_header) for line, is_header in lines if line.strip(" |")]
        titles = next((at for at, (_, is_header) in enumerate(lines) if not is_header), 0) or 1
        self.draft.add("table", "\n".join(line for line, _ in lines), header_lines=titles if len(lines) > 1 else 0)
        for drawing in inner(element, *_DRAWINGS):
            add_embedded(self.draft, self._package, self._part, drawing)
        self._remember(element)
        self.end_list()


def _holds(element: etree._Element, *tags: str) -> bool:
    return next(element.iter(*tags), None) is not None


def _is_header(row: etree._Element) -> bool:
    """Is the row repeated on top of every page?"""
    mark = row.find(f"{W}trPr/{W}tblHeader")
    return mark is not None and mark.get(f"{W}val", "1") not in {"0", "false", "off"}


def _flat(element: etree._Element) -> str:
    """Everything in a cell or a note on one line; the rows of a nested table are parted by semicolons."""
    return collapsed(" ".join(_flat_lines(element)))


def _flat_lines(element: etree._Element) -> Iterator[str]:
    """One line for each paragraph and table that is not blank."""
    for child in seen_children(element):
        if child.tag == f"{W}tbl":
            rows = (
                ", ".join(filter(None, map(_flat, outside_tables(row, f"{W}tc"))))
                for row in outside_tables(child, f"{W}tr")
            )
            yield "; ".join(filter(None, rows))
        elif child.tag == f"{W}p":
            text = collapsed(canonical(text_of(child)))
            if text:
                yield text
            for box in inner(child, BOX):
                yield from _flat_lines(box)
        else:
            yield from _flat_lines(child)


def _has_words(line: str) -> bool:
    return any(map(str.isalpha, line))
