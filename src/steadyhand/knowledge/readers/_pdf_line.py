"""The two words the rooms of the PDF reader share: a printed line, and a block that has no place in a text yet.

All lengths are points from the upper left corner of the page as it is shown.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median_low
from typing import NamedTuple

from steadyhand.types.document import BlockKind, Box


class Line(NamedTuple):
    """A line of text. `left` and `right` bound it, `base` is its base line, `size` that of its type.

    `gap` is where there is room in it as between columns, 0 when there is none. `box` bounds a line that does not
    run from left to right; such a line is beside the text.
    """

    text: str
    left: float
    right: float
    base: float
    size: float
    is_bold: bool = False
    gap: float = 0.0
    box: Box | None = None


class Sheet(NamedTuple):
    """The lines of a page, and its size."""

    number: int
    width: float
    height: float
    lines: list[Line]


class Piece(NamedTuple):
    """A block before it has a place. `level` orders headings: a smaller one stands above a larger one.

    `figures` is how many figures most rows of a table end with.
    """

    kind: BlockKind
    text: str
    box: Box
    header_lines: int = 0
    level: int = 0
    figures: int = 0


class Usual(NamedTuple):
    """What is usual on a page, weighted by length of text; `left` and `right` are the margins of the text."""

    size: float
    is_bold: bool
    leading: float
    left: float
    right: float


_ASCENT, _DESCENT = 0.8, 0.22  # of most faces, in type sizes


def box(line: Line) -> Box:
    """What the line covers, judged by its type size."""
    return line.box or Box(line.left, line.base - _ASCENT * line.size, line.right, line.base + _DESCENT * line.size)


def around(lines: Iterable[Line]) -> Box:
    """The smallest box around all lines, to a hundredth of a point."""
    lefts, tops, rights, bottoms = zip(*map(box, lines), strict=True)
    return Box(round(min(lefts), 2), round(min(tops), 2), round(max(rights), 2), round(max(bottoms), 2))


def usual(lines: Sequence[Line]) -> Usual:
    """Raises on no lines."""
    weights: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        weights[round(line.size, 1), line.is_bold] += len(line.text)
    size, is_bold = weights.most_common(1)[0][0]
    steps = [below.base - above.base for above, below in pairwise(lines)]
    plausible = [step for step in steps if 0.5 * size < step < 3 * size]
    return Usual(
        size,
        is_bold,
        leading=median_low(plausible) if plausible else 1.2 * size,
        left=min(line.left for line in lines),
        right=max(line.right for line in lines),
    )
