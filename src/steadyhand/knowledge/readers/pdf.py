"""PDF through pdfium: the text layer in reading order, page by page. Scans are recognised, not read."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from ctypes import byref, c_double, c_int, create_string_buffer

import pypdfium2 as pdfium
from pypdfium2 import raw

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._draft import Draft, collapsed, is_title
from steadyhand.knowledge.readers._hyphens import HYPHEN, resolved
from steadyhand.knowledge.readers._layout import Line, Piece, letter_width, pieces
from steadyhand.types.document import Document

EXTENSIONS = (".pdf",)

_ONE_AT_A_TIME = threading.Lock()  # pdfium is not thread-safe
_BOLD = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_BOLD_WEIGHT = 700
_SMALLEST_PT = 6.0  # letters without ascenders are lower than their line
_MARKER = re.compile(
    r"(?:(?:item|note|part|chapter|section|article)\s+)?(?:[^\w\s]|\(?[\da-z]{1,3}(?:\.\d+)*[.):]?)\s",
    re.IGNORECASE,
)
_TITLE_LIMIT = 100  # code points


def read(content: bytes, name: str) -> Document:
    """The document behind the text layer; `page.number` is the position in the file, not the printed number.

    Raises `DocumentUnreadable` for encrypted and broken files, and for scans. Blocks; one PDF is read at a time in
    a process.
    """
    with _ONE_AT_A_TIME, closing(_opened(content, name)) as pdf:
        title = collapsed(pdf.get_metadata_value("Title"))
        pages: list[list[Piece]] = []
        largest = ""
        for page in _pages(pdf, name):
            lines = _lines(page)
            largest = largest if pages else _largest(lines)
            pages.append(pieces(lines))
        if not any(pages):
            raise _without_text(pdf, name)
    return _document(name, title if is_title(title) else largest, resolved(pages))


def _opened(content: bytes, name: str) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(content)
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


def _pages(pdf: pdfium.PdfDocument, name: str) -> Iterator[pdfium.PdfTextPage]:
    for index in range(len(pdf)):
        try:
            page = pdf[index]
            text = page.get_textpage()
        except pdfium.PdfiumError as error:
            raise DocumentUnreadable(
                f"{name}: expected {len(pdf)} readable pages; found page {index + 1} broken ({error})",
                hint="print it to a new PDF",
            ) from None
        with closing(page), closing(text):
            yield text


def _lines(page: pdfium.PdfTextPage) -> list[Line]:
    """The page's lines with their geometry, which is only a hint: pdfium's positions can be off by a character."""
    found = list(_with_offsets(page.get_text_range()))
    lines = [_line(page, text, start) for start, text in found]
    roomy = 1.12 * letter_width(lines)
    return [
        line._replace(is_split=line.right - line.x > roomy * line.size * len(text) and _has_gap(page, text, start))
        for line, (start, text) in zip(lines, found, strict=True)
    ]


def _with_offsets(text: str) -> Iterator[tuple[int, str]]:
    """Each line that is not blank, without the space around it, and where it begins."""
    at = 0
    for line in text.split("\r\n"):
        shown = line.strip()
        if shown:
            yield at + line.index(shown[0]), shown
        at += len(line) + 2


def _line(page: pdfium.PdfTextPage, text: str, start: int) -> Line:
    x, y, left, right, low, high = (c_double() for _ in range(6))
    font, flags = create_string_buffer(128), c_int()
    first = raw.FPDFText_GetCharIndexFromTextIndex(page, start)
    last = raw.FPDFText_GetCharIndexFromTextIndex(page, start + len(text) - 1)
    raw.FPDFText_GetCharOrigin(page, first, byref(x), byref(y))
    raw.FPDFText_GetCharBox(page, last, byref(left), byref(right), byref(low), byref(high))
    named = raw.FPDFText_GetFontInfo(page, first, font, 128, byref(flags))
    is_bold = bool(named and _BOLD.search(font.value)) or raw.FPDFText_GetFontWeight(page, first) >= _BOLD_WEIGHT
    return Line(collapsed(text), x.value, right.value, y.value, raw.FPDFText_GetFontSize(page, first), is_bold)


def _has_gap(page: pdfium.PdfTextPage, text: str, start: int) -> bool:
    """Is there room between two words as between columns? The room behind a bullet or a number does not count."""
    left, top, right, bottom = (c_double() for _ in range(4))
    first = raw.FPDFText_GetCharIndexFromTextIndex(page, start)
    gaps = -1 if _MARKER.match(text) else 0
    reached = float("inf")
    for index in range(raw.FPDFText_CountRects(page, first, len(text))):
        raw.FPDFText_GetRect(page, index, byref(left), byref(top), byref(right), byref(bottom))
        gaps += left.value - reached > 1.3 * max(top.value - bottom.value, _SMALLEST_PT)
        if gaps > 0:
            return True
        reached = right.value
    return False


def _largest(lines: list[Line]) -> str:
    """What the first page says in the largest type, or its first line when all are alike."""
    size = max((line.size for line in lines), default=0.0)
    said = [line.text.replace(HYPHEN, "-") for line in lines if line.size == size]
    text = " ".join(said)
    return text if len(text) <= _TITLE_LIMIT else said[0][:_TITLE_LIMIT] if said else ""


def _without_text(pdf: pdfium.PdfDocument, name: str) -> DocumentUnreadable:
    if any(_shows_an_image(pdf, index) for index in range(min(len(pdf), 3))):
        return DocumentUnreadable(
            f"{name}: expected a PDF with a text layer; found a scan, {len(pdf)} pages of images",
            hint="run it through text recognition (OCR) first",
        )
    return DocumentUnreadable(
        f"{name}: expected a document with text; found no text on {len(pdf)} pages", hint="leave empty files out"
    )


def _shows_an_image(pdf: pdfium.PdfDocument, index: int) -> bool:
    with closing(pdf[index]) as page:
        return next(page.get_objects([raw.FPDF_PAGEOBJ_IMAGE]), None) is not None


def _document(name: str, title: str, pages: list[list[Piece]]) -> Document:
    draft = Draft(name)
    running = _running_titles(pages)
    for page in pages:
        for piece in page:
            if piece.kind == "heading" and piece.text not in running:
                draft.heading(piece.text, piece.level)
            else:
                kind = "paragraph" if piece.kind == "heading" else piece.kind
                draft.add(kind, piece.text, header_lines=piece.header_lines)
        draft.end_page()
    return draft.document(title)


def _running_titles(pages: list[list[Piece]]) -> set[str]:
    """Texts that return on so many pages that they are part of the paper, not of what is printed on it."""
    often = len(pages) / 5
    anywhere = Counter(piece.text for page in pages for piece in page if len(piece.text) <= 200)
    on_top = Counter(page[0].text for page in pages if page)
    return {text for text, count in anywhere.items() if count >= max(4, often) or on_top[text] >= max(2, often)}
