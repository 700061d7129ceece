"""Grows the canonical text of a document block by block, and keeps the path of headings."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from steadyhand.errors import DocumentUnreadable
from steadyhand.types.document import Block, BlockKind, Box, Document, Page, Picture
from steadyhand.types.json import Json

_LINE_BREAK = re.compile(r"\r\n?|[\f\v\x1c-\x1e\x85\u2028\u2029]")
_SPACE = re.compile("[\u00a0\u2007\u202f]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_JUNK_TITLE = re.compile(r"microsoft word|untitled|unbenannt|powerpoint|document\d*$|.*\.\w{2,5}$", re.IGNORECASE)
_TEXT_LIMIT = 64 * 2**20  # code points of a document; some thirty thousand pages
_LABEL_LIMIT = 120  # code points of one heading in a section path
_TITLE_LIMIT = 120


def canonical(text: str) -> str:
    """`text` with line feeds as the only line breaks, plain spaces, and no character that nobody can see."""
    if text.replace("\n", "").isprintable():  # 20 times as fast as looking for each of them, and nearly always true
        return text
    return _INVISIBLE.sub("", _SPACE.sub(" ", _LINE_BREAK.sub("\n", text)))


def collapsed(text: str) -> str:
    """`text` on one line, with single spaces."""
    return " ".join(text.split())


def is_title(text: str) -> bool:
    """Would a person call a document this? Accession numbers, file names and programs' defaults are no titles."""
    return len(_WORD.findall(text)) >= 2 and not _JUNK_TITLE.match(text)


class Draft:
    """A document in the making. Blocks are parted by a blank line; what is blank is left out."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._page_start = 0
        self._path: list[tuple[int, str]] = []
        self._section = ""

    @property
    def first_heading(self) -> str:
        """The last part of the first heading's path, "" without headings."""
        for block in self._blocks:
            if block.kind == "heading":
                return block.section.rpartition(" > ")[2]
        return ""

    def heading(self, text: str, level: int, *, box: Box | None = None) -> None:
        """Open a section. It closes every open section of the same or a larger `level`; any integers will do."""
        label = collapsed(canonical(text))
        if not label:
            return
        if len(label) > _LABEL_LIMIT:
            label = label[:_LABEL_LIMIT].rpartition(" ")[0] + " …"
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, label))
        self._section = " > ".join(part for _, part in self._path)
        self.add("heading", text, box=box)

    def leave_sections(self) -> None:
        """What follows stands under no heading."""
        self._path = []
        self._section = ""

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        header_lines: int = 0,
        box: Box | None = None,
        titles: tuple[int, int] | None = None,
    ) -> tuple[int, int] | None:
        """Append a block. The first `header_lines` lines of a table are its column titles, or they are at `titles`.

        Returns where the column titles of the table stand in the text, None when it has none.
        """
        kept = canonical(text).rstrip()
        kept = kept.strip("\n") if kind == "code" else kept.lstrip()
        if not kept.strip():
            return None
        if self._length > self._page_start:
            self._write("\n\n")
        start = self._length
        self._write(kept)
        header = sum(len(line) + 1 for line in kept.split("\n", header_lines)[:header_lines])
        header_end = min(start + header - 1, self._length) if header else 0
        page = len(self._pages) + 1
        self._blocks.append(Block(kind, start, self._length, page, self._section, header_end, box, titles))
        return (start, header_end) if header_end else titles

    def take(self, found: Document) -> None:
        """Append what another reader made of a part of the file; its headings open sections of their own."""
        for block in found.blocks:
            text = found.text[block.start : block.end]
            if block.kind == "heading":
                self.heading(text, 1 + block.section.count(" > "))
            else:
                header_lines = found.text.count("\n", block.start, block.header_end) + 1 if block.header_end else 0
                self.add(block.kind, text, header_lines=header_lines)

    def end_page(self, width: float = 0.0, height: float = 0.0) -> None:
        """What follows is on the next page; this one is so large, in points."""
        self._pages.append(Page(len(self._pages) + 1, self._page_start, self._length, width, height))
        if self._length > self._page_start:
            self._write("\n\n")
        self._page_start = self._length

    def document(
        self, title: str, metadata: Mapping[str, Json] | None = None, pictures: Sequence[Picture] = ()
    ) -> Document:
        """The finished document; a blank `title` becomes the file's name.

        Raises `DocumentUnreadable` when there is neither text nor a picture.
        """
        if not self._blocks and not pictures:
            raise DocumentUnreadable(
                f"{self._name}: expected a document with text; found no text", hint="leave empty files out"
            )
        if self._length > self._page_start or not self._pages:
            self.end_page()
        named = collapsed(canonical(title))[:_TITLE_LIMIT] or PurePath(self._name).stem
        text = "".join(self._parts)[: self._pages[-1].end]
        known = {field: _storable(value) for field, value in (metadata or {}).items()}
        return Document(named, text, tuple(self._pages), tuple(self._blocks), known, tuple(pictures))

    def check_length(self, growing: int) -> None:
        """Raise `DocumentUnreadable` when `growing` more code points would make the text too long to keep."""
        if self._length + growing > _TEXT_LIMIT:
            raise DocumentUnreadable(
                f"{self._name}: expected at most {_TEXT_LIMIT:,} characters of text; found more",
                hint="split the document",
            )

    def _write(self, text: str) -> None:
        self.check_length(len(text))
        self._parts.append(text)
        self._length += len(text)


def _storable(value: Json) -> Json:
    """What a file says of itself, without the characters that no database takes."""
    if isinstance(value, str):
        return canonical(value)
    return [_storable(part) for part in value] if isinstance(value, list) else value
