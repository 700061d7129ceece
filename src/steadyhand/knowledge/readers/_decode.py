"""Bytes to text for the formats that are text: marks of byte order first, then UTF-8, then Windows-1252."""

import codecs

from steadyhand.errors import DocumentUnreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODE_PAGES = {1200: "utf-16-le", 20127: "ascii", 28591: "latin-1", 28599: "iso-8859-9", 65001: "utf-8"}


def decoded(content: bytes, name: str, *, declared: str = "") -> str:
    """The text of `content`. `declared` is the encoding that the document itself names, tried before the fallback.

    Windows-1252 takes whatever is not UTF-8; a byte it does not know becomes U+FFFD. Raises `DocumentUnreadable`
    for NUL bytes, which no text has.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    if b"\0" in content:
        raise DocumentUnreadable(
            f"{name}: expected text; found binary data (NUL byte at {content.index(0)})",
            hint="save UTF-16 with a byte order mark, or convert the file",
        )
    for encoding in filter(None, ("utf-8", declared)):
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("cp1252", errors="replace")


def of_code_page(number: int) -> str:
    """Windows' code page as an encoding of Python; `cp1252` for one that Python does not know."""
    named = _CODE_PAGES.get(number, f"cp{number}")
    try:
        codecs.lookup(named)
    except LookupError:
        return "cp1252"
    return named
