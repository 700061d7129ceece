"""What a reading child and its parent say to each other: msgpack with its length before it, never pickle.

A file may take over the child that reads it. So nothing that comes out of a child is code, every frame is bounded
and typed, and a document is looked at again before it is believed.
"""

import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, BinaryIO, Literal, TypeAlias

import msgspec

from steadyhand.errors import DocumentError, DocumentUnreadable, DocumentUnsupported
from steadyhand.types.document import Block, Document, Page, Picture
from steadyhand.types.json import Json

FRAME_LIMIT = 512 * 2**20
"""Bytes of one frame. A page image takes about 200 kB, a thousand pages of text 5 MB."""

_LENGTH = struct.Struct("<Q")
_MESSAGE_LIMIT = 2_000  # code points of an error


class Request(msgspec.Struct, frozen=True, array_like=True):
    """Before the content of a file, which follows as it is, in `size` bytes.

    To `show` it is to paint page `page` of it, with `marks`: texts on that page.
    """

    verb: Literal["read", "unpack", "show"]
    name: str
    size: int
    time_s: float
    page: int = 0
    marks: tuple[str, ...] = ()


class Parsed(msgspec.Struct, frozen=True, array_like=True, tag="document"):
    """A document. `metadata` is JSON."""

    title: str
    text: str
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]
    metadata: bytes
    pictures: tuple[Picture, ...]


class Held(msgspec.Struct, frozen=True, array_like=True, tag="member"):
    """A member of a container."""

    path: str
    content: bytes


class Painted(msgspec.Struct, frozen=True, array_like=True, tag="painted"):
    """A page as a PNG. `is_marked`: all that was to be marked is on it."""

    png: bytes
    is_marked: bool


class Refused(msgspec.Struct, frozen=True, array_like=True, tag="refused"):
    """A `DocumentError`; `path` is the member's, "" for the file itself."""

    path: str
    code: Literal["document.unreadable", "document.unsupported"]
    message: str
    hint: str

    def error(self) -> DocumentError:
        kind = DocumentUnsupported if self.code == DocumentUnsupported.code else DocumentUnreadable
        return kind(self.message[:_MESSAGE_LIMIT], hint=self.hint[:_MESSAGE_LIMIT])


class Broken(msgspec.Struct, frozen=True, array_like=True, tag="broken"):
    """The reader met something that it was not made for; `found` says what. The child is not used again."""

    found: str
    is_memory: bool = False


class Ended(msgspec.Struct, frozen=True, array_like=True, tag="ended"):
    """The last reply to a request, and the first one of a child, which says that it is there."""

    is_spent: bool = False  # has it grown or worked so much that another should take its place?


Reply: TypeAlias = Parsed | Held | Painted | Refused | Broken | Ended

_encoder = msgspec.msgpack.Encoder()
_replies = msgspec.msgpack.Decoder(Parsed | Held | Painted | Refused | Broken | Ended)
_requests = msgspec.msgpack.Decoder(Request)
_metadata = msgspec.json.Decoder(dict[str, Any])  # any JSON


def send(pipe: BinaryIO, said: Request | Reply) -> None:
    """Raises `BrokenPipeError` when nobody is there to hear it; what cannot be said is not begun."""
    payload = _encoder.encode(said)
    pipe.write(_LENGTH.pack(len(payload)))
    pipe.write(payload)


def next_request(pipe: BinaryIO) -> Request | None:
    """None at the end of the pipe."""
    payload = _payload(pipe)
    return None if payload is None else _requests.decode(payload)


def next_reply(pipe: BinaryIO) -> Reply | None:
    """None when the child has gone. Raises `ValueError` for what is no reply."""
    payload = _payload(pipe)
    return None if payload is None else _replies.decode(payload)


def parsed(document: Document) -> Parsed:
    return Parsed(
        document.title,
        document.text,
        document.pages,
        document.blocks,
        msgspec.json.encode(document.metadata),
        document.pictures,
    )


def document(said: Parsed) -> Document:
    """The document, if it keeps the promises of `Document`; raises `ValueError` otherwise."""
    metadata: dict[str, Json] = _metadata.decode(said.metadata)
    found = Document(said.title, said.text, said.pages, said.blocks, metadata, said.pictures)
    if not (_is_sound(found) and _is_storable(found.title, found.text, metadata)):
        raise ValueError("expected a document whose parts lie in its text")
    return found


def refused(error: DocumentError, path: str = "") -> Refused:
    if isinstance(error, DocumentUnsupported):
        return Refused(path, "document.unsupported", str(error), error.hint)
    return Refused(path, "document.unreadable", str(error), error.hint)


def _payload(pipe: BinaryIO) -> bytes | None:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > FRAME_LIMIT:
        raise ValueError(f"expected a frame of at most {FRAME_LIMIT:,} bytes; found {size:,}")
    payload = pipe.read(size)
    return payload if len(payload) == size else None


def _is_sound(found: Document) -> bool:
    """Are pages and blocks in reading order, and within the text?"""
    size, pages = len(found.text), len(found.pages)
    return (
        all(0 <= page.start <= page.end <= size for page in found.pages)
        and [page.number for page in found.pages] == list(range(1, pages + 1))
        and all(before.end <= page.start for before, page in pairwise(found.pages))
        and all(_is_within(block, size, pages) for block in found.blocks)
        and all(before.end <= block.start for before, block in pairwise(found.blocks))
        and all(1 <= picture.page <= pages for picture in found.pictures)
    )


def _is_within(block: Block, size: int, pages: int) -> bool:
    titles_start, titles_end = block.titles or (0, 0)
    return (
        0 <= block.start < block.end <= size
        and 1 <= block.page <= pages
        and (block.header_end == 0 or block.start < block.header_end <= block.end)
        and 0 <= titles_start <= titles_end <= size
    )


def _is_storable(title: str, text: str, metadata: Mapping[str, Json]) -> bool:
    """No database takes NUL characters."""
    return "\0" not in text and "\0" not in title and b"\\u0000" not in msgspec.json.encode(metadata)
