"""Excel workbooks: every sheet a section, its rows as tables with the values that the workbook last showed.

Sheets are read row by row, so that a long one takes no more memory than its text. Formulas are not computed;
charts, text boxes and comments follow the rows of their sheet. Source: ECMA-376, part 1, 18.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from lxml import etree

from steadyhand.knowledge.readers._draft import Draft, canonical, collapsed, is_title
from steadyhand.knowledge.readers._drawing import A, add_embedded, add_paragraphs, paragraphs
from steadyhand.knowledge.readers._formats import BUILT_IN, GENERAL, shown_number
from steadyhand.knowledge.readers._grid import Grid, one_line
from steadyhand.knowledge.readers._package import Package, R, Relation, whole
from steadyhand.types.document import Document

EXTENSIONS = (".xlsx", ".xlsm", ".xltx", ".xltm")

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_THREADED = "{http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments}"
_CELL, _ROW, _VALUE, _INLINE = f"{_S}c", f"{_S}row", f"{_S}v", f"{_S}is"
_LAST_COLUMN, _LAST_ROW = 16_384, 1_048_576
_MERGED = re.compile(rb"mergeCell\s[^>]*?ref=\"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})\"")
_MERGES = 100_000  # at most so many are followed
_END_OF_ROWS = re.compile(rb"</(?:\w{1,20}:)?sheetData>")
_END_LIMIT = 40  # bytes of it
_TAIL_LIMIT = 8 * 2**20  # bytes behind the rows that are looked at
_SHEET_LIMIT = 512 * 2**20
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})(?::([A-Z]{1,3})(\d{1,7}))?")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read(content: bytes, name: str) -> Document:
    """The document; all on page 1. Titles of hidden sheets end with "(hidden)".

    Raises `DocumentUnreadable` for what is no workbook, is too large once unpacked, or holds a document type
    declaration.
    """
    with Package(content, name, "an Excel workbook") as package:
        book = package.main_tree(f"{_S}workbook")
        title, metadata = package.properties()
        reading = _Reading(package, book, Draft(name))
        reading.sheets()
        return reading.draft.document(title if is_title(title) else "", metadata)


class _Reading:
    """What the sheets of a workbook share: texts, formats, and the draft they are written into."""

    def __init__(self, package: Package, book: etree._Element, draft: Draft) -> None:
        self.draft = draft
        self._package = package
        self._book = book
        self._related = package.related(package.main)
        self._is_1904 = any(p.get("date1904") in {"1", "true"} for p in book.iter(f"{_S}workbookPr"))
        self._texts = [
            _rich(item) for item in package.elements(package.only(package.main, "sharedStrings"), f"{_S}si")
        ]
        self._codes = self._formats()

    def sheets(self) -> None:
        for sheet in self._book.iter(f"{_S}sheet"):
            relation = self._related.get(sheet.get(f"{R}id", ""))
            if relation is None or relation.kind not in {"worksheet", "chartsheet"}:
                continue
            is_hidden = sheet.get("state", "visible") != "visible"
            self.draft.heading(sheet.get("name", "") + (" (hidden)" if is_hidden else ""), 1)
            related = self._package.related(relation.target)
            if relation.kind == "worksheet":
                self._rows(relation.target, related)
            self._drawings(related)
            self._comments(related)

    def _formats(self) -> list[str]:
        """The number format of every cell style, by its index."""
        root = self._package.tree(self._package.only(self._package.main, "styles"))
        if root is None:
            return []
        own = {f.get("numFmtId", ""): f.get("formatCode", GENERAL) for f in root.iter(f"{_S}numFmt")}
        ids = [style.get("numFmtId", "0") for style in root.iterfind(f"{_S}cellXfs/{_S}xf")]
        return [own.get(key) or BUILT_IN.get(whole(key), GENERAL) for key in ids]

    # Rows

    def _rows(self, part: str, related: dict[str, Relation]) -> None:
        grid = Grid(self.draft)
        stated = self._stated_tables(related)
        merged = _merged_over_rows(self._package, part)
        repeated: dict[int, tuple[int, str]] = {}  # by column: until which row, and what
        before = 0
        for number, found in self._cells(part):
            cells = found
            if number == before + 2:
                grid.blank()
            elif number > before + 1:
                grid.end()
            before = number
            if number in stated:
                grid.begin_table(stated[number])
            for column in cells.keys() & merged.get(number, {}).keys():
                repeated[column] = (merged[number][column], cells[column])
            if repeated:
                cells, repeated = _with_repeated(number, cells, repeated)
            grid.row(cells)
        grid.end()

    def _cells(self, part: str) -> Iterator[tuple[int, dict[int, str]]]:
        """The number of each row, from 1, and its cells that are not empty, by column, from left to right."""
        number, column = 0, 0
        cells: dict[int, str] = {}
        for element in self._package.elements(part, _CELL, _ROW):
            if element.tag == _ROW:
                stated = whole(element.get("r"))
                number = stated if 0 < stated <= _LAST_ROW else number + 1
                yield number, cells
                cells, column = {}, 0
                continue
            column = _column(element.get("r", "").rstrip("0123456789")) or column + 1
            text = self._value(element) if len(element) else ""
            if text and column <= _LAST_COLUMN:
                cells[column] = text

    def _value(self, cell: etree._Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inline = cell.find(_INLINE)
            return _rich(inline) if inline is not None else ""
        value = cell.findtext(_VALUE) or ""
        if kind == "s":
            at = whole(value, -1)
            return self._texts[at] if 0 <= at < len(self._texts) else ""
        if kind == "n":
            at = whole(cell.get("s"))
            code = self._codes[at] if 0 <= at < len(self._codes) else GENERAL
            return shown_number(value, code, is_1904=self._is_1904)
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        return one_line(canonical(value))

    def _stated_tables(self, related: dict[str, Relation]) -> dict[int, int]:
        """How many rows of column titles a table has that the workbook itself calls one, by its first row."""
        found: dict[int, int] = {}
        for relation in related.values():
            table = self._package.tree(relation.target) if relation.kind == "table" else None
            place = _REFERENCE.match(table.get("ref", "")) if table is not None else None
            if table is not None and place:
                count = table.get("headerRowCount", "1")
                found[int(place[2])] = int(count) if count in {"0", "1"} else 1
        return found

    # What is not in cells

    def _drawings(self, related: dict[str, Relation]) -> None:
        for relation in related.values():
            root = self._package.tree(relation.target) if relation.kind == "drawing" else None
            for anchor in root if root is not None else ():
                for body in anchor.iter("{*}txBody"):
                    if body.find(f"{A}p") is not None:
                        add_paragraphs(self.draft, list(paragraphs(body)))
                add_embedded(self.draft, self._package, relation.target, anchor)

    def _comments(self, related: dict[str, Relation]) -> None:
        """Newer comments are kept twice: as a thread, and as one text for older programs."""
        threads = [
            line for r in related.values() if r.kind == "threadedComment" for line in self._threads(r.target)
        ]
        old = [line for r in related.values() if r.kind == "comments" for line in self._old_comments(r.target)]
        threaded = {line.partition(":")[0] for line in threads}
        self.draft.add(
            "list", "\n".join(threads + [line for line in old if line.partition(":")[0] not in threaded])
        )

    def _threads(self, part: str) -> Iterator[str]:
        for comment in self._package.elements(part, f"{_THREADED}threadedComment"):
            text = collapsed(comment.findtext(f"{_THREADED}text") or "")
            if text:
                yield f"{comment.get('ref', '')}: {text}"

    def _old_comments(self, part: str) -> Iterator[str]:
        for comment in self._package.elements(part, f"{_S}comment"):
            text = _rich(comment.find(f"{_S}text"))
            if text:
                yield f"{comment.get('ref', '')}: {text}"


def _rich(item: etree._Element | None) -> str:
    """The text of a string with its runs, without the reading aids of Asian texts, on one line."""
    if item is None:
        return ""
    parts = (
        text.text or "" for text in item.iter(f"{_S}t") if (p := text.getparent()) is None or p.tag != f"{_S}rPh"
    )
    return one_line(canonical(_ESCAPED.sub(lambda code: chr(int(code[1], 16)), "".join(parts))))


@lru_cache(maxsize=_LAST_COLUMN)
def _column(letters: str) -> int:
    """1 for A, 27 for AA; 0 for what is no column."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number if letters.isascii() and letters.isalpha() and len(letters) <= 3 else 0


def _merged_over_rows(package: Package, part: str) -> dict[int, dict[int, int]]:
    """By first row and column the last row of cells that are merged over several rows; they come last."""
    tail, is_behind = b"", False
    for chunk in package.chunks(part, limit=_SHEET_LIMIT) if package.has(part) else ():
        tail += chunk
        end = None if is_behind else _END_OF_ROWS.search(tail)
        is_behind = is_behind or end is not None
        tail = tail[end.end() :] if end else tail if is_behind else tail[-_END_LIMIT:]
        if len(tail) > _TAIL_LIMIT:
            break
    found: dict[int, dict[int, int]] = {}
    for count, (left, top, _, bottom) in enumerate(_MERGED.findall(tail)):
        if count < _MERGES and int(bottom) > int(top):
            found.setdefault(int(top), {})[_column(left.decode())] = int(bottom)
    return found


def _with_repeated(
    number: int, cells: dict[int, str], repeated: dict[int, tuple[int, str]]
) -> tuple[dict[int, str], dict[int, tuple[int, str]]]:
    """The row with what is merged down into it, if it has more to say; and what reaches further."""
    open_ = {column: (last, text) for column, (last, text) in repeated.items() if last >= number}
    if cells and open_:
        cells = dict(sorted(({column: text for column, (_, text) in open_.items()} | cells).items()))
    return cells, open_
