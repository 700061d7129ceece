"""A document as it was read: one canonical text, and what is known about its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from steadyhand.types.json import Json

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "image"]
"""`image` is the description or the recognised text of a picture."""


class Box(NamedTuple):
    """Where something stands on its page, in points (1/72 inch) from the page's upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def around(self, other: "Box") -> "Box":
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of structure at `[start, end)` of the canonical text, in code points; not empty, within one page.

    A table has one row per line; its column titles are `[start, header_end)`, and `header_end` is 0 when it has
    none. `titles` is where they stand when they are on an earlier page only. `section` is the path of headings the
    block stands under, such as "Travel > Hotels"; a heading's own path ends with itself. `box` is None for formats
    without pages.
    """

    kind: BlockKind
    start: int
    end: int
    page: int
    section: str
    header_end: int = 0
    box: Box | None = None
    titles: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`[start, end)` of the canonical text, in code points. `number` counts from 1; an empty page has no range.

    `width` and `height` are in points, 0 for formats without pages.
    """

    number: int
    start: int
    end: int
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that only a vision model can read: a scanned page, or an image file.

    What the model reads in it becomes the text of `page`. `data` is a file of `media_type`, such as image/png.
    """

    page: int
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """One version of a document. Pages and blocks are in reading order and do not overlap.

    Pages cover every block, blocks cover every character that is not white space. Formats without pages have one.
    `metadata` is what the file says of itself, such as its author or an e-mail's sender: plain names in lower case,
    times in ISO 8601. `pictures` are there when pages have no text of their own; a document of pictures alone has
    an empty text until a vision model has read it.
    """

    title: str
    text: str
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]
    metadata: Mapping[str, Json] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is found and quoted: `document.text[start:end]`, on one page. `ordinal` counts from 0 in a document.

    `header` holds the column titles of the table that the chunk continues, when it does not show them itself.
    `[parent_start, parent_end)` is what a reader would want to see around it: its section, as far as it is on the
    same page.
    """

    ordinal: int
    page: int
    section: str
    start: int
    end: int
    header: str = ""
    parent_start: int = 0
    parent_end: int = 0
