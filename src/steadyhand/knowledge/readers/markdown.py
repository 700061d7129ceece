"""Markdown: the text a reader sees, without the signs; tables become rows, code stays as it is."""

import re
from collections.abc import Sequence

from lxml import etree, html
from markdown_it import MarkdownIt
from markdown_it.token import Token

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.readers._draft import Draft, canonical, collapsed
from steadyhand.knowledge.readers._front_matter import front_matter
from steadyhand.types.document import Document

EXTENSIONS = (".md", ".markdown")

_DEEPEST = 100  # levels of lists, their items and quotations; the parser leaves out what is deeper
_PARSER = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table")
_FRONT_MATTER = re.compile(r"(---|\+\+\+)[^\S\n]*\n(.*?\n)?\1[^\S\n]*(?:\n|\Z)", re.DOTALL)


def read(content: bytes, name: str) -> Document:
    """The document, named by its front matter, else its first heading, else its file.

    Raises `DocumentUnreadable` for binary data and for files without text.
    """
    text = canonical(decoded(content, name))
    matter = _FRONT_MATTER.match(text)
    metadata = front_matter(matter[2] or "") if matter else {}
    draft = Draft(name)
    append(draft, text[matter.end() :] if matter else text, name)
    title = metadata.pop("title", "")
    return draft.document(title if isinstance(title, str) and title else draft.first_heading, metadata)


def append(draft: Draft, source: str, name: str) -> None:
    """Add the blocks of a Markdown text, which has no front matter, to a document in the making."""
    tokens = _PARSER.parse(source)
    if any(token.level >= _DEEPEST - 2 for token in tokens):
        raise DocumentUnreadable(f"{name}: expected less than {_DEEPEST} levels of lists; found more")
    _Reading(draft).walk(tokens)


class _Reading:
    """Follows the parser's flat list of tokens."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._items: list[str] = []
        self._rows: list[list[str]] = []
        self._depth = 0  # of lists
        self._level = 0  # of the open heading, 0 outside
        self._marker = ""

    def walk(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            match token.type:
                case "heading_open":
                    self._level = int(token.tag[1:])
                case "heading_close":
                    self._level = 0
                case "bullet_list_open" | "ordered_list_open":
                    self._depth += 1
                case "bullet_list_close" | "ordered_list_close":
                    self._depth -= 1
                    self._end_list()
                case "list_item_open":
                    self._marker = "  " * min(self._depth - 1, 8) + (f"{token.info}. " if token.info else "- ")
                case "tr_open":
                    self._rows.append([])
                case "table_close":
                    self._end_table()
                case _:
                    self._take(token)

    def _take(self, token: Token) -> None:
        """Tokens that carry text."""
        if token.type == "inline":
            self._inline(_plain(token.children or []))
        elif token.type in {"fence", "code_block"}:
            self._end_list(even_inside=True)
            self.draft.add("code", token.content)
        elif token.type == "html_block":
            self._inline(_without_tags(token.content))

    def _inline(self, text: str) -> None:
        if self._rows:
            self._rows[-1].append(collapsed(text))
        elif self._level:
            self._end_list(even_inside=True)
            self.draft.heading(text, self._level)
        elif self._depth:
            if text:
                self._items.append(self._marker + text)
            self._marker = ""
        else:
            self.draft.add("paragraph", text)

    def _end_list(self, *, even_inside: bool = False) -> None:
        if self._depth == 0 or even_inside:
            self.draft.add("list", "\n".join(self._items))
            self._items = []

    def _end_table(self) -> None:
        self._end_list(even_inside=True)
        rows = [" | ".join(cells) for cells in self._rows]
        self.draft.add("table", "\n".join(rows), header_lines=1 if len(rows) > 1 else 0)
        self._rows = []


def _plain(tokens: Sequence[Token]) -> str:
    """What is printed: the text of links, the description of images, no signs."""
    parts: list[str] = []
    for token in tokens:
        if token.type in {"text", "code_inline"}:
            parts.append(token.content)
        elif token.type == "image":
            parts.append(_plain(token.children or []))
        elif token.type in {"softbreak", "hardbreak"}:
            parts.append("\n" if token.type == "hardbreak" else " ")
    return "".join(parts).strip()


def _without_tags(source: str) -> str:
    try:
        return collapsed(str(html.fragment_fromstring(source, create_parent="div").text_content()))
    except etree.ParserError:
        return ""
