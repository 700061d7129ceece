"""Bytes to text for the formats that are text: what marks it, what it says of itself, what it looks like."""

import codecs
import re

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._encodings import FALLBACK, guessed, sample

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODE_PAGES = {1200: "utf-16-le", 20127: "ascii", 28591: "latin-1", 28599: "iso-8859-9", 65001: "utf-8"}


_WIDER = {
    "ascii": FALLBACK,
    "iso8859-1": FALLBACK,
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""Encodings under whose names Windows and browsers write a wider one. Source: WHATWG Encoding."""
_NAMES = {"x-sjis": "cp932", "x-gbk": "gb18030", "windows-874": "cp874"}
_WRITTEN = re.compile(r"cp|iso8859|koi8|mac|shift|euc|gb|big5|tis|iso2022")  # not rot13 and its like
_ISO_2022 = re.compile(rb"\x1b\$[@B]|\x1b\(J")
_NOT_TEXT = re.compile("[\x01-\x08\x0e-\x1a\x7f-\x84\x86-\x9f\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff]")
_BROKEN = 4  # so many signs that are not ASCII for each that is broken
_STRAY = 1_000  # so many bytes for each that is NUL


def decoded(content: bytes, name: str, *, declared: str = "") -> str:
    """The text of `content`: by its mark of byte order, as UTF-8, as the document itself declares, or as it looks.

    Some broken bytes, as of a text that was cut or put together, become U+FFFD and change nothing else. Raises
    `DocumentUnreadable` for binary data.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    if b"\0" in content:
        content = _without_nul(content, name)
    named = ["iso2022_jp"] if _ISO_2022.search(content) else []
    for encoding in [*named, "utf-8", *_known(declared)]:
        text = _mostly(content, encoding)
        if text is not None:
            return text
    return content.decode(guessed(content), errors="replace")


def _without_nul(content: bytes, name: str) -> bytes:
    """Text with a few stray NUL bytes without them, and UTF-16 without a mark as UTF-8."""
    if content.count(0) * _STRAY <= len(content):
        return content.replace(b"\0", b"")
    for first, encoding in ((1, "utf-16-be"), (0, "utf-16-le")):
        if b"\0" not in content[first::2]:
            text = _mostly(content[: len(content) // 2 * 2], encoding)
            if text is not None and not _NOT_TEXT.search(text):
                return text.encode()
    raise DocumentUnreadable(
        f"{name}: expected text; found binary data (NUL byte at {content.index(0)})",
        hint="save UTF-16 with a byte order mark, or convert the file",
    )


def _mostly(content: bytes, encoding: str) -> str | None:
    """The text when little of it is broken, compared with what is not ASCII; else None, soon."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        if _is_broken(sample(content).decode(encoding, errors="replace")):
            return None
    text = content.decode(encoding, errors="replace")
    return None if _is_broken(text) else text


def _is_broken(text: str) -> bool:
    return text.count("\ufffd") * _BROKEN > len(text) - len(text.encode("ascii", "ignore"))


def _known(label: str) -> list[str]:
    """The encoding that a document means by a label, none when it is nothing that text is written in."""
    try:
        found = codecs.lookup(_NAMES.get(label.lower(), label)).name
    except LookupError:
        return []
    return [_WIDER.get(found, found)] if _WRITTEN.match(found) or found in _WIDER else []


def of_code_page(number: int) -> str:
    """Windows' code page as an encoding of Python; `cp1252` for one that Python does not know."""
    named = _CODE_PAGES.get(number, f"cp{number}")
    try:
        codecs.lookup(named)
    except LookupError:
        return "cp1252"
    return named
