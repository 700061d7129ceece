"""A PDF as pdfium sees it: opened, bounded, page by page, with what the file says of itself."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import pypdfium2 as pdfium
from pypdfium2 import raw

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._draft import canonical, collapsed
from steadyhand.types.document import Box
from steadyhand.types.json import Json

ONE_AT_A_TIME = threading.Lock()
"""Held by whoever talks to pdfium, which is not thread-safe."""

_MOST_PAGES = 20_000
_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([-+])(\d\d)'?(\d\d)?|Z)?")
_SAID = {"author": "Author", "subject": "Subject", "keywords": "Keywords"}
_DATED = {"created": "CreationDate", "modified": "ModDate"}


class Frame(NamedTuple):
    """What of a page is shown, and how: the crop box within the media box, turned clockwise in quarters.

    `width` and `height` are those of the page as shown; the crop box is in the page's own coordinates.
    """

    crop: tuple[float, float, float, float]  # left, bottom, right, top
    quarters: int
    width: float
    height: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """The page's own coordinates as points from the upper left corner of what is shown."""
        left, bottom, right, top = self.crop
        match self.quarters:
            case 0:
                return x - left, top - y
            case 1:
                return y - bottom, x - left
            case 2:
                return right - x, y - bottom
            case _:
                return top - y, right - x

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A rectangle in the page's own coordinates, as it is shown."""
        if not self.quarters and left <= right and bottom <= top:  # nearly always
            margin, _, _, highest = self.crop
            return Box(left - margin, highest - top, right - margin, highest - bottom)
        x0, y0 = self.point(left, bottom)
        x1, y1 = self.point(right, top)
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def opened(content: bytes, name: str) -> pdfium.PdfDocument:
    """Raises `DocumentUnreadable` for what is encrypted, broken, or has too many pages."""
    try:
        pdf = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise DocumentUnreadable(
                f"{name}: expected a PDF that opens without a password; found an encrypted one",
                hint="save it without a password",
            ) from None
        raise DocumentUnreadable(
            f"{name}: expected a PDF; found a file that pdfium cannot open ({error})",
            hint="is it cut off, or another format?",
        ) from None
    if len(pdf) > _MOST_PAGES:
        count = len(pdf)
        pdf.close()
        raise DocumentUnreadable(
            f"{name}: expected at most {_MOST_PAGES} pages; found {count}", hint="split the document"
        )
    return pdf


def page(pdf: pdfium.PdfDocument, number: int, name: str) -> tuple[pdfium.PdfPage, pdfium.PdfTextPage]:
    """The page, counted from 1, and its text; for the caller to close. Raises `DocumentUnreadable` when broken."""
    try:
        opened = pdf[number - 1]
        return opened, opened.get_textpage()
    except pdfium.PdfiumError as error:
        raise DocumentUnreadable(
            f"{name}: expected {len(pdf)} readable pages; found page {number} broken ({error})",
            hint="print it to a new PDF",
        ) from None


def pages(pdf: pdfium.PdfDocument, name: str) -> Iterator[tuple[pdfium.PdfPage, pdfium.PdfTextPage]]:
    """Every page and its text, closed when the next one is asked for."""
    for number in range(1, len(pdf) + 1):
        sheet, text = page(pdf, number, name)
        with closing(sheet), closing(text):
            yield sheet, text


def frame(page: pdfium.PdfPage) -> Frame:
    """How the page is shown."""
    width, height = page.get_size()
    return Frame(page.get_bbox(), page.get_rotation() // 90, width, height)


def title(pdf: pdfium.PdfDocument) -> str:
    """What the file calls itself, often nothing worth showing."""
    return _stated(pdf, "Title")


def metadata(pdf: pdfium.PdfDocument) -> dict[str, Json]:
    """Author, subject and keywords, and when the file was created and modified, as far as it says so."""
    said = {name: _stated(pdf, key) for name, key in _SAID.items()}
    said |= {name: iso_8601(_stated(pdf, key)) for name, key in _DATED.items()}
    return {name: value for name, value in said.items() if value}


def iso_8601(date: str) -> str:
    """A PDF's date such as `D:20230425061503-04'00'`; "" when it is none. Source: ISO 32000-1, 7.9.4."""
    found = _DATE.match(date)
    if not found:
        return ""
    *parts, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = (
        int(part or least) for part, least in zip(parts, (1, 1, 1, 0, 0, 0), strict=True)
    )
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset) if offset else UTC
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).isoformat()
    except ValueError:
        return ""


def _stated(pdf: pdfium.PdfDocument, key: str) -> str:
    return collapsed(canonical(pdf.get_metadata_value(key)))
