"""Brings a folder or a file into a knowledge base, and keeps it in step with what is there.

Every document is one transaction: it is in the base with all its chunks, or not at all. Vectors are kept by the
hash of their text and committed as they are made, so work that was interrupted is not done twice.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from steadyhand.errors import (
    DocumentError,
    DocumentUnreadable,
    DocumentUnsupported,
    NotFound,
    SourceUnreadable,
    SourceVanished,
)
from steadyhand.knowledge import chunking, reading
from steadyhand.knowledge.generations import Generations
from steadyhand.knowledge.index import PreparedChunk
from steadyhand.knowledge.store import KnowledgeStore, KnownDocument, PreparedDocument
from steadyhand.language.detect import language_of
from steadyhand.language.words import terms

_MANY = 10  # documents; fewer may leave at once, as long as not all of them do
_PATH_LIMIT = 2_000  # bytes; an index of the database holds no more than 2,704
_LANGUAGE_SAMPLE = 20_000  # characters that tell a document's language

Outcome = Literal["added", "unchanged", "skipped", "failed", "removed"]
RECIPE = f"{reading.VERSION}/{chunking.VERSION}"


@dataclass(frozen=True, slots=True)
class Progress:
    """One document is done. It is in the database, or out of it, when this is said."""

    done: int
    total: int
    path: str
    outcome: Outcome
    passages: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    path: str  # inside the knowledge base
    location: Path


@dataclass(frozen=True, slots=True)
class _Result:
    outcome: Outcome
    passages: int = 0
    reason: str = ""


class Ingest:
    """Reads one document at a time, in a thread of its own: the PDF library is not made for several."""

    def __init__(
        self, store: KnowledgeStore, generations: Generations, count_tokens: chunking.CountTokens, root: Path
    ) -> None:
        self._store = store
        self._generations = generations
        self._count_tokens = count_tokens
        self._root = root
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read")

    def close(self) -> None:
        self._reader.shutdown()

    async def sync(self, base: str, source: Path, *, allow_removals: bool = False) -> AsyncIterator[Progress]:
        """Make `base` hold exactly what is in `source` now, besides what came from elsewhere.

        Unchanged files are not read into chunks again; files that are gone end as `removed`. A file that cannot be
        read ends as `failed` with the reason and does not stop the others; one that no reader is there for is
        `skipped`.

        Removes nothing and raises `NotFound` when `source` is not there, `SourceUnreadable` when it or a folder in
        it cannot be listed, and, unless `allow_removals`, `SourceVanished` when all of its documents are gone, or
        10 and more than half.
        """
        files = await asyncio.to_thread(_files, source)
        base_id = await self._store.ensure_base(base, await self._generations.wanted(base))
        origin = self._origin(source)
        known = await self._store.known(base_id, origin)
        gone = sorted(known.keys() - {file.path for file in files})
        if not allow_removals:
            _refuse_vanished(base, source, known, gone)
        total = len(files) + len(gone)
        for done, path in enumerate(gone, start=1):
            await self._store.remove(base_id, [path])
            yield Progress(done, total, path, "removed")
        for done, file in enumerate(files, start=len(gone) + 1):
            result = await self._bring(base_id, origin, file, known.get(file.path))
            yield Progress(done, total, file.path, result.outcome, result.passages, result.reason)

    async def _bring(self, base_id: int, origin: str, file: _File, known: KnownDocument | None) -> _Result:
        if (refused := _refused(file)) is not None:
            return refused
        if known is None and (holder := await self._other_holder(base_id, file)):
            return _Result("failed", reason=f"expected a path of its own; {holder} has it: rename one of them")
        try:
            content = await asyncio.to_thread(file.location.read_bytes)
        except OSError as error:
            return await self._unopened(base_id, file.path, origin, known, error)
        found = KnownDocument(file.path, hashlib.sha256(content).digest(), RECIPE)
        if known and (known.sha256, known.recipe) == (found.sha256, RECIPE):
            return await self._as_before(base_id, known)
        try:
            prepared = await self._in_reader(lambda: self._prepare(found, origin, content))
        except DocumentError as error:
            return await self._failed(base_id, found, origin, error)
        texts = {chunk.text_hash: chunk.text for chunk in prepared.chunks}
        await self._generations.embed(base_id, texts)
        is_new = await self._store.put(base_id, prepared)
        await self._generations.embed(base_id, texts)  # what was erased with another document before it was in
        return _Result("added", len(prepared.chunks)) if is_new else _Result("unchanged")

    async def _other_holder(self, base_id: int, file: _File) -> Path | None:
        """The file of another source that is live under the same path, unless it is gone or this very file."""
        origin = await self._store.origin(base_id, file.path)
        if origin is None:
            return None
        source = self._root / origin
        holder = source / file.path if source.is_dir() else source
        return holder if holder.is_file() and not holder.samefile(file.location) else None

    async def _as_before(self, base_id: int, known: KnownDocument) -> _Result:
        if not known.is_live:
            return _Result("failed", reason=known.failure)
        if known.failure:
            await self._store.clear_failure(base_id, known.path)
        return _Result("unchanged")

    async def _unopened(
        self, base_id: int, path: str, origin: str, known: KnownDocument | None, error: OSError
    ) -> _Result:
        """A file whose content is unknown. One that is there keeps its older text: nobody deleted or changed it."""
        keeps_text = known is not None and known.is_live and not isinstance(error, FileNotFoundError)
        kept = "; its older text is still served, for nothing is known about the new one" if keeps_text else ""
        unreadable = DocumentUnreadable(f"{path}: expected a file that can be read; {error.strerror}{kept}")
        found = KnownDocument(path, b"", RECIPE)
        await self._store.fail(base_id, found, origin, unreadable, keeps_text=keeps_text)
        return _Result("failed", reason=str(unreadable))

    async def _failed(self, base_id: int, found: KnownDocument, origin: str, error: DocumentError) -> _Result:
        await self._store.fail(base_id, found, origin, error)
        return _Result("failed", reason=str(error))

    def _prepare(self, found: KnownDocument, origin: str, content: bytes) -> PreparedDocument:
        """Read, chunk and analyse. Blocks."""
        document = reading.read_document(content, found.path)
        language = language_of(document.text[:_LANGUAGE_SAMPLE])
        prepared = []
        for chunk in chunking.chunks(document, self._count_tokens):
            body = document.text[chunk.start : chunk.end]
            context = chunking.context(document, chunk)
            indexed = f"{context}\n{body}"
            prepared.append(
                PreparedChunk(
                    chunk=chunk,
                    body=body,
                    terms=terms(f"{found.path} {indexed}", language),
                    context=context,
                    text_hash=hashlib.sha256(indexed.encode()).digest(),
                )
            )
        return PreparedDocument(
            path=found.path,
            origin=origin,
            sha256=found.sha256,
            recipe=found.recipe,
            language=language,
            document=document,
            chunks=tuple(prepared),
        )

    async def _in_reader(self, work: Callable[[], PreparedDocument]) -> PreparedDocument:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)

    def _origin(self, source: Path) -> str:
        """The source as the database remembers it: inside the workspace relative to it, so that it may move."""
        location = source.resolve()
        if location.is_relative_to(self._root):
            return _text(location.relative_to(self._root))
        return _text(location)


def _refuse_vanished(base: str, source: Path, known: Mapping[str, KnownDocument], gone: list[str]) -> None:
    """Raise `SourceVanished` when so much is gone that the source itself is more likely to be missing."""
    live = sum(document.is_live for document in known.values())
    leaving = sum(known[path].is_live for path in gone)
    if leaving and (leaving == live or (leaving >= _MANY and 2 * leaving > live)):
        raise SourceVanished(
            f"expected the documents that came from {source}; {leaving} of {live} are gone, none was removed",
            hint=f"is the folder mounted and whole? If they shall leave: steadyhand ingest {base} --allow-removals",
        )


def _refused(file: _File) -> _Result | None:
    """What its name alone says about a file; None when it has to be read."""
    if file.location.suffix.lower() not in reading.SUPPORTED:
        return _Result("skipped", reason=f"no reader for {file.location.suffix or 'a name without extension'}")
    if len(file.path.encode()) > _PATH_LIMIT:
        return _Result("failed", reason=f"expected a path of at most {_PATH_LIMIT} bytes; found a longer one")
    return None


def _files(source: Path) -> list[_File]:
    """Every file of a source, in a fixed order. Hidden files and links that lead out of it are left alone.

    Raises `NotFound`, `DocumentUnsupported` for a file that is no document, and `SourceUnreadable`.
    """
    try:
        return _listed(source)
    except OSError as error:
        _unlisted(error)


def _listed(source: Path) -> list[_File]:
    if source.is_file():
        if source.suffix.lower() not in reading.SUPPORTED:
            kinds = ", ".join(sorted(reading.SUPPORTED))
            raise DocumentUnsupported(
                f"expected a document ({kinds}); found {source.name}", hint="convert it first"
            )
        return [_File(_text(Path(source.name)), source)]
    if not source.is_dir():
        raise NotFound(f"expected a file or a folder; {source} is neither", hint="check the path")
    found = sorted(path for path in _walk(source) if path.resolve().is_relative_to(source.resolve()))
    return [_File(_text(path.relative_to(source)), path) for path in found]


def _walk(source: Path) -> Iterator[Path]:
    """The files below a folder. A folder that cannot be listed raises: its files must not be taken for deleted."""
    for folder, folders, names in os.walk(source, onerror=_unlisted):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in names if not name.startswith(".") and _is_file(path := Path(folder, name)))


def _is_file(path: Path) -> bool:
    """Is it a file? One that may not be looked at counts: reading it says why it cannot be read."""
    try:
        return path.is_file()
    except PermissionError:
        return True


def _unlisted(error: OSError) -> NoReturn:
    raise SourceUnreadable(
        f"expected to list {error.filename}; {error.strerror}. Nothing was removed",
        hint="let the user who runs steadyhand read the folder, then start again",
    ) from None


def _text(path: Path) -> str:
    """A path as text that can be stored and shown; bytes of a name that are no UTF-8 become question marks."""
    return path.as_posix().encode("utf-8", "replace").decode()
