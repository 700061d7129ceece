"""A folder, or one file, of this machine."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import NoReturn

from steadyhand.errors import DocumentUnreadable, DocumentUnsupported, NotFound, SourceUnreadable
from steadyhand.knowledge.reading import formats
from steadyhand.types.source import Item, Remembered

SIZE_LIMIT = 512 * 2**20
"""Bytes of a file. A larger one is no document for people."""

_BATCH = 500  # files per visit to the disk, which blocks
_READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Folder:
    """Every file below `location`; those whose name begins with a dot and links that lead out are left alone.

    `root` is the workspace: a source inside it is remembered relative to it, so that both may move. With `include`,
    only paths that fit one of the patterns; never those that fit one of `exclude`. A `*` also stands for slashes.
    """

    def __init__(
        self, location: Path, root: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()
    ) -> None:
        self._location = location
        self._include = tuple(include)
        self._exclude = tuple(exclude)
        self.origin = _origin(location, root)

    async def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
        """Files in the order of their paths. A file is unchanged while its size, time and inode are.

        Raises `NotFound` when there is nothing, `DocumentUnsupported` for a single file that is no document, and
        `SourceUnreadable` when a folder cannot be listed.
        """
        del known
        files = await asyncio.to_thread(_files, self._location)
        for start in range(0, len(files), _BATCH):
            for item in await asyncio.to_thread(self._items, files[start : start + _BATCH]):
                yield item

    def _items(self, files: Sequence[Path]) -> list[Item]:
        named = [(_text(path.relative_to(self._base)), path) for path in files]
        return [
            Item(path=name, open=partial(_opened, path, name, self._home), fingerprint=_fingerprint(path))
            for name, path in named
            if self._is_wanted(name)
        ]

    def _is_wanted(self, name: str) -> bool:
        included = not self._include or any(fnmatchcase(name, pattern) for pattern in self._include)
        return included and not any(fnmatchcase(name, pattern) for pattern in self._exclude)

    @property
    def _base(self) -> Path:
        return self._location if self._location.is_dir() else self._location.parent

    @property
    def _home(self) -> Path:
        """Where files must lie. A single file may be a link: it was named."""
        return self._location.resolve() if self._location.is_dir() else self._location.resolve().parent


async def _opened(path: Path, name: str, home: Path) -> bytes:
    return await asyncio.to_thread(_content, path, name, home)


def _content(path: Path, name: str, home: Path) -> bytes:
    """What is there now is looked at once more: much time may have passed since the folder was listed."""
    found = path.resolve()
    if not found.is_relative_to(home):
        raise DocumentUnreadable(f"{name}: expected a file of its source; found a link that leads out of it")
    with os.fdopen(os.open(found, _READING), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise DocumentUnreadable(f"{name}: expected a file; found something else")
        content = file.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise DocumentUnreadable(
            f"{name}: expected at most {SIZE_LIMIT // 2**20} MiB; found more", hint="split it, or leave it out"
        )
    return content


def _fingerprint(path: Path) -> str:
    """Changes with the content, as far as the file system tells; "" when it does not."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ino}"


def _origin(location: Path, root: Path) -> str:
    resolved, home = location.resolve(), root.resolve()
    return _text(resolved.relative_to(home) if resolved.is_relative_to(home) else resolved)


def _files(source: Path) -> list[Path]:
    try:
        return _listed(source)
    except OSError as error:
        _unlisted(error)


def _listed(source: Path) -> list[Path]:
    if source.is_file():
        if formats.extension_of(source.name) not in formats.supported() | formats.containers():
            kinds = ", ".join(sorted(formats.supported() | formats.containers()))
            raise DocumentUnsupported(
                f"expected a document ({kinds}); found {source.name}", hint="convert it first"
            )
        return [source]
    if not source.is_dir():
        raise NotFound(f"expected a file or a folder; {source} is neither", hint="check the path")
    home = source.resolve()
    return sorted(path for path in _walk(source) if path.resolve().is_relative_to(home))


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
