"""Images, for a vision model to read: passed on as they are, once it is known what they are and how large.

Nothing is decoded here. Sources: PNG specification 11.2.1; ITU-T T.81, B.1.1 and B.2.2 (JPEG); GIF89a, 18; RFC 9649
(WebP).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._draft import Draft
from steadyhand.types.document import Document, Picture

EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff")

_MOST_MEGAPIXELS = 100
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_NO_FRAME = frozenset([0xC4, 0xC8, 0xCC])  # tables among the markers of frames
_ALONE = frozenset([0x01, *range(0xD0, 0xDA)])  # markers without a length

Size = tuple[int, int]


class _Format(NamedTuple):
    """`signature` at `at` tells the format; `size` reads width and height, and may run out of bytes."""

    signature: bytes
    at: int
    media_type: str
    size: Callable[[bytes], Size]


def read(content: bytes, name: str) -> Document:
    """A document of one picture and no text yet.

    Raises `DocumentUnreadable` for what is none of the formats, cut off within its header, larger than 100
    megapixels, or a TIFF, which vision models do not take.
    """
    if content.startswith(_TIFF):
        raise DocumentUnreadable(
            f"{name}: expected a PNG, JPEG, GIF or WebP image; found a TIFF", hint="save it as PNG or PDF"
        )
    found = next((one for one in _FORMATS if content.startswith(one.signature, one.at)), None)
    if found is None:
        raise DocumentUnreadable(
            f"{name}: expected an image; found content that begins like none", hint="is it another format?"
        )
    try:
        width, height = found.size(content)
    except (IndexError, ValueError):
        width = height = 0
    if not width or not height:
        raise DocumentUnreadable(
            f"{name}: expected an image with a width and a height; found a header without", hint="is it cut off?"
        )
    if width * height > _MOST_MEGAPIXELS * 1_000_000:
        raise DocumentUnreadable(
            f"{name}: expected at most {_MOST_MEGAPIXELS} megapixels; found {width} x {height}",
            hint="save it with a lower resolution",
        )
    return Draft(name).document("", pictures=[Picture(1, found.media_type, content)])


def media_type(content: bytes) -> str:
    """Such as image/png, "" for what begins like no image that browsers and vision models take."""
    return next((one.media_type for one in _FORMATS if content.startswith(one.signature, one.at)), "")


def _png(content: bytes) -> Size:
    return _number(content, 16, 4), _number(content, 20, 4)


def _gif(content: bytes) -> Size:
    return _number(content, 6, 2, "little"), _number(content, 8, 2, "little")


def _jpeg(content: bytes) -> Size:
    """From the first frame header; the segments before it are skipped."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError
        marker = content[at + 1]
        if marker == 0xFF or marker in _ALONE:  # filled up, or without a length
            at += 1 if marker == 0xFF else 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return _number(content, at + 7, 2), _number(content, at + 5, 2)
        else:
            at += 2 + max(2, _number(content, at + 2, 2))


def _webp(content: bytes) -> Size:
    match content[12:16]:
        case b"VP8X":
            return _number(content, 24, 3, "little") + 1, _number(content, 27, 3, "little") + 1
        case b"VP8L":
            bits = _number(content, 21, 4, "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _number(content, 26, 2, "little") & 0x3FFF, _number(content, 28, 2, "little") & 0x3FFF
        case _:
            raise ValueError


def _number(content: bytes, at: int, length: int, order: Literal["big", "little"] = "big") -> int:
    if at + length > len(content):
        raise IndexError
    return int.from_bytes(content[at : at + length], order)


_FORMATS = (
    _Format(b"\x89PNG\r\n\x1a\n", 0, "image/png", _png),
    _Format(b"\xff\xd8\xff", 0, "image/jpeg", _jpeg),
    _Format(b"GIF87a", 0, "image/gif", _gif),
    _Format(b"GIF89a", 0, "image/gif", _gif),
    _Format(b"WEBP", 8, "image/webp", _webp),
)
