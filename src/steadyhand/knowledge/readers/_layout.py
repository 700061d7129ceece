"""Turns the lines of a printed page into headings, paragraphs, lists and tables. Pure; judges by shape.

What counts: the distance between base lines, how far a line reaches to the right, type size and weight, and how
many figures a line ends with. A page of a filing costs well under a millisecond.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median_low
from typing import NamedTuple

from steadyhand.types.document import BlockKind


class Line(NamedTuple):
    """A line of text. `x` and `right` bound it, `y` is its base line, upwards; all in points, like `size`.

    `is_split`: there is a gap in it as between columns.
    """

    text: str
    x: float
    right: float
    y: float
    size: float
    is_bold: bool
    is_split: bool = False


class Piece(NamedTuple):
    """A block before it has a place. `level` orders headings: a smaller one stands above a larger one."""

    kind: BlockKind
    text: str
    header_lines: int = 0
    level: int = 0


_FIGURE = re.compile(r"[$€£¥]?\(?[-−+]?[$€£¥]?\d(?:[\d.,'’]*\d)?\)?%?\)?[x*†‡]?|[—–-]|n/?[am]", re.IGNORECASE)
_AROUND_A_FIGURE = frozenset(["$", "€", "£", "¥", "%", ")", ")%", "EUR", "USD", "GBP", "CHF", "TRY", "bps"])
_TITLE_WORD = re.compile(
    r"""(?:q|three|six|nine|twelve|months?|weeks?|years?|quarters?|ended|change|as|of|at|and|in|for|the|vs|total|per
    |jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?|oct(?:ober)?
    |nov(?:ember)?|dec(?:ember)?|(?:un)?audited|thereafter|thousands|millions|billions|dollars|except|amounts?|data
    |numbers?|shares?|percentages?|\d\d?|(?:19|20)\d\d)\Z""",
    re.VERBOSE,
)
_WORD_OR_NUMBER = re.compile(r"[^\W\d_]+|\d+")
_BULLET = re.compile(r"(?:[•◦▪●○■□‣➢✓*·–-]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)])\s+(?=\S)")
_STRUCTURE = (
    re.compile(r"part\s+[ivx]+\b", re.IGNORECASE),
    re.compile(r"(?:item\s+\d+[a-z]?\b|chapter\s+\w+|annex\s+\w+|appendix\s+\w+)", re.IGNORECASE),
    re.compile(r"(?:note\s+\d+\b|article\s+\d+\b|section\s+\d|§+\s*\d)", re.IGNORECASE),
)
_WEIGHT = (6.0, 3.0, 1.5, 0.0)  # by how many points a part, an item, a note stand above a heading of their size
_OPENS_A_HEADING = re.compile(r"[\"'“‘«„§¿¡]?\s*\d*[\w.)]*\s*[^\W\d_]")
_REACH = 20  # how many lines above the first row may hold column titles
_CONTENTS = 5  # a page that names so many items or chapters is a table of contents
_LABELS = 3  # how many lines without figures may follow one another inside a table


def pieces(lines: Sequence[Line]) -> list[Piece]:
    """The blocks of one page, in the order of its lines."""
    if not lines:
        return []
    if sum(_STRUCTURE[1].match(line.text) is not None for line in lines) >= _CONTENTS:
        return [Piece("paragraph", _lines(group)) for group in _groups(lines, _body(lines))]
    body = _body(lines)
    found: list[Piece] = []
    at = 0
    for start, first_row, end in _tables(lines, body):
        found += _prose(lines[at:start], body)
        found.append(Piece("table", _lines(lines[start:end]), first_row - start))
        at = end
    return found + _prose(lines[at:], body)


def letter_width(lines: Sequence[Line]) -> float:
    """How wide a letter is on the page, in type sizes, where nothing stretches the line."""
    widths = sorted(
        (line.right - line.x) / (len(line.text) * line.size or 1) for line in lines if len(line.text) > 7
    )
    return widths[len(widths) // 5] if widths else 0.5


def _lines(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines)


class _Body(NamedTuple):
    """What is usual on the page, weighted by length of text."""

    size: float
    is_bold: bool
    leading: float
    right: float


def _body(lines: Sequence[Line]) -> _Body:
    weights: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        weights[round(line.size, 1), line.is_bold] += len(line.text)
    size, is_bold = weights.most_common(1)[0][0]
    steps = [above.y - below.y for above, below in pairwise(lines)]
    usual = [step for step in steps if 0.5 * size < step < 3 * size]
    return _Body(
        size,
        is_bold,
        leading=median_low(usual) if usual else 1.2 * size,
        right=max(line.right for line in lines),
    )


def _tables(lines: Sequence[Line], body: _Body) -> Iterator[tuple[int, int, int]]:
    """(start, first line below the column titles, end) of every run of rows."""
    left = min(line.x for line in lines)
    inset = left + 0.35 * (body.right - left)
    is_title = [_is_title(line, inset) for line in lines]
    floor = 0
    for first, last in _runs(lines, is_title, body):
        below_titles = _below_titles(lines, first, floor, is_title)
        start = below_titles
        while start > max(floor, first - _REACH) and _is_above_a_table(lines, start - 1, is_title, body):
            start -= 1
        if start == below_titles:
            start = below_titles = first
        while below_titles < last and lines[below_titles].is_bold and _figures(lines[below_titles].text) == 0:
            below_titles += 1
        end = last + 1
        while (
            end < len(lines) and lines[end].x > inset and 0 < lines[end - 1].y - lines[end].y < 1.4 * body.leading
        ):
            end += 1
        if last > first or start < first:
            yield start, below_titles, end
            floor = end


def _runs(lines: Sequence[Line], is_title: Sequence[bool], body: _Body) -> Iterator[tuple[int, int]]:
    """First and last row of what may be a table: rows with nothing but labels and halves of cells between them."""
    first = last = -1
    for row, line in enumerate(lines):
        if not (line.is_split or _figures(line.text) >= 2) or (is_title[row] and _names_columns(line.text)):
            continue
        between = range(last + 1, row)
        if first < 0:
            first = row
        elif (
            len(between) > _LABELS
            or any(abs(lines[at].y - lines[at + 1].y) > 4 * body.leading for at in range(last, row))
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
    if is_prose or _names_columns(text):
        return False
    return not any(kind.match(text) for kind in _STRUCTURE)


def _below_titles(lines: Sequence[Line], first: int, floor: int, is_title: Sequence[bool]) -> int:
    """The first of the labels between the column titles and the first row; `first` when there is none."""
    for at in range(first, max(floor, first - _LABELS - 1), -1):
        if is_title[at - 1]:
            return at
        if not _is_label(lines[at - 1].text):
            break
    return first


def _is_above_a_table(lines: Sequence[Line], at: int, is_title: Sequence[bool], body: _Body) -> bool:
    """A column title, or the bold line right on top of the first row."""
    line, below = lines[at], lines[at + 1]
    if is_title[at]:
        return abs(line.y - below.y) < 3 * body.leading
    near = 0 <= line.y - below.y < 1.7 * line.size and line.size < 1.15 * below.size
    heads = line.is_bold and " " in line.text and not line.text.endswith(":")
    return heads and near and not is_title[at + 1] and _is_label(line.text)


def _is_title(line: Line, inset: float) -> bool:
    """Does the line head columns: periods, years and units anywhere, a short text where the figures stand?"""
    stands_inside = line.x > inset and len(line.text) <= 60 and _figures(line.text) == 0
    return (stands_inside and not line.text.endswith((".", ":"))) or _names_columns(line.text)


def _names_columns(text: str) -> bool:
    """Periods, years and units, and hardly anything else."""
    lowered = text.lower()
    if lowered.startswith("(in "):
        return len(text) <= 80
    words = _WORD_OR_NUMBER.findall(lowered) if len(text) <= 120 else []
    return any(len(word) > 2 for word in words) and all(_TITLE_WORD.match(word) for word in words)


def _figures(text: str) -> int:
    """How many figures the line ends with."""
    count = 0
    for word in reversed(text.split()):
        if word in _AROUND_A_FIGURE:
            continue
        if not _FIGURE.fullmatch(word):
            break
        count += 1
    return count


def _prose(lines: Sequence[Line], body: _Body) -> list[Piece]:
    return [_piece(group, body) for group in _groups(lines, body)]


def _groups(lines: Sequence[Line], body: _Body) -> Iterator[list[Line]]:
    """Lines that belong together: no gap between them, same size, same weight."""
    group: list[Line] = []
    for line in lines:
        if group and _is_apart(group[-1], line, body):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _is_apart(above: Line, below: Line, body: _Body) -> bool:
    step = above.y - below.y
    leading = max(body.leading, 1.05 * min(above.size, below.size) if above.size > 1.15 * body.size else 0)
    if not -0.5 * body.size < step < 1.4 * leading:
        return True
    if _is_structure(below) or (_is_structure(above) and above.right < 0.75 * body.right):
        return True
    if above.is_bold and not below.is_bold:
        return True
    if below.is_bold and not above.is_bold and above.text.endswith((".", ":", "!", "?")):
        return True
    return (
        abs(above.size - below.size) > 0.15 * max(above.size, below.size)
        and min(len(above.text), len(below.text)) > 3
    )


def _is_structure(line: Line) -> bool:
    return line.is_bold and any(kind.match(line.text) for kind in _STRUCTURE[:2])


def _piece(group: Sequence[Line], body: _Body) -> Piece:
    level = _level(group, body)
    if level is not None:
        return Piece("heading", " ".join(line.text for line in group), level=level)
    is_list = _BULLET.match(group[0].text) is not None
    return Piece("list" if is_list else "paragraph", _joined(group))


def _level(group: Sequence[Line], body: _Body) -> int | None:
    """Where a heading stands in the order of headings, None when the group is none."""
    first, last = group[0].text, group[-1].text
    length = sum(len(line.text) for line in group)
    if len(group) > 3 or length > 160 or not _OPENS_A_HEADING.match(first) or last.endswith((",", ";", ":")):
        return None
    if all(line.is_split or _names_columns(line.text) or _figures(line.text) > 1 for line in group):
        return None
    rank = next((rank for rank, kind in enumerate(_STRUCTURE) if kind.match(first)), len(_STRUCTURE))
    is_structure = rank < len(_STRUCTURE) and len(group) == 1 and not last[-1].isdigit()
    stands_out = group[0].size > 1.12 * body.size or (all(line.is_bold for line in group) and not body.is_bold)
    if not (stands_out or is_structure) or (last.endswith(".") and not is_structure and last.count(" ") > 4):
        return None
    return -round(10 * (max(line.size for line in group) + _WEIGHT[rank]))


def _joined(group: Sequence[Line]) -> str:
    """One line per paragraph or list item: a line that was full when it was broken goes on in the next."""
    margin = max(line.right for line in group)
    text = group[0].text
    for above, below in pairwise(group):
        first_word = len(below.text.partition(" ")[0]) + 1
        width = (above.right - above.x) / max(len(above.text), 1) * first_word
        if _BULLET.match(below.text) or above.right + width < margin:
            text += "\n" + below.text
        elif above.text.endswith("-") and above.text[-2:-1].isalpha() and below.text[:1].islower():
            text += below.text
        else:
            text += " " + below.text
    return text
