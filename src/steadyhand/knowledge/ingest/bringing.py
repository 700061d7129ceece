"""Opens items, unpacks what holds documents, and reads everything in groups that bound the memory.

What is equal is read once, however many files and processes hold it.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Hashable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Protocol, TypeAlias

from steadyhand.errors import DocumentError, DocumentUnreadable, ProviderError, SourceUnreadable
from steadyhand.knowledge.ingest.claims import Key, Presence, Read, Readings
from steadyhand.knowledge.ingest.facts import Facts
from steadyhand.knowledge.ingest.following import KnownItem
from steadyhand.knowledge.ingest.recipes import PICTURED, is_current
from steadyhand.knowledge.reading import formats
from steadyhand.knowledge.reading.members import Member
from steadyhand.knowledge.reading.vision import transcribed, with_unread
from steadyhand.types.document import Document
from steadyhand.types.ports import Describe
from steadyhand.types.source import Item

GROUP = 32
"""Documents that are read, embedded and written together, at most."""

_FIRST_GROUP = 2  # as many as are read at once
_GROUP_BYTES = 16 * 2**20  # one larger file is a group of its own
PATH_LIMIT = 2_000
"""Bytes of a path. An index of the database holds no more than 2,704."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 1.0  # for what another process reads


class Reads(Protocol):
    """`children.Readers`."""

    async def read(self, content: bytes, name: str, circle: Hashable = None) -> Document: ...

    def unpack(self, content: bytes, name: str, circle: Hashable = None) -> AsyncGenerator[Member, None]: ...


@dataclass(frozen=True, slots=True)
class Vision:
    """The model that reads the pictures of a base's documents."""

    model: str
    describe: Describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An item that is new or may have changed. `named` is its path inside the base, `recipe` what it is read by."""

    item: Item
    named: str
    recipe: str
    facts: Facts
    known: KnownItem | None


@dataclass(frozen=True, slots=True)
class Piece:
    """The content of an item, or of a member of one."""

    wanted: Wanted
    path: str
    content: bytes
    sha256: bytes
    is_member: bool = False

    def key(self, vision: Vision | None) -> Key:
        """What its reading is kept by. Where there may be pictures, who reads them makes a difference."""
        extension = formats.extension_of(self.path)
        seen_by = f"/{vision.model}" if vision and extension in PICTURED else ""
        return Key(self.sha256, f"{extension}/{formats.VERSION}{seen_by}")


@dataclass(frozen=True, slots=True)
class Unread:
    """A document whose content is unknown or is none. With `keeps_text` an older one is still served."""

    wanted: Wanted
    path: str
    error: DocumentError
    sha256: bytes = b""
    is_member: bool = False
    keeps_text: bool = False
    is_temporary: bool = False


@dataclass(frozen=True, slots=True)
class Same:
    """An item whose content is the one that is remembered."""

    wanted: Wanted
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Emptied:
    """The end of a container: it holds these members and no others."""

    wanted: Wanted
    members: frozenset[str]
    sha256: bytes
    error: DocumentError | None = None


Part: TypeAlias = Piece | Unread | Same | Emptied


async def groups(wanted: Sequence[Wanted], readers: Reads) -> AsyncGenerator[list[Part], None]:
    """The items in parts, in order, a bounded number of bytes at a time; the members of a container come first.

    The first group is small, and each further one twice as large: whoever waits soon sees how it goes.
    """
    group: list[Part] = []
    size, most = 0, _FIRST_GROUP
    for one in wanted:
        async with aclosing(_parts(one, readers)) as parts:
            async for part in parts:
                weight = len(part.content) if isinstance(part, Piece) else 0
                if group and (len(group) == most or size + weight > _GROUP_BYTES):
                    yield group
                    group, size, most = [], 0, min(2 * most, GROUP)
                group.append(part)
                size += weight
    if group:
        yield group


async def _parts(wanted: Wanted, readers: Reads) -> AsyncGenerator[Part, None]:
    try:
        content = await wanted.item.open()
    except (OSError, DocumentError) as error:
        yield _unopened(wanted, error)
        return
    sha256 = hashlib.sha256(content).digest()
    known = wanted.known
    if known and not known.is_temporary and known.sha256 == sha256 and is_current(known.recipe, wanted.recipe):
        yield Same(wanted, sha256)
        return
    extension = formats.extension_of(wanted.named)
    if extension in formats.containers():
        async with aclosing(_members(wanted, content, sha256, readers)) as members:
            async for part in members:
                yield part
    if extension in formats.supported():
        yield Piece(wanted, wanted.named, content, sha256)


async def _members(wanted: Wanted, content: bytes, sha256: bytes, readers: Reads) -> AsyncGenerator[Part, None]:
    paths: set[str] = set()
    failed: DocumentError | None = None
    try:
        async with aclosing(readers.unpack(content, wanted.named, wanted.facts.labels)) as members:
            async for inner, held in members:
                path = f"{wanted.named}/{inner}"
                paths.add(path)
                if isinstance(held, DocumentError):
                    yield Unread(wanted, path, held, is_member=True)
                elif len(path.encode()) > PATH_LIMIT:
                    yield Unread(wanted, path[:200], DocumentUnreadable("expected a shorter path"), is_member=True)
                else:
                    yield Piece(wanted, path, held, hashlib.sha256(held).digest(), is_member=True)
    except DocumentError as error:
        failed = error
    yield Emptied(wanted, frozenset(paths), sha256, failed)


def _unopened(wanted: Wanted, error: OSError | DocumentError) -> Unread:
    """An item whose content is unknown. One that is there keeps its older text: nobody deleted or changed it."""
    if isinstance(error, DocumentError):
        is_temporary, said = error.is_retryable, error
    else:
        is_temporary = not isinstance(error, FileNotFoundError)
        said = DocumentUnreadable(f"{wanted.named}: expected a file that can be read; {error.strerror or error}")
    keeps_text = is_temporary and wanted.known is not None and wanted.known.sha256 != b""
    if keeps_text:
        text = f"{said}; its older text is still served, for nothing is known about the new one"
        said = type(said)(text, hint=said.hint)
    return Unread(wanted, wanted.named, said, keeps_text=keeps_text, is_temporary=is_temporary)


class SharedReading:
    """Reads pieces; equal ones once, whoever has them."""

    def __init__(self, readings: Readings, presence: Presence, readers: Reads) -> None:
        self._readings = readings
        self._presence = presence
        self._readers = readers

    async def __call__(
        self, pieces: Sequence[Piece], vision: Vision | None, held: dict[Key, int]
    ) -> dict[Key, Read]:
        """What is in each piece: a document, or why there is none; an error that is retryable may pass.

        Keys that the caller has to `release` when their vectors are made come into `held`.
        """
        open_ = {piece.key(vision): piece for piece in pieces}
        read: dict[Key, Read] = {}
        wait_s = _FIRST_WAIT_S
        while open_:
            done = await self._claimed(open_, vision, held)
            read |= done
            open_ = {key: piece for key, piece in open_.items() if key not in done}
            if open_:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        return read

    async def release(self, keys: Iterable[Key], held: dict[Key, int]) -> None:
        """Let others have what was read in these, as far as they are held."""
        by_holder: dict[int, list[Key]] = {}
        for key in sorted(set(keys) & held.keys()):
            by_holder.setdefault(held[key], []).append(key)
        for holder, its in by_holder.items():
            await self._readings.release(its, holder)
            for key in its:
                held.pop(key, None)

    async def _claimed(
        self, pieces: Mapping[Key, Piece], vision: Vision | None, held: dict[Key, int]
    ) -> dict[Key, Read]:
        """What is read already, and what this process could claim and read."""
        holder = await self._presence.number()
        claimed = await self._readings.claim(list(pieces), holder)
        held |= dict.fromkeys(claimed, holder)
        found = await self._readings.found([key for key in pieces if key in claimed or key not in held], holder)
        open_ = sorted(claimed - found.keys())
        try:
            now = await asyncio.gather(*(self._read(pieces[key], vision) for key in open_))
        except BaseException:
            await asyncio.shield(self._readings.give_up(open_, holder))
            raise
        read = dict(zip(open_, now, strict=True))
        for_now = [key for key, one in read.items() if isinstance(one, DocumentError) and one.is_retryable]
        await self._readings.give_up(for_now, holder)
        await self._readings.keep({key: one for key, one in read.items() if key not in for_now}, holder)
        return found | read

    async def _read(self, piece: Piece, vision: Vision | None) -> Read:
        try:
            document = await self._readers.read(piece.content, _anonymous(piece), piece.wanted.facts.labels)
            return await transcribed(document, vision.describe) if vision else with_unread(document)
        except DocumentError as error:
            return error
        except ProviderError as error:
            if not error.is_retryable:
                raise
            return SourceUnreadable(f"{piece.path}: expected its pictures to be read; {error}", hint=error.hint)


def own(piece: Piece, read: Read) -> Read:
    """What was read, with the name of this piece where another one's, or none, was meant."""
    anonymous = _anonymous(piece)
    if isinstance(read, DocumentError):
        return type(read)(str(read).replace(anonymous, piece.path), hint=read.hint)
    if not read.text.strip():
        return DocumentUnreadable(
            f"{piece.path}: expected text; found only pictures, and no vision model reads them",
            hint="name one: [knowledge.NAME] vision",
        )
    if read.title == PurePath(anonymous).stem:
        return replace(read, title=PurePath(piece.path).stem)
    return read


def _anonymous(piece: Piece) -> str:
    """A name that only the content tells: what is read serves files of every name."""
    return f"{piece.sha256.hex()[:24]}{formats.extension_of(piece.path)}"
