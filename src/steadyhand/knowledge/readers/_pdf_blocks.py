"""Turns the lines of a printed page into headings, paragraphs, lists and tables. Pure; judges by shape.

What counts: the distance between base lines, how far a line reaches to the right, type size and weight. A page of a
filing costs well under a millisecond.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from steadyhand.knowledge.readers._pdf_figures import figures, names_columns
from steadyhand.knowledge.readers._pdf_line import Line, Piece, Usual, around, usual
from steadyhand.knowledge.readers._pdf_structure import NONE, rank
from steadyhand.knowledge.readers._pdf_tables import table, tables

_BULLET = re.compile(r"(?:[•◦▪●○■□‣➢✓*·–-]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)])\s+(?=\S)")
_WEIGHT = (6.0, 3.0, 1.5, 0.0)  # by how many points a part, an item, a note stand above a heading of their size
_OPENS_A_HEADING = re.compile(r"[\"'“‘«„§¿¡]?\s*\d*[\w.)]*\s*[^\W\d_]")
_CONTENTS = 5  # a page that names so many items or chapters is a table of contents


def pieces(lines: Sequence[Line]) -> list[Piece]:
    """The blocks of one page, in the order of its lines."""
    if not lines:
        return []
    page = usual(lines)
    if sum(rank(line.text) == 1 for line in lines) >= _CONTENTS:
        return [
            Piece("paragraph", "\n".join(line.text for line in group), around(group))
            for group in _groups(lines, page)
        ]
    found: list[Piece] = []
    at = 0
    for span in tables(lines, page):
        found += _prose(lines[at : span.start], page)
        found.append(table(lines, span))
        at = span.end
    return found + _prose(lines[at:], page)


def _prose(lines: Sequence[Line], page: Usual) -> list[Piece]:
    return [_piece(group, page) for group in _groups(lines, page)]


def _groups(lines: Sequence[Line], page: Usual) -> Iterator[list[Line]]:
    """Lines that belong together: no gap between them, same size, same weight."""
    group: list[Line] = []
    for line in lines:
        if group and _is_apart(group[-1], line, page):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _is_apart(above: Line, below: Line, page: Usual) -> bool:
    step = below.base - above.base
    leading = max(page.leading, 1.05 * min(above.size, below.size) if above.size > 1.15 * page.size else 0)
    if not -0.5 * page.size < step < 1.4 * leading or (above.box is None) != (below.box is None):
        return True
    if _opens_a_part(below) or (_opens_a_part(above) and above.right < 0.75 * page.right):
        return True
    if above.is_bold and not below.is_bold:
        return True
    if below.is_bold and not above.is_bold and above.text.endswith((".", ":", "!", "?")):
        return True
    differ = abs(above.size - below.size) > 0.15 * max(above.size, below.size)
    return differ and min(len(above.text), len(below.text)) > 3


def _opens_a_part(line: Line) -> bool:
    return line.is_bold and rank(line.text) < 2


def _piece(group: Sequence[Line], page: Usual) -> Piece:
    level = _level(group, page)
    if level is not None:
        return Piece("heading", " ".join(line.text for line in group), around(group), level=level)
    is_list = _BULLET.match(group[0].text) is not None
    return Piece("list" if is_list else "paragraph", _joined(group), around(group))


def _level(group: Sequence[Line], page: Usual) -> int | None:
    """Where a heading stands in the order of headings, None when the group is none."""
    first, last = group[0].text, group[-1].text
    length = sum(len(line.text) for line in group)
    if len(group) > 3 or length > 160 or not _OPENS_A_HEADING.match(first) or last.endswith((",", ";", ":")):
        return None
    if all(line.gap or names_columns(line.text) or figures(line.text) > 1 for line in group):
        return None
    kind = rank(first)
    is_structure = kind < NONE and len(group) == 1 and not last[-1].isdigit()
    stands_out = group[0].size > 1.12 * page.size or (all(line.is_bold for line in group) and not page.is_bold)
    if not (stands_out or is_structure) or (last.endswith(".") and not is_structure and last.count(" ") > 4):
        return None
    return -round(10 * (max(line.size for line in group) + _WEIGHT[kind]))


def _joined(group: Sequence[Line]) -> str:
    """One line per paragraph or list item: a line that was full when it was broken goes on in the next."""
    margin = max(line.right for line in group)
    text = group[0].text
    for above, below in pairwise(group):
        first_word = len(below.text.partition(" ")[0]) + 1
        width = (above.right - above.left) / max(len(above.text), 1) * first_word
        if _BULLET.match(below.text) or above.right + width < margin:
            text += "\n" + below.text
        elif above.text.endswith("-") and above.text[-2:-1].isalpha() and below.text[:1].islower():
            text += below.text
        else:
            text += " " + below.text
    return text
