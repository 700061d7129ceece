"""What a file is by its content: the first bytes, and the names inside of zip archives and OLE files."""

from io import BytesIO
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

import olefile


class Kind(NamedTuple):
    """`extension` is the usual one, "" when there is none; `named` is for a person: "a PDF"."""

    extension: str
    named: str


_SIGNATURES = (
    (b"%PDF-", Kind(".pdf", "a PDF")),
    (b"{\\rtf", Kind(".rtf", "an RTF document")),
    (b"\x89PNG\r\n\x1a\n", Kind(".png", "a PNG image")),
    (b"\xff\xd8\xff", Kind(".jpg", "a JPEG image")),
    (b"GIF87a", Kind(".gif", "a GIF image")),
    (b"GIF89a", Kind(".gif", "a GIF image")),
    (b"II*\x00", Kind(".tif", "a TIFF image")),
    (b"MM\x00*", Kind(".tif", "a TIFF image")),
    (b"PK\x05\x06", Kind(".zip", "an empty zip archive")),
    (b"\x1f\x8b", Kind(".gz", "a gzip archive")),
    (b"BZh91AY&SY", Kind(".bz2", "a bzip2 archive")),
    (b"\xfd7zXZ\x00", Kind(".xz", "an xz archive")),
    (b"7z\xbc\xaf\x27\x1c", Kind(".7z", "a 7z archive")),
    (b"Rar!\x1a\x07", Kind(".rar", "a RAR archive")),
    (b"SQLite format 3\x00", Kind(".db", "an SQLite database")),
    (b"!BDN", Kind(".pst", "an Outlook mailbox")),
    (b"\x78\x9f\x3e\x22", Kind(".dat", "an Outlook winmail.dat")),
    (b"\x7fELF", Kind("", "a program")),
    (b"MZ\x90", Kind(".exe", "a program")),
)
_ZIPPED = (
    ("word/document", Kind(".docx", "a Word document")),
    ("xl/workbook", Kind(".xlsx", "an Excel workbook")),
    ("ppt/presentation", Kind(".pptx", "a PowerPoint presentation")),
)
_OPEN_DOCUMENTS = (
    (b"application/vnd.oasis.opendocument.text", Kind(".odt", "an OpenDocument text")),
    (b"application/vnd.oasis.opendocument.spreadsheet", Kind(".ods", "an OpenDocument spreadsheet")),
    (b"application/vnd.oasis.opendocument.presentation", Kind(".odp", "an OpenDocument presentation")),
    (b"application/epub+zip", Kind(".epub", "an e-book")),
)
_ZIP = Kind(".zip", "a zip archive")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS = (
    ("EncryptedPackage", Kind("", "an Office document that is protected by a password")),
    ("__properties_version1.0", Kind(".msg", "an Outlook message")),
    ("WordDocument", Kind(".doc", "an old Word document")),
    ("Workbook", Kind(".xls", "an old Excel workbook")),
    ("Book", Kind(".xls", "an old Excel workbook")),
    ("PowerPoint Document", Kind(".ppt", "an old PowerPoint presentation")),
)
_FAMILIES = {
    b"WEBP": Kind(".webp", "a WebP image"),
    b"WAVE": Kind(".wav", "a sound"),
    b"AVI ": Kind(".avi", "a film"),
}
_BRANDS = {
    b"heic": Kind(".heic", "a HEIC image"),
    b"heix": Kind(".heic", "a HEIC image"),
    b"mif1": Kind(".heic", "a HEIC image"),
    b"avif": Kind(".avif", "an AVIF image"),
}


def kind_of(content: bytes) -> Kind | None:
    """What the content gives away; None for text and unknown formats."""
    if content.startswith(b"PK\x03\x04"):
        return _zipped(content)
    if content.startswith(_OLE):
        return _ole(content)
    if content.startswith(b"RIFF"):
        return _FAMILIES.get(content[8:12])
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], Kind(".mp4", "a film or a sound"))
    return next((kind for signature, kind in _SIGNATURES if content.startswith(signature)), None)


def _zipped(content: bytes) -> Kind | None:
    """None for what only begins like an archive: who reads it says what is wrong."""
    head = content[30:110]  # an OpenDocument's first member is its type, not packed
    for declared, kind in _OPEN_DOCUMENTS:
        if head.startswith(b"mimetype" + declared):
            return kind
    try:
        with ZipFile(BytesIO(content)) as archive:
            names = {name.replace("\\", "/").lower() for name in archive.namelist()}
    except (BadZipFile, NotImplementedError, ValueError):
        return None
    for main_part, kind in _ZIPPED:
        if any(name.startswith(main_part) for name in names):
            return kind
    return None if "_rels/.rels" in names else _ZIP  # an Office file may keep its main part anywhere


def _ole(content: bytes) -> Kind:
    """Old Office documents, Outlook messages and encrypted new ones are all OLE files."""
    try:
        with olefile.OleFileIO(content) as file:
            streams = {entry[0] for entry in file.listdir()}
    except (OSError, ValueError, IndexError, TypeError):
        return Kind("", "a broken OLE file")
    for stream, kind in _OLE_STREAMS:
        if stream in streams:
            return kind
    return Kind("", "an old Office document")
