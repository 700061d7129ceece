"""The lines of a page as pdfium finds them, with their geometry.

pdfium's positions are only a hint: they can be off by a character.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from ctypes import CFUNCTYPE, byref, c_double, c_int, c_void_p, cast, create_string_buffer
from math import hypot

import pypdfium2 as pdfium
from pypdfium2 import raw

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._draft import collapsed
from steadyhand.knowledge.readers._pdf_columns import gutter
from steadyhand.knowledge.readers._pdf_file import Frame
from steadyhand.knowledge.readers._pdf_line import Line
from steadyhand.types.document import Box

_BOLD = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_BOLD_WEIGHT = 700
_SMALLEST_PT = 6.0  # letters without ascenders are lower than their line
_GAP = 1.3  # heights of a line
_ROOMY = 1.12  # usual widths of a letter
_WIDEST = 0.55  # type sizes of a usual letter; on a page of nothing but columns all lines are wider
_FULL = 60  # letters of a line that may go over two columns
_MANY, _SAMPLE = 6, 2  # such lines on a page of columns, and how many are looked at first
_UPRIGHT = 0.05  # how far a line may lean, as a share of its length
_MOST_LETTERS = 1_000_000  # of one page
_MARKER = re.compile(
    r"(?:(?:item|note|part|chapter|section|article)\s+)?(?:[^\w\s]|\(?[\da-z]{1,3}(?:\.\d+)*[.):]?)\s",
    re.IGNORECASE,
)


def _unchecked(function: object) -> Callable[..., int]:
    """A function of pdfium that takes ints and pointers, called without ctypes' checks: in a third of the time."""
    return CFUNCTYPE(c_int)(cast(function, c_void_p).value)  # type: ignore[arg-type]


_get_rect = _unchecked(raw.FPDFText_GetRect)
_get_char_box = _unchecked(raw.FPDFText_GetCharBox)
_get_char_origin = _unchecked(raw.FPDFText_GetCharOrigin)
_get_matrix = _unchecked(raw.FPDFText_GetMatrix)


def lines(page: pdfium.PdfTextPage, frame: Frame, name: str) -> list[Line]:
    """The page's lines in the order they are drawn; lines across two columns of text are two.

    Raises `DocumentUnreadable` for a page with more letters than a million.
    """
    count = page.count_chars()
    if count > _MOST_LETTERS:
        raise DocumentUnreadable(
            f"{name}: expected at most {_MOST_LETTERS} letters on a page; found {count}", hint="distrust the file"
        )
    probe = _Probe(page, frame)
    spans = list(_spans(page.get_text_range()))
    found = [probe.line(text, start) for start, text in spans]
    roomy = _ROOMY * min(_letter_width(found), _WIDEST)
    wide = [at for at, line in enumerate(found) if line.box is None and _width(line) > roomy]
    found = _with_gaps(probe, spans, found, wide)
    full = [at for at, line in enumerate(found) if len(line.text) > _FULL and not line.gap and line.box is None]
    both = found
    if len(full) >= _MANY and all(probe.gap(spans[at][1], spans[at][0]) for at in full[1 :: _MANY - 2][:_SAMPLE]):
        both = _with_gaps(probe, spans, found, full)
    across = gutter(both)
    return list(probe.halves(spans, both, across)) if across else found


def _with_gaps(
    probe: "_Probe", spans: Sequence[tuple[int, str]], found: Sequence[Line], places: Sequence[int]
) -> list[Line]:
    """The lines, those at some places with the gap that is in them."""
    looked = list(found)
    for at in places:
        start, text = spans[at]
        gap = probe.gap(text, start)
        if gap:
            looked[at] = looked[at]._replace(gap=gap)
    return looked


def _width(line: Line) -> float:
    """Of a letter of the line, in type sizes."""
    return (line.right - line.left) / (len(line.text) * line.size or 1)


def _spans(text: str) -> Iterator[tuple[int, str]]:
    """Each line that is not blank, without the space around it, and where it begins."""
    at = 0
    for line in text.split("\r\n"):
        shown = line.strip()
        if shown:
            yield at + line.index(shown[0]), shown
        at += len(line) + 2


def _letter_width(found: Sequence[Line]) -> float:
    """How wide a letter is on the page, in type sizes, where nothing stretches the line."""
    widths = sorted(_width(line) for line in found if len(line.text) > 7)
    return widths[len(widths) // 5] if widths else 0.5


class _Probe:
    """Asks pdfium about the letters of one page; its answers come in the same few numbers again and again."""

    def __init__(self, page: pdfium.PdfTextPage, frame: Frame) -> None:
        self._page = page.raw
        self._frame = frame
        self._numbers = tuple(c_double() for _ in range(4))
        self._out = tuple(byref(number) for number in self._numbers)
        self._into_flags = byref(c_int())
        self._font = create_string_buffer(128)
        self._matrix = raw.FS_MATRIX()
        self._into_matrix = byref(self._matrix)

    def line(self, text: str, start: int) -> Line:
        """The line whose letters begin at `start` of the page's text."""
        first, last = self._letter(start), self._letter(start + len(text) - 1)
        matrix, (x, y, *_) = self._matrix, self._numbers
        if not _get_matrix(self._page, first, self._into_matrix):
            matrix.a, matrix.b, matrix.c, matrix.d = 1.0, 0.0, 0.0, 1.0
        _get_char_origin(self._page, first, *self._out[:2])
        left, base = self._frame.point(x.value, y.value)
        scale = hypot(matrix.c, matrix.d)
        size = raw.FPDFText_GetFontSize(self._page, first) * (scale or 1.0)
        end = self._box(last)
        aside = None if self._is_upright() else self._box(first).around(end)
        return Line(collapsed(text), left, max(left, end.right), base, size, self._is_bold(first), box=aside)

    def gap(self, text: str, start: int) -> float:
        """Where there is room between two words as between columns, 0 where there is none.

        The room behind a bullet or a number does not count.
        """
        is_marker_ahead = _MARKER.match(text) is not None
        reached = float("inf")
        for left, right, height in self._runs(self._letter(start), len(text)):
            if left - reached > _GAP * max(height, _SMALLEST_PT):
                if not is_marker_ahead:
                    return (reached + left) / 2
                is_marker_ahead = False
            reached = right
        return 0.0

    def halves(self, spans: Sequence[tuple[int, str]], found: Sequence[Line], x: float) -> Iterator[Line]:
        """The lines, where those across the gutter at `x` are two: of each run the left ones, then the right."""
        rights: list[Line] = []
        for (start, text), line in zip(spans, found, strict=True):
            cut = self._cut(start, text, x) if line.left < x < line.right and line.gap else 0
            if not cut:
                yield from rights
                rights = []
            if cut:
                yield self.line(text[:cut].rstrip(), start)
                behind = text[cut:].lstrip()
                rights.append(self.line(behind, start + len(text) - len(behind)))
            else:
                yield line
        yield from rights

    def _cut(self, start: int, text: str, x: float) -> int:
        """How many letters of the line stand left of `x`; 0 when a word crosses it."""
        for at in range(1, len(text)):
            if not text[at].isspace() and self._box(self._letter(start + at)).left > x:
                return at if text[at - 1].isspace() else 0
        return 0

    def _letter(self, position: int) -> int:
        """pdfium counts letters and characters of the text apart."""
        return int(raw.FPDFText_GetCharIndexFromTextIndex(self._page, position))

    def _box(self, letter: int) -> Box:
        left, right, bottom, top = self._numbers
        _get_char_box(self._page, letter, *self._out)
        return self._frame.box(left.value, bottom.value, right.value, top.value)

    def _runs(self, letter: int, count: int) -> Iterator[tuple[float, float, float]]:
        """Left and right end of each run of letters, and its height. Asked for most often of all."""
        page, frame, out = self._page, self._frame, self._out
        left, top, right, bottom = self._numbers
        for index in range(raw.FPDFText_CountRects(page, letter, count)):
            _get_rect(page, index, *out)
            if frame.quarters:
                shown = frame.box(left.value, bottom.value, right.value, top.value)
                yield shown.left, shown.right, shown.bottom - shown.top
            else:
                margin = frame.crop[0]
                yield left.value - margin, right.value - margin, top.value - bottom.value

    def _is_upright(self) -> bool:
        """Does the line run from left to right on the page as shown?"""
        a, b = self._matrix.a, self._matrix.b
        if not self._frame.quarters and not b:
            return bool(a > 0)
        x0, y0 = self._frame.point(0.0, 0.0)
        x1, y1 = self._frame.point(a, b)
        return x1 - x0 > 0 and abs(y1 - y0) <= _UPRIGHT * (x1 - x0)

    def _is_bold(self, letter: int) -> bool:
        named = raw.FPDFText_GetFontInfo(self._page, letter, self._font, 128, self._into_flags)
        return bool(
            (named and _BOLD.search(self._font.value))
            or raw.FPDFText_GetFontWeight(self._page, letter) >= _BOLD_WEIGHT
        )
