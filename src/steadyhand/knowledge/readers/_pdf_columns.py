"""Puts the lines of a page into the order they are read. Pure.

A file draws its lines mostly in that order, column by column. The order is changed only where it cannot be right: a
line is read before every line that stands under it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import chain
from statistics import median

from steadyhand.knowledge.readers._pdf_figures import figures, is_figures
from steadyhand.knowledge.readers._pdf_line import Line

_FEWEST = 6  # lines that are drawn across two columns before they are believed to be columns
_ASIDE_PT = 12.0  # how far the middle of a gutter may move
_NARROWEST = 0.25  # of a column, as a share of the text's width
_MOST = 1_500  # lines that are compared with each other
_WORD = re.compile(r"[^\W\d_]{3}")
_REACH = 60  # lines between a row and its last figure
_SHORT = 40  # code points of figures that are drawn apart
_SAME_BASE, _A_CELL, _FAR = 0.3, 2.0, 3.5  # type sizes


def gutter(lines: Sequence[Line]) -> float:
    """The middle of the room between two columns of text that are drawn as one line each; 0 where there is none.

    Rows of a table have such room too; they end with figures, or leave one side nearly empty.
    """
    split = [line for line in lines if line.gap and not figures(line.text)]
    if len(split) < _FEWEST:
        return 0.0
    middle = median(line.gap for line in split)
    left, right = min(line.left for line in split), max(line.right for line in split)
    narrowest = _NARROWEST * (right - left)
    across = [
        line
        for line in split
        if abs(line.gap - middle) < _ASIDE_PT and min(line.gap - line.left, line.right - line.gap) > narrowest
    ]
    is_text = len(across) >= max(_FEWEST, 0.6 * len(split)) and all(len(line.text) > 40 for line in across)
    return middle if is_text else 0.0


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The lines as a person reads them, with figures back in their rows; what does not run upright comes last."""
    upright = [line for line in lines if line.box is None]
    aside = [line for line in lines if line.box is not None]
    rows = _rows(upright)
    if _is_out_of_order(rows):
        rows = _rows(_sorted(rows))
    return rows + aside


def _rows(lines: Sequence[Line]) -> list[Line]:
    """Figures that are drawn apart from their row, put behind it; not those that end a cell of several lines."""
    rows: list[Line] = []
    alone = [len(line.text) <= _SHORT and is_figures(line.text) for line in lines]
    for at, line in enumerate(lines):
        row = None
        if alone[at] and rows and not _ends_a_cell(lines, alone, at):
            row = _row_of(line, rows)
        if row is None:
            rows.append(line)
        else:
            left = rows[row]
            gap = left.gap or (left.right + line.left) / 2
            rows[row] = left._replace(text=f"{left.text} {line.text}", right=line.right, gap=gap)
    return rows


def _ends_a_cell(lines: Sequence[Line], alone: Sequence[bool], at: int) -> bool:
    """Is it the year below "June 30,", and not the first of many figures below each other?"""
    line = lines[at]
    is_below = at > 0 and not alone[at - 1] and _is_next(lines[at - 1], line)
    return is_below and not (at + 1 < len(lines) and alone[at + 1] and _is_next(line, lines[at + 1]))


def _is_next(upper: Line, lower: Line) -> bool:
    return _is_above(upper, lower) and lower.base - upper.base < _A_CELL * lower.size


def _row_of(figure: Line, rows: Sequence[Line]) -> int | None:
    for at in range(len(rows) - 1, max(-1, len(rows) - _REACH), -1):
        row = rows[at]
        if abs(row.base - figure.base) < _SAME_BASE * figure.size and row.right <= figure.left:
            return at
    return None


def _is_out_of_order(lines: Sequence[Line]) -> bool:
    """Is a line drawn after one that stands far under it? Cells are often drawn a little late."""
    reached = float("-inf")
    for at, line in enumerate(lines):
        limit = line.base + _FAR * line.size
        is_late = limit < reached and _WORD.search(line.text)
        if is_late and any(limit < before.base and _is_above(line, before) for before in lines[:at]):
            return True
        reached = max(reached, line.base)
    return False


def _is_above(upper: Line, lower: Line) -> bool:
    least = _SAME_BASE * min(upper.size, lower.size)
    return lower.base - upper.base > least and lower.left + least < upper.right and upper.left + least < lower.right


def _sorted(lines: Sequence[Line]) -> list[Line]:
    """Every line before what stands under it, and otherwise as drawn."""
    if len(lines) > _MOST:
        return sorted(lines, key=lambda line: (line.base, line.left))
    under = [[at for at, lower in enumerate(lines) if _is_above(upper, lower)] for upper in lines]
    waits = Counter(chain.from_iterable(under))
    ready = [at for at in range(len(lines)) if not waits[at]]
    order: list[Line] = []
    while ready:
        at = heappop(ready)
        order.append(lines[at])
        for below in under[at]:
            waits[below] -= 1
            if not waits[below]:
                heappush(ready, below)
    return order
