"""Web pages: title and main content; navigation, forms and what nobody sees are left out.

Walks the tree without recursion; libxml2 bounds how deep it is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lxml import etree, html

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.readers._draft import Draft, canonical, collapsed, is_title
from steadyhand.knowledge.readers._html_main import main_content
from steadyhand.types.document import Document
from steadyhand.types.json import Json

EXTENSIONS = (".html", ".htm", ".xhtml")

_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_LEVELS = {f"h{level}": level for level in range(1, 7)}
_INLINE = re.compile(
    r"""a|abbr|acronym|b|bdi|bdo|big|br|cite|code|data|del|dfn|em|font|i|img|input|ins|kbd|label|mark|q|rp|rt|ruby|s
    |samp|small|span|strike|strong|sub|sup|time|tt|u|var|wbr""",
    re.VERBOSE,
)
_FIELDS = {
    "author": "author",
    "article:author": "author",
    "dc.creator": "author",
    "dcterms.creator": "author",
    "description": "description",
    "og:description": "description",
    "dc.description": "description",
    "date": "date",
    "article:published_time": "date",
    "datepublished": "date",
    "dc.date": "date",
    "dcterms.date": "date",
    "article:modified_time": "modified",
    "datemodified": "modified",
    "dcterms.modified": "modified",
    "keywords": "keywords",
    "og:url": "canonical",
    "og:site_name": "site",
}
_FIELD_LIMIT = 1_000  # code points
_LABEL = 120  # code points of a cell that is said in more than one place
_MOST_COLUMNS = 1_000  # of a table, within which cells are said again
_NUMBER = re.compile(r"[1-9]\d{0,5}")
_BREAK = "\u2028"  # a line break that is meant, among white space that is not


def read(content: bytes, name: str) -> Document:
    """The document, all on page 1. Raises `DocumentUnreadable` for binary data and for pages without text."""
    root = _parsed(content, name)
    title = collapsed(root.findtext(".//title") or "")
    metadata = _metadata(root)
    page = _Page(Draft(name))
    page.walk(main_content(root))
    return page.draft.document(title or page.draft.first_heading, metadata)


def _parsed(content: bytes, name: str) -> html.HtmlElement:
    declared = _CHARSET.search(content[:4096])
    text = decoded(content, name, declared=declared[1].decode("ascii") if declared else "")
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError as error:
        raise DocumentUnreadable(f"{name}: expected a web page; found none ({error})") from None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise DocumentUnreadable(f"{name}: expected elements at most 2,048 deep in each other; found deeper ones")
    return root


def _metadata(root: html.HtmlElement) -> dict[str, Json]:
    """What the page says of itself for machines: author, date, description, keywords, canonical, lang."""
    stated: dict[str, str] = {}
    for meta in root.iter("meta"):
        key = (meta.get("name") or meta.get("property") or meta.get("itemprop") or "").lower()
        stated.setdefault(_FIELDS.get(key, ""), collapsed(canonical(meta.get("content") or "")))
    canonical_link = root.xpath("string(//link[@rel='canonical']/@href)")
    stated |= {"canonical": canonical_link or stated.get("canonical", ""), "lang": root.get("lang", "")}
    found: dict[str, Json] = {
        key: value.strip()[:_FIELD_LIMIT] for key, value in stated.items() if key and value.strip()
    }
    if isinstance(keywords := found.get("keywords"), str):
        found["keywords"] = [word.strip() for word in keywords.split(",") if word.strip()]
    return found


class _Page:
    """Collects text until a block ends it, and list items until the list ends."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._inline: list[str] = []
        self._items: list[str] = []
        self._numbers: list[int] = []  # the next item's number in each open list, 0 for bullets
        self._marker = ""

    def walk(self, root: html.HtmlElement) -> None:
        whole: html.HtmlElement | None = None
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if element is None:
                continue
            if event == "start" and self._takes_whole(element):
                whole = element
                walker.skip_subtree()
            elif event == "start":
                self._enter(element)
            else:
                if element is not whole:
                    self._leave(element)
                self._inline.append(_behind(element))
        self._end_list()

    def _takes_whole(self, element: html.HtmlElement) -> bool:
        """Write an element that becomes one block with everything in it; False when it is none."""
        is_table = element.tag == "table" and _is_table_of_cells(element)
        if element.tag not in _LEVELS and element.tag != "pre" and not is_table:
            return False
        self._end_list()
        if is_table:
            self._table(element)
        elif element.tag == "pre":
            self.draft.add("code", "".join(element.itertext()))
        else:
            self.draft.heading(_flat(element), _LEVELS[element.tag])
        return True

    def _enter(self, element: html.HtmlElement) -> None:
        if not _INLINE.fullmatch(element.tag):
            self._end_block()
        if element.tag in {"ul", "ol"}:
            start = element.get("start", "")
            self._numbers.append((int(start) if _NUMBER.fullmatch(start) else 1) if element.tag == "ol" else 0)
        elif element.tag == "li":
            self._marker = self._next_marker(element.get("value", ""))
        elif element.tag == "br":
            self._inline.append(_BREAK)
        elif element.tag == "img":
            self._inline.append(f" {_described(element)} ")
        self._inline.append(element.text or "")

    def _leave(self, element: html.HtmlElement) -> None:
        if not _INLINE.fullmatch(element.tag):
            self._end_block()
        if element.tag in {"ul", "ol"}:
            self._numbers.pop()
            if not self._numbers:
                self._end_list()

    def _next_marker(self, stated: str) -> str:
        if not self._numbers:
            return "- "
        if self._numbers[-1] and _NUMBER.fullmatch(stated):
            self._numbers[-1] = int(stated)
        number = self._numbers[-1]
        self._numbers[-1] += 1 if number else 0
        return "  " * min(len(self._numbers) - 1, 8) + (f"{number}. " if number else "- ")

    def _end_block(self) -> None:
        lines = [collapsed(line) for line in "".join(self._inline).split(_BREAK)]
        text = "\n".join(lines).strip("\n")
        self._inline = []
        if text and (self._numbers or self._marker):
            self._items.append(self._marker + text)
            self._marker = ""
        else:
            self.draft.add("paragraph", text)

    def _end_list(self) -> None:
        self._end_block()
        self.draft.add("list", "\n".join(self._items))
        self._items = []

    def _table(self, table: html.HtmlElement) -> None:
        for caption in table.findall("caption"):
            self.draft.add("paragraph", _flat(caption))
        lines: list[tuple[str, bool]] = []
        length = 0
        for line, is_header in _lines(table):
            if line.strip(" |"):
                lines.append((line, is_header))
                length += len(line) + 1
                self.draft.check_length(length)
        titles = next((at for at, (_, is_header) in enumerate(lines) if not is_header), 0) or 1
        self.draft.add("table", "\n".join(line for line, _ in lines), header_lines=titles if len(lines) > 1 else 0)


def _is_table_of_cells(table: html.HtmlElement) -> bool:
    """False for a table that only arranges the page: one column, tables or headings inside, or so marked."""
    if table.get("role") in {"presentation", "none"} or next(table.iterdescendants(*_LEVELS), None) is not None:
        return False
    rows = list(_rows(table))
    if next(table.iterdescendants("table"), None) is not None and not any(row.findall("th") for row in rows):
        return False
    return any(len(row.findall("td")) + len(row.findall("th")) > 1 for row in rows)


def _rows(table: html.HtmlElement) -> list[html.HtmlElement]:
    """The rows of a table without those of tables inside it."""
    rows: list[html.HtmlElement] = table.xpath("./tr|./thead/tr|./tbody/tr|./tfoot/tr")
    return rows


class _Reaching(NamedTuple):
    """A cell that reaches into rows below."""

    text: str
    columns: int
    rows: int


def _lines(table: html.HtmlElement) -> Iterator[tuple[str, bool]]:
    """Every row, and whether it has only titles. A cell is said again in each row that it reaches into."""
    reaching: dict[int, _Reaching] = {}
    held: list[tuple[str, bool]] = []  # a row of which the next one says everything again
    for row in _rows(table):
        cells = [cell for cell in row if cell.tag in {"td", "th"}]
        shown, reaching = _line(cells, reaching)
        if not cells:
            yield from held
            held = []
            continue
        held = [(" | ".join(shown), all(cell.tag == "th" for cell in cells))]
        if not {cell.text for cell in reaching.values()}.issuperset(shown):
            yield from held
            held = []
    yield from held


def _line(
    cells: Sequence[html.HtmlElement], above: Mapping[int, _Reaching]
) -> tuple[list[str], dict[int, _Reaching]]:
    """The texts of a row, and what reaches into the next one. A title stands above every column that it spans."""
    reaching = {column: cell._replace(rows=cell.rows - 1) for column, cell in above.items() if cell.rows > 1}
    shown: list[str] = []
    column = 0
    for cell in cells:
        while column in above:
            shown.append(above[column].text)
            column += above[column].columns
        text = _flat(cell)
        columns, rows = _span(cell, "colspan"), _span(cell, "rowspan")
        fits = len(text) <= _LABEL and column < _MOST_COLUMNS
        shown += [text] * (columns if cell.tag == "th" and len(cells) > 1 and fits else 1)
        if rows > 1 and column < _MOST_COLUMNS:
            reaching[column] = _Reaching(text if fits else "", columns, rows - 1)
        column += columns
    return shown + [above[at].text for at in sorted(above) if at >= column], reaching


def _span(cell: html.HtmlElement, direction: str) -> int:
    stated = cell.get(direction, "")
    return min(int(stated), _MOST_COLUMNS) if _NUMBER.fullmatch(stated) else 1


def _described(image: html.HtmlElement) -> str:
    """What a picture says of itself; names of files and single signs are no description."""
    text = collapsed(image.get("alt") or "")
    return text if is_title(text) else ""


def _flat(element: html.HtmlElement) -> str:
    """All text of an element on one line; words of neighbouring blocks stay apart."""
    parts = [element.text or ""]
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        if inner is element:
            continue
        parts.append("" if _INLINE.fullmatch(inner.tag) and inner.tag != "br" else " ")
        if event == "start" and inner.tag == "img":
            parts.append(f" {_described(inner)} ")
        parts.append((inner.text or "") if event == "start" else _behind(inner))
    return collapsed("".join(parts))


def _behind(element: html.HtmlElement) -> str:
    """The text up to the next element; links side by side stay apart, as styles nearly always show them."""
    follower = element.getnext() if element.tag == "a" and not element.tail else None
    return " " if follower is not None and follower.tag == "a" else element.tail or ""
