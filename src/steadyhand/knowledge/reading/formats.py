"""Chooses the reader of a file by its extension, and makes sure that the content is what the name says.

Containers, such as archives, are chosen in the same way; what is in them may be containers again. Everything here
runs in the process that calls it, and blocks: `children.Readers` does it in one that can be killed.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import PurePath

from steadyhand import plugins
from steadyhand.errors import DocumentError, DocumentUnreadable, DocumentUnsupported
from steadyhand.knowledge.reading.members import Member, Paths, refusal
from steadyhand.knowledge.reading.signatures import Kind, kind_of
from steadyhand.types.document import Document

VERSION = 3
"""Changes when the same file would be read into another text."""

DEPTH_LIMIT = 3
"""Containers in each other."""

MEMBERS_LIMIT = 10_000
"""Members of one container, those of the containers in it included."""

UNPACKED_LIMIT = 4 * 2**30
"""Bytes that come out of one container, those of the containers in it included."""


_BLANK = b" \t\r\n\f\v\0\x1a"  # what an interrupted copy or an old editor leaves of a file


@cache
def supported() -> frozenset[str]:
    """Extensions of documents, in lower case, with their dot. The first call loads every reader."""
    return frozenset(_registered("knowledge.readers"))


@cache
def containers() -> frozenset[str]:
    """Extensions of files that hold documents. A message is in `supported` too: it has a text and attachments."""
    return frozenset(_registered("knowledge.containers"))


def load_all() -> None:
    """Load every reader and container, for a process that may soon open no file any more."""
    supported()
    containers()


@cache
def _registered(folder: str) -> Mapping[str, str]:
    return {
        extension: member
        for member in plugins.names(folder)
        for extension in plugins.load(folder, member).EXTENSIONS
    }


def extension_of(name: str) -> str:
    """The extension of a path or file name in lower case, with its dot; "" when it has none."""
    return PurePath(name).suffix.lower()


def read_document(content: bytes, name: str) -> Document:
    """The document in `content`; `name` is its path or file name.

    Raises `DocumentUnsupported` when no reader is there for the extension, `DocumentUnreadable` when the content is
    empty, broken, protected, or something else than the extension says.
    """
    reader = _chosen("knowledge.readers", content, name)
    document: Document = plugins.load("knowledge.readers", reader).read(content, name)
    return document


def members(content: bytes, name: str) -> Iterator[Member]:
    """The documents in a container and in the containers in it, each once. Those that are refused come as errors.

    Raises as `read_document` does. What is beyond a limit of number, size or depth ends as a refused member.
    """
    paths = Paths()
    unpacked = 0
    for count, (path, held) in enumerate(_unpacked(content, name, 1), start=1):
        unpacked += len(held) if isinstance(held, bytes) else 0
        if count > MEMBERS_LIMIT:
            yield refusal(name, f"at most {MEMBERS_LIMIT:,} members", "more, the rest is left out", "split it")
            return
        if unpacked > UNPACKED_LIMIT:
            most = f"at most {UNPACKED_LIMIT // 2**30} GiB once unpacked"
            yield refusal(name, most, "more, the rest is left out", "split it")
            return
        yield paths.take(path), held


def _unpacked(content: bytes, name: str, depth: int) -> Iterator[Member]:
    container = plugins.load("knowledge.containers", _chosen("knowledge.containers", content, name))
    for path, held in container.members(content, name):
        extension = extension_of(path)
        if extension not in supported() and extension not in containers():
            yield path, _unsupported(path, supported(), None)
        elif isinstance(held, DocumentError):
            yield path, held
        else:
            if extension in supported():
                yield path, held
            if extension in containers():
                yield from _inner(held, path, depth)


def _inner(content: bytes, path: str, depth: int) -> Iterator[Member]:
    """What is in a container that came out of another one, under its path."""
    if depth == DEPTH_LIMIT:
        if extension_of(path) not in supported():
            yield refusal(path, f"containers at most {DEPTH_LIMIT} deep in each other", "a deeper one", "unpack it")
        return
    try:
        for inner, held in _unpacked(content, path, depth + 1):
            yield f"{path}/{inner}", held
    except DocumentError as error:
        if extension_of(path) not in supported():  # else its reader says so
            yield path, error


def _chosen(folder: str, content: bytes, name: str) -> str:
    """The member of the plugin folder for a file whose content agrees with its name."""
    registered = _registered(folder)
    extension = extension_of(name)
    found = kind_of(content)
    if extension not in registered:
        raise _unsupported(name, registered, found)
    if not content.strip(_BLANK):
        raise DocumentUnreadable(
            f"{name}: expected a document with text; found an empty file", hint="leave empty files out"
        )
    if found and registered.get(found.extension) != registered[extension]:
        raise DocumentUnreadable(
            f"{name}: expected {extension} content; found {found.named}", hint=_other_name(found.extension)
        )
    return registered[extension]


def _unsupported(name: str, registered: Iterable[str], found: Kind | None) -> DocumentUnsupported:
    extension = extension_of(name)
    shown = repr(extension or "no extension") + (f", {found.named}" if found else "")
    return DocumentUnsupported(
        f"{name}: expected one of {', '.join(sorted(registered))}; found {shown}",
        hint=_other_name(found.extension if found and not extension else ""),
    )


def _other_name(extension: str) -> str:
    known = extension in supported() or extension in containers()
    return f"give it the extension {extension}" if known else "convert it, or leave it out"
