"""A document as it was read: one canonical text, and what is known about its parts."""

from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of structure at `[start, end)` of the canonical text, in code points; not empty, within one page.

    A table has one row per line; its column titles are `[start, header_end)`, and `header_end` is 0 when it has
    none. `section` is the path of headings the block stands under, such as "Travel > Hotels"; a heading's own path
    ends with itself.
    """

    kind: BlockKind
    start: int
    end: int
    page: int
    section: str
    header_end: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """`[start, end)` of the canonical text, in code points. `number` counts from 1; an empty page has no range."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """One version of a document. Pages and blocks are in reading order and do not overlap.

    Pages cover every block, blocks cover every character that is not white space. Formats without pages have one.
    """

    title: str
    text: str
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is found and quoted: `document.text[start:end]`, on one page. `ordinal` counts from 0 in a document.

    `header` holds the column titles of the table that the chunk continues, when it does not show them itself.
    """

    ordinal: int
    page: int
    section: str
    start: int
    end: int
    header: str = ""
