"""What was written onto a page of a PDF afterwards: the values of form fields, and notes.

Neither is in the page's text. A value stands where its field is; a note comes behind the text, like a comment.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import POINTER, byref, cast, create_string_buffer
from typing import NamedTuple

import pypdfium2 as pdfium
from pypdfium2 import raw

from steadyhand.knowledge.readers._draft import canonical, collapsed
from steadyhand.knowledge.readers._pdf_file import Frame
from steadyhand.knowledge.readers._pdf_line import Line, usual
from steadyhand.types.document import Box

_MOST = 2_000  # fields and notes of a page
_LONGEST = 64 * 1024  # bytes of one
_NOTES = frozenset(
    [
        raw.FPDF_ANNOT_TEXT,
        raw.FPDF_ANNOT_FREETEXT,
        raw.FPDF_ANNOT_HIGHLIGHT,
        raw.FPDF_ANNOT_UNDERLINE,
        raw.FPDF_ANNOT_SQUIGGLY,
        raw.FPDF_ANNOT_STRIKEOUT,
        raw.FPDF_ANNOT_STAMP,
        raw.FPDF_ANNOT_CARET,
    ]
)
_TICKED = "☒"
_ONE_LINE_PT = 30.0  # the height of a field up to which it holds one line
_TYPE_SIZE, _DEEPEST_BASE = 0.7, 0.25  # of the height of such a field
_SMALLER = 0.9  # than the type of the page
_LARGEST_PT = 12.0  # of type on a page that has no other
_SAME_BASE = 0.6  # type sizes


class _Written(NamedTuple):
    text: str
    box: Box
    is_field: bool


def with_written(lines: Sequence[Line], page: pdfium.PdfPage, frame: Frame) -> list[Line]:
    """The lines of a page in reading order, values in the rows of their labels, notes at the end."""
    found = list(lines)
    largest = 0.0
    for written in _written(page, frame):
        largest = largest or (_SMALLER * usual(lines).size if lines else _LARGEST_PT)
        if written.is_field:
            _put(found, _line(written, largest))
        else:
            found.append(_line(written, largest)._replace(box=written.box))
    return found


def _written(page: pdfium.PdfPage, frame: Frame) -> Iterator[_Written]:
    for index in range(min(raw.FPDFPage_GetAnnotCount(page.raw), _MOST)):
        with _annotation(page, index) as annotation:
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            is_field = kind == raw.FPDF_ANNOT_WIDGET
            text = _value(annotation) if is_field else _said(annotation, b"Contents") if kind in _NOTES else ""
            bounds = raw.FS_RECTF()
            if text and raw.FPDFAnnot_GetRect(annotation, byref(bounds)):
                yield _Written(text, frame.box(bounds.left, bounds.bottom, bounds.right, bounds.top), is_field)


@contextmanager
def _annotation(page: pdfium.PdfPage, index: int) -> Iterator[raw.FPDF_ANNOTATION]:
    annotation = raw.FPDFPage_GetAnnot(page.raw, index)
    try:
        yield annotation
    finally:
        raw.FPDFPage_CloseAnnot(annotation)


def _value(field: raw.FPDF_ANNOTATION) -> str:
    """What is filled in; a cross for a box that is ticked. Only boxes have a state of appearance."""
    state = _said(field, b"AS")
    if state:
        return _TICKED if state != "Off" else ""
    return _said(field, b"V")


def _said(annotation: raw.FPDF_ANNOTATION, key: bytes) -> str:
    size = raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if not 2 < size <= _LONGEST:
        return ""
    buffer = create_string_buffer(size)
    raw.FPDFAnnot_GetStringValue(annotation, key, cast(buffer, POINTER(raw.FPDF_WCHAR)), size)
    return collapsed(canonical(buffer.raw.decode("utf-16-le", "replace").rstrip("\0")))


def _line(written: _Written, largest: float) -> Line:
    """In type smaller than that of the page, so that it is neither its title nor a heading."""
    left, top, right, bottom = written.box
    height = bottom - top
    size = min(largest, _TYPE_SIZE * height)
    base = bottom - _DEEPEST_BASE * height if height <= _ONE_LINE_PT else top + size
    return Line(written.text, left, right, base, size)


def _put(lines: list[Line], value: Line) -> None:
    """Behind the label on its left, else above the first line that stands under it."""
    upright = [(at, line) for at, line in enumerate(lines) if line.box is None]
    for at, line in upright:
        near = abs(line.base - value.base) <= _SAME_BASE * max(line.size, value.size)
        if near and line.left < value.left and line.right <= value.left + value.size:
            lines[at] = line._replace(text=f"{line.text} {value.text}", right=max(line.right, value.right))
            return
    lines.insert(next((at for at, line in upright if line.base > value.base), len(lines)), value)
