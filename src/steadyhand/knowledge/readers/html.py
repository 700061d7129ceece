"""Web pages: title and main content; navigation, forms and what nobody sees are left out.

Walks the tree without recursion; libxml2 bounds how deep it is.
"""

import re

from lxml import etree, html

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.readers._draft import Draft, collapsed
from steadyhand.types.document import Document

EXTENSIONS = (".html", ".htm", ".xhtml")

_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_LEVELS = {f"h{level}": level for level in range(1, 7)}
_DROPPED = re.split(
    r"\s+",
    """head script style noscript template nav footer aside button select textarea svg math canvas iframe object
    audio video dialog""",
)
_HIDDEN = "//*[@hidden or @aria-hidden='true' or contains(translate(@style, ' ', ''), 'display:none')]"
_INLINE = re.compile(
    r"""a|abbr|acronym|b|bdi|bdo|big|br|cite|code|data|del|dfn|em|font|i|img|input|ins|kbd|label|mark|q|rp|rt|ruby|s
    |samp|small|span|strike|strong|sub|sup|time|tt|u|var|wbr""",
    re.VERBOSE,
)
_BREAK = "\u2028"  # a line break that is meant, among white space that is not


def read(content: bytes, name: str) -> Document:
    """The document, all on page 1. Raises `DocumentUnreadable` for binary data and for pages without text."""
    root = _parsed(content, name)
    title = collapsed(root.findtext(".//title") or "")
    _prune(root)
    page = _Page(Draft(name))
    page.walk(_main(root))
    return page.draft.document(title or page.draft.first_heading)


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


def _prune(root: html.HtmlElement) -> None:
    """Take out what is not content. A header or a form stays when there is a heading in it."""
    kept = {outer for heading in root.iter(*_LEVELS) for outer in heading.iterancestors("header", "form")}
    outside = [element for element in root.iter("header", "form") if element not in kept]
    for element in [*root.iter(*_DROPPED), *root.xpath(_HIDDEN), *outside]:
        if element.getparent() is not None:
            element.drop_tree()
    for element in root.iter("br"):
        element.tail = _BREAK + (element.tail or "")


def _main(root: html.HtmlElement) -> html.HtmlElement:
    """The one element that says it is the main content, else everything."""
    for path in (".//main", ".//*[@role='main']", ".//article"):
        found = root.findall(path)
        if len(found) == 1 and found[0].text_content().strip():
            return found[0]
    return root


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
                self._inline.append(element.tail or "")
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
            self._numbers.append(1 if element.tag == "ol" else 0)
        elif element.tag == "li":
            self._marker = self._next_marker()
        self._inline.append(element.text or "")

    def _leave(self, element: html.HtmlElement) -> None:
        if not _INLINE.fullmatch(element.tag):
            self._end_block()
        if element.tag in {"ul", "ol"}:
            self._numbers.pop()
            if not self._numbers:
                self._end_list()

    def _next_marker(self) -> str:
        if not self._numbers:
            return "- "
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
        for caption in table.iter("caption"):
            self.draft.add("paragraph", _flat(caption))
        rows = [" | ".join(_flat(cell) for cell in row.iter("td", "th")) for row in table.iter("tr")]
        rows = [row for row in rows if row.strip(" |")]
        self.draft.add("table", "\n".join(rows), header_lines=1 if len(rows) > 1 else 0)


def _is_table_of_cells(table: html.HtmlElement) -> bool:
    """False for a table that only arranges the page: one column, tables or headings inside, or so marked."""
    if (
        table.get("role") in {"presentation", "none"}
        or next(table.iterdescendants("table", *_LEVELS), None) is not None
    ):
        return False
    return any(len(row.findall("td")) + len(row.findall("th")) > 1 for row in table.iter("tr"))


def _flat(element: html.HtmlElement) -> str:
    """All text of an element on one line; words of neighbouring blocks stay apart."""
    parts = [element.text or ""]
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        if inner is element:
            continue
        parts.append("" if _INLINE.fullmatch(inner.tag) else " ")
        parts.append((inner.text if event == "start" else inner.tail) or "")
    return collapsed("".join(parts))
