"""An Office Open XML file: its parts, how they belong together, and what the file says of itself.

Hostile until shown otherwise. What is unpacked is counted as it comes, whatever the archive declares; nothing is
written to disk; a document type declaration is refused, and entities are never resolved. Source: ECMA-376, part 2.
"""

import posixpath
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import NamedTuple, Self, cast
from urllib.parse import unquote
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from lxml import etree

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._draft import canonical, collapsed
from steadyhand.types.json import Json

R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
"""The name space of attributes that point to other parts."""
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"

_MIB = 2**20
_TREE_LIMIT = 64 * _MIB  # bytes of a part that is held as a tree; a thousand pages take about 10 MiB
_STREAM_LIMIT = 512 * _MIB  # bytes of a part that is read piece by piece; a million rows take about 200 MiB
_TOTAL_LIMIT = 1024 * _MIB  # bytes of everything that is unpacked for one document
_RATIO_LIMIT = 250  # unpacked to packed; sheets of equal rows reach 100
_RATIO_COUNTS_FROM = 8 * _MIB
_CHUNK = 2**16
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_TRANSITIONAL = rb"http://schemas.openxmlformats.org/\1/2006/\2"
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
)
_BROKEN = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
_PROPERTIES = {
    "creator": "author",
    "subject": "subject",
    "description": "description",
    "category": "category",
    "language": "language",
    "lastModifiedBy": "modified_by",
    "created": "created",
    "modified": "modified",
}
_SEPARATOR = re.compile(r"\s*[,;]\s*")


class Relation(NamedTuple):
    """`kind` is the last part of the relation's type, such as "slide"; `target` is the path of a part."""

    kind: str
    target: str


class Package:
    """The parts of an Office file by their path, which is read without regard to case and slashes."""

    def __init__(self, content: bytes, name: str, kind: str) -> None:
        """`kind` is what is expected, for a person: "a Word document". Raises `DocumentUnreadable`."""
        self._name = name
        self._kind = kind
        self._unpacked = 0
        self._related: dict[str, dict[str, Relation]] = {}
        try:
            self._archive = ZipFile(BytesIO(content))
        except _BROKEN as error:
            raise self._broken(error) from None
        self._parts = {_key(info.filename): info for info in self._archive.infolist()}
        self.main = self.only("", "officeDocument")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def has(self, part: str) -> bool:
        """Is there such a part?"""
        return _key(part) in self._parts

    def tree(self, part: str) -> etree._Element | None:
        """The root of a part, None when there is no such part."""
        if not self.has(part):
            return None
        try:
            root = etree.fromstring(_STRICT.sub(_TRANSITIONAL, self.bytes_of(part)), _PARSER)
        except etree.XMLSyntaxError as error:
            raise self._no_xml(part, error) from None
        self._refuse_declaration(root, part)
        return root

    def main_tree(self, tag: str) -> etree._Element:
        """The root of the document itself, which has this tag. Raises `DocumentUnreadable` without such a one."""
        root = self.tree(self.main)
        if root is None:
            raise DocumentUnreadable(f"{self._name}: expected {self._kind}; found none of its parts in the archive")
        if root.tag != tag:
            raise DocumentUnreadable(
                f"{self._name}: expected {self._kind}; found {etree.QName(root).localname!r} in it"
            )
        return root

    def elements(self, part: str, *tags: str) -> Iterator[etree._Element]:
        """The elements of some tags as they are closed. Each is gone once the next is asked for.

        Nothing when there is no such part.
        """
        if not self.has(part):
            return
        parser = etree.XMLPullParser(
            events=("end",),
            tag=tags,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        is_checked = False
        try:
            for chunk in self.chunks(part, limit=_STREAM_LIMIT):
                parser.feed(_STRICT.sub(_TRANSITIONAL, chunk))
                for _, found in parser.read_events():
                    element = cast("etree._Element", found)
                    if not is_checked:
                        self._refuse_declaration(element, part)
                        is_checked = True
                    yield element
                    _forget(element)
            root = parser.close()
            if not is_checked and root is not None:
                self._refuse_declaration(root, part)
        except etree.XMLSyntaxError as error:
            raise self._no_xml(part, error) from None

    def bytes_of(self, part: str) -> bytes:
        """A part that is there, whole. Raises `DocumentUnreadable` past the limits."""
        return b"".join(self.chunks(part, limit=_TREE_LIMIT))

    def chunks(self, part: str, *, limit: int) -> Iterator[bytes]:
        """The unpacked bytes of a part that is there, piece by piece.

        Raises `DocumentUnreadable` past the limits.
        """
        info = self._parts[_key(part)]
        if info.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise DocumentUnreadable(f"{self._name}: expected {part} packed by deflate; found another method")
        unpacked = 0
        try:
            with self._archive.open(info) as file:
                while chunk := file.read(_CHUNK):
                    unpacked += len(chunk)
                    self._unpacked += len(chunk)
                    self._check(info, unpacked, limit)
                    yield chunk
        except _BROKEN as error:
            raise self._broken(error) from None

    def related(self, part: str) -> dict[str, Relation]:
        """The parts that a part points to, by the id it uses for them; "" is the file itself."""
        if part not in self._related:
            self._related[part] = self._relations(part)
        return self._related[part]

    def only(self, part: str, kind: str) -> str:
        """The path of the first part of a kind that a part points to, "" when there is none."""
        return next((relation.target for relation in self.related(part).values() if relation.kind == kind), "")

    def properties(self) -> tuple[str, dict[str, Json]]:
        """The title that the file states, "" for none, and its metadata: author, created, keywords and the like."""
        root = self.tree(self.only("", "core-properties") or "docProps/core.xml")
        stated = {etree.QName(element).localname: _shown(element) for element in (root if root is not None else ())}
        metadata: dict[str, Json] = {
            _PROPERTIES[key]: value for key, value in stated.items() if key in _PROPERTIES and value
        }
        keywords: list[Json] = [word for word in _SEPARATOR.split(stated.get("keywords", "")) if word]
        if keywords:
            metadata["keywords"] = keywords
        return stated.get("title", ""), metadata

    def _relations(self, part: str) -> dict[str, Relation]:
        folder, base = posixpath.split(part)
        root = self.tree(posixpath.join(folder, "_rels", f"{base}.rels"))
        return {
            element.get("Id", ""): Relation(
                element.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, unquote(element.get("Target", "")))).lstrip("/"),
            )
            for element in (root if root is not None else ())
            if element.get("TargetMode") != "External"
        }

    def _check(self, info: ZipInfo, unpacked: int, limit: int) -> None:
        if unpacked > limit or self._unpacked > _TOTAL_LIMIT:
            raise DocumentUnreadable(
                f"{self._name}: expected parts of at most {limit // _MIB} MiB, {_TOTAL_LIMIT // _MIB} MiB in all; "
                f"found {info.filename} larger once unpacked",
                hint="split the document",
            )
        if unpacked > max(_RATIO_COUNTS_FROM, _RATIO_LIMIT * info.compress_size):
            raise DocumentUnreadable(
                f"{self._name}: expected parts that unpack to at most {_RATIO_LIMIT} times their size; "
                f"found {info.filename} larger",
                hint="it may be a zip bomb: distrust it",
            )

    def _refuse_declaration(self, element: etree._Element, part: str) -> None:
        if element.getroottree().docinfo.internalDTD is not None:
            raise DocumentUnreadable(
                f"{self._name}: expected no document type declaration in {part}; found one",
                hint="Office writes none: distrust it",
            )

    def _no_xml(self, part: str, error: etree.XMLSyntaxError) -> DocumentUnreadable:
        return DocumentUnreadable(f"{self._name}: expected XML in {part}; found {error.msg}")

    def _broken(self, error: Exception) -> DocumentUnreadable:
        return DocumentUnreadable(
            f"{self._name}: expected {self._kind}; found a file that cannot be unpacked ({error})",
            hint="is it cut off, protected by a password, or another format?",
        )


def shown_children(parent: etree._Element) -> Iterator[etree._Element]:
    """Child elements; of alternatives the first, which is the newest a program may understand."""
    for child in parent:
        if child.tag == f"{MC}AlternateContent":
            for choice in islice(child, 1):
                yield from shown_children(choice)
        else:
            yield child


def whole(text: str | None, otherwise: int = 0) -> int:
    """The number that an attribute holds; `otherwise` for what is none, or has more than 18 figures."""
    figures = (text or "").removeprefix("-")
    return int(text or "") if figures.isascii() and figures.isdecimal() and len(figures) <= 18 else otherwise


def _key(part: str) -> str:
    return part.replace("\\", "/").lstrip("/").lower()


def _shown(element: etree._Element) -> str:
    return collapsed(canonical("".join(map(str, element.itertext()))))


def _forget(element: etree._Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
