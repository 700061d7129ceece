"""Shows a page of a document with the words that an answer quotes marked on it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from pypdfium2 import raw

from steadyhand.errors import DocumentUnsupported, NotFound
from steadyhand.knowledge.readers import _pdf_file as file
from steadyhand.knowledge.readers._pdf_quote import spans
from steadyhand.knowledge.readers._pdf_render import pixels
from steadyhand.knowledge.readers._png import png
from steadyhand.knowledge.readers.image import media_type
from steadyhand.types.document import Box

_WIDTH_PX, _TALLEST_PX = 1_200, 3_600
_YELLOW = np.array([255, 235, 80], np.uint16)
_PAD_PT = 1.0


class Shown(NamedTuple):
    """A page as an image file. `found` are the places of every mark, one box per line; () where it is not there."""

    media_type: str
    data: bytes
    found: tuple[tuple[Box, ...], ...] = ()


def render(content: bytes, number: int, marks: Sequence[str | Box] = (), *, name: str = "the document") -> Shown:
    """Page `number` of a PDF, counted from 1, about 1,200 pixels wide, with quotes and boxes marked in yellow.

    A quote is found whatever white space, hyphens and line breaks stand between its letters. Images are shown as
    they are. Raises `NotFound` for a page that is not there, `DocumentUnsupported` for formats without pages,
    `DocumentUnreadable` for broken files. Blocks; one PDF is shown or read at a time in a process.
    """
    image = media_type(content)
    if image:
        _check_number(number, 1, name)
        return Shown(image, content, tuple(() for _ in marks))
    if not content.startswith(b"%PDF-"):
        raise DocumentUnsupported(f"{name}: expected a PDF or an image; found a document without pages to show")
    with file.ONE_AT_A_TIME, closing(file.opened(content, name)) as pdf:
        _check_number(number, len(pdf), name)
        page, text = file.page(pdf, number, name)
        with closing(page), closing(text):
            frame = file.frame(page)
            found = tuple((mark,) if isinstance(mark, Box) else _places(text, frame, mark) for mark in marks)
            scale = min(_WIDTH_PX / frame.width, _TALLEST_PX / frame.height)
            shown = pixels(page, scale, name)
    for box in {box for boxes in found for box in boxes}:
        _mark(shown, box, scale)
    return Shown("image/png", png(shown), found)


def _check_number(number: int, count: int, name: str) -> None:
    if not 1 <= number <= count:
        raise NotFound(f"{name}: expected a page from 1 to {count}; found {number}")


def _places(text: pdfium.PdfTextPage, frame: file.Frame, quote: str) -> tuple[Box, ...]:
    boxes: list[Box] = []
    for start, end in spans(text.get_text_range(), quote):
        for box in _rectangles(text, frame, start, end):
            if boxes and _is_beside(boxes[-1], box):
                boxes[-1] = boxes[-1].around(box)
            else:
                boxes.append(box)
    return tuple(boxes)


def _rectangles(text: pdfium.PdfTextPage, frame: file.Frame, start: int, end: int) -> Iterator[Box]:
    first = raw.FPDFText_GetCharIndexFromTextIndex(text, start)
    last = raw.FPDFText_GetCharIndexFromTextIndex(text, end - 1)
    for index in range(text.count_rects(first, last - first + 1)):
        yield frame.box(*text.get_rect(index))


def _is_beside(one: Box, other: Box) -> bool:
    """Do both stand in the same line, with no more than a word's space between them?"""
    height = min(one.bottom - one.top, other.bottom - other.top)
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    return overlap > 0.5 * height and other.left - one.right < max(one.bottom - one.top, height)


def _mark(shown: NDArray[np.uint8], box: Box, scale: float) -> None:
    """Multiply, as a marker pen does: what is dark stays dark."""
    left, top = (max(0, int((edge - _PAD_PT) * scale)) for edge in box[:2])
    right, bottom = (max(0, int((edge + _PAD_PT) * scale) + 1) for edge in box[2:])
    region = shown[top:bottom, left:right]
    region[:] = (region * _YELLOW // 255).astype(np.uint8)
