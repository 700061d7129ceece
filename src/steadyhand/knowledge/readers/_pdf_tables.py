"""Finds the tables among the lines of a page. Pure; judges by shape.

What counts: how many figures a line ends with, whether there is room in it as between columns, and what stands
above.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import mode
from typing import NamedTuple

from steadyhand.knowledge.readers._pdf_figures import figures, is_figures, names_columns
from steadyhand.knowledge.readers._pdf_line import Line, Piece, Usual, around
from steadyhand.knowledge.readers._pdf_structure import is_structure

_REACH = 20  # how many lines above the first row may hold column titles
_LABELS = 3  # how many lines without figures may follow one another inside a table
_INSET = 0.35  # of the text's width: where figures begin
_NEARLY_ALL = 0.8  # of the rows below words that head columns end with figures


class Span(NamedTuple):
    """Lines `[start, end)` are a table; its rows begin at `first_row`, below the column titles."""

    start: int
    first_row: int
    end: int


def tables(lines: Sequence[Line], usual: Usual) -> Iterator[Span]:
    """Every table of a page, from top to bottom."""
    inset = usual.left + _INSET * (usual.right - usual.left)
    is_title = [_is_title(line, inset) for line in lines]
    floor = 0
    for first, last in _runs(lines, is_title, usual):
        below_titles = _below_titles(lines, first, floor, is_title)
        start = below_titles
        while start > max(floor, first - _REACH) and _is_above_a_table(lines, start - 1, is_title, usual):
            start -= 1
        if start == below_titles:
            start = below_titles = first
        while below_titles < last and lines[below_titles].is_bold and figures(lines[below_titles].text) == 0:
            below_titles += 1
        if below_titles == start == first and _heads_figures(lines[first : last + 1]):
            below_titles += 1
        end = last + 1
        while (
            end < len(lines)
            and lines[end].left > inset
            and 0 < lines[end].base - lines[end - 1].base < 1.4 * usual.leading
        ):
            end += 1
        if last > first or start < first:
            yield Span(start, below_titles, end)
            floor = end


def table(lines: Sequence[Line], span: Span) -> Piece:
    """The table as a block: one row per line, also where a cell is printed on several."""
    rows = lines[span.start : span.end]
    shown, header_lines = _rows(rows, span.first_row - span.start)
    counts = [figures(text) for text in shown[header_lines:]]
    return Piece(
        "table",
        "\n".join(shown),
        around(rows),
        header_lines,
        figures=mode(count for count in counts if count) if any(counts) else 0,
    )


def _rows(lines: Sequence[Line], header_lines: int) -> tuple[list[str], int]:
    """The text of every row, and how many of them are column titles."""
    shown = [line.text for line in lines[:1]]
    headers = header_lines
    for at, (above, below) in enumerate(pairwise(lines), start=1):
        if at != header_lines and _is_one_row(above, below):
            shown[-1] += " " + below.text
            headers -= at < header_lines
        else:
            shown.append(below.text)
    return shown, headers


def _is_one_row(above: Line, below: Line) -> bool:
    """Does a label that was too long for its column go on?"""
    step = below.base - above.base
    return (
        0 < step < 1.45 * above.size
        and below.text[:1].islower()
        and abs(below.size - above.size) < 0.1 * above.size
        and not above.text.endswith((":", "."))
        and not (figures(above.text) and figures(below.text))
        and not names_columns(below.text)
        and above.left - below.left < above.size
        and not is_figures(below.text)
    )


def _runs(lines: Sequence[Line], is_title: Sequence[bool], usual: Usual) -> Iterator[tuple[int, int]]:
    """First and last row of what may be a table: rows with nothing but labels and halves of cells between them."""
    first = last = -1
    for row, line in enumerate(lines):
        if not (line.gap or figures(line.text) >= 2) or (is_title[row] and names_columns(line.text)):
            continue
        between = range(last + 1, row)
        if first < 0:
            first = row
        elif (
            len(between) > _LABELS
            or any(abs(lines[at + 1].base - lines[at].base) > 4 * usual.leading for at in range(last, row))
            or not all(_is_label(lines[at].text) for at in between)
        ):
            yield first, last
            first = row
        last = row
    if first >= 0:
        yield first, last


def _is_label(text: str) -> bool:
    """May the line stand inside a table: a label of a group, a part of a cell, a row with one figure?"""
    is_prose = len(text) > 130 or (text.endswith((".", ";")) and text.count(" ") > 7)
    return not (is_prose or names_columns(text) or is_structure(text))


def _heads_figures(rows: Sequence[Line]) -> bool:
    """Is the first row words in columns, without a number, and do nearly all below it end with figures?"""
    first, below = rows[0], rows[1:]
    has_numbers = any(letter.isdigit() for letter in first.text)
    rows_with_figures = sum(figures(line.text) > 0 for line in below)
    return first.gap > 0 and not has_numbers and rows_with_figures >= max(2, _NEARLY_ALL * len(below))


def _below_titles(lines: Sequence[Line], first: int, floor: int, is_title: Sequence[bool]) -> int:
    """The first of the labels between the column titles and the first row; `first` when there is none."""
    for at in range(first, max(floor, first - _LABELS - 1), -1):
        if is_title[at - 1]:
            return at
        if not _is_label(lines[at - 1].text):
            break
    return first


def _is_above_a_table(lines: Sequence[Line], at: int, is_title: Sequence[bool], usual: Usual) -> bool:
    """A column title, or the bold line right on top of the first row."""
    line, below = lines[at], lines[at + 1]
    if is_title[at]:
        return abs(below.base - line.base) < 3 * usual.leading
    near = 0 <= below.base - line.base < 1.7 * line.size and line.size < 1.15 * below.size
    heads = line.is_bold and " " in line.text and not line.text.endswith(":")
    return heads and near and not is_title[at + 1] and _is_label(line.text)


def _is_title(line: Line, inset: float) -> bool:
    """Does the line head columns: periods, years and units anywhere, a short text where the figures stand?"""
    stands_inside = line.left > inset and len(line.text) <= 60 and figures(line.text) == 0
    goes_on = line.left <= inset and line.text[:1].islower()  # the last line of a paragraph
    return (stands_inside and not line.text.endswith((".", ":"))) or (not goes_on and names_columns(line.text))
