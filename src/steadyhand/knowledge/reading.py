"""Chooses the reader of a file by its extension, and makes sure that the content is what the name says."""

from io import BytesIO
from pathlib import PurePath
from zipfile import BadZipFile, ZipFile

from steadyhand import plugins
from steadyhand.errors import DocumentUnreadable, DocumentUnsupported
from steadyhand.types.document import Document

VERSION = 1
"""Changes when the same file would be read into another text."""

_FOLDER = "knowledge.readers"
_READERS = {
    extension: reader for reader in plugins.names(_FOLDER) for extension in plugins.load(_FOLDER, reader).EXTENSIONS
}

SUPPORTED = frozenset(_READERS)
"""Extensions in lower case, with their dot."""

_SIGNATURES = (
    (b"%PDF-", ".pdf", "a PDF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".doc", "an encrypted or old Office document"),
    (b"{\\rtf", ".rtf", "an RTF document"),
    (b"\x89PNG\r\n\x1a\n", ".png", "a PNG image"),
    (b"\xff\xd8\xff", ".jpg", "a JPEG image"),
    (b"GIF8", ".gif", "a GIF image"),
    (b"II*\x00", ".tif", "a TIFF image"),
    (b"MM\x00*", ".tif", "a TIFF image"),
    (b"\x1f\x8b", ".gz", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", ".7z", "a 7z archive"),
    (b"\x7fELF", "", "a program"),
    (b"MZ\x90", ".exe", "a program"),
)
_ZIPPED = (
    ("word/", ".docx", "a Word document"),
    ("xl/", ".xlsx", "an Excel workbook"),
    ("ppt/", ".pptx", "a PowerPoint presentation"),
)


def read_document(content: bytes, name: str) -> Document:
    """The document in `content`; `name` is its path or file name. Blocks; for a worker thread.

    Raises `DocumentUnsupported` when no reader is there for the extension, `DocumentUnreadable` when the content is
    empty, broken, protected, or something else than the extension says.
    """
    extension = PurePath(name).suffix.lower()
    if extension not in SUPPORTED:
        raise DocumentUnsupported(
            f"{name}: expected one of {', '.join(sorted(SUPPORTED))}; found {extension or 'no extension'!r}",
            hint="convert it, or leave it out",
        )
    if not content.strip():
        raise DocumentUnreadable(
            f"{name}: expected a document with text; found an empty file", hint="leave empty files out"
        )
    found = _kind(content)
    if found and found[0] != extension:
        raise DocumentUnreadable(
            f"{name}: expected {extension} content; found {found[1]}",
            hint=f"give it the extension {found[0]}" if found[0] in SUPPORTED else "convert it, or leave it out",
        )
    document: Document = plugins.load(_FOLDER, _READERS[extension]).read(content, name)
    return document


def _kind(content: bytes) -> tuple[str, str] | None:
    """The usual extension and the name of what the first bytes give away; None for text and unknown formats."""
    for signature, extension, named in _SIGNATURES:
        if content.startswith(signature):
            return extension, named
    return _zipped_kind(content) if content.startswith(b"PK\x03\x04") else None


def _zipped_kind(content: bytes) -> tuple[str, str] | None:
    try:
        with ZipFile(BytesIO(content)) as archive:
            members = archive.namelist()
    except BadZipFile:
        return None
    for folder, extension, named in _ZIPPED:
        if any(member.startswith(folder) for member in members):
            return extension, named
    return ".zip", "a zip archive"
