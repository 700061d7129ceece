"""Rows of cells become tables with their column titles, and what stands alone above and between them text.

A blank row ends a table, unless it only parts a row of column titles from what is below. Rows are written as they
come; only the first of a table are held, to see what its columns and titles are.
"""

import re
from collections.abc import Mapping, Sequence

from steadyhand.knowledge.readers._draft import Draft, collapsed

_SAMPLE = 200  # rows that say what a table is like
_TITLE_ROWS = 3  # at most so many rows of column titles
_ALONE = 2  # rows on both sides of a blank one that need not be a table
_INTRODUCTION = 2  # at most so many rows of text above column titles that a blank row follows
_DENSE = 0.5  # share of cells that are not empty, from which on a row shows its empty cells too
_NEARLY = 0.75  # share of its columns that a row of titles names at least
_LONGEST_TITLE = 80  # code points
_FIGURE = re.compile(
    r"[^\w\s]{0,3}\s?[\d.,'’ ]*\d[\d.,'’ ]*\s?(?:[^\w\s]{1,2}|[A-Z]{3})?|\d[\d\s:./T+-]*Z?|TRUE|FALSE|#\S+[!?]|#N/A"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ITEM = re.compile(r"[-*•‣◦]\s+\S")

Row = Mapping[int, str]
"""The cells of a row that are not empty, by their column, from left to right."""


class Grid:
    """Takes the rows of one sheet or file, and writes them into a draft."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._sample: list[Row] = []
        self._columns: list[int] = []
        self._lines: list[str] = []
        self._length = 0
        self._stated_titles: int | None = None
        self._titles = 0
        self._is_open = False  # are lines being written, because the sample is full?
        self._waiting: Row | None = None  # may be column titles: a blank row followed

    def row(self, cells: Row) -> None:
        """Take the next row; one without cells is blank."""
        if not cells:
            self.blank()
        elif self._is_open:
            self._write(cells)
        else:
            if self._waiting and not self._sample and not (len(cells) > 1 and cells.keys() <= self._waiting.keys()):
                self.end()
            self._sample.append(cells)
            if len(self._sample) == _SAMPLE:
                self._open()

    def blank(self) -> None:
        """Take a blank row."""
        if self._is_open or self._waiting or self._stated_titles is not None or not _ends_with_titles(self._sample):
            self.end()
            return
        *above, self._waiting = self._sample
        self._write_prose(above)
        self._sample = []

    def begin_table(self, title_rows: int) -> None:
        """What follows is a table with so many rows of column titles."""
        self.end()
        self._stated_titles = title_rows

    def end(self) -> None:
        """Write what is left. Must be called at the end."""
        if self._sample or self._waiting:
            self._open()
        self._draft.add("table", "\n".join(self._lines), header_lines=self._titles if len(self._lines) > 1 else 0)
        self._lines, self._length, self._titles, self._stated_titles = [], 0, 0, None
        self._is_open = False

    def _open(self) -> None:
        """Decide what the sample is, and write it."""
        rows, self._sample = self._sample, []
        if self._waiting:
            rows, self._waiting = [self._waiting, *rows], None
            self._titles = 1 if len(rows) > _ALONE else 0
        elif self._stated_titles is None:
            rows = rows[self._write_prose(rows) :]
            if not rows:
                return
            self._titles = title_rows(rows)
        else:
            self._titles = self._stated_titles
        filled = sum(map(len, rows))
        columns = sorted({column for row in rows for column in row})
        is_dense = filled >= _DENSE * len(columns) * len(rows) or (
            self._titles > 0 and len(columns) <= _LONGEST_TITLE
        )
        self._columns = columns if is_dense else []
        self._is_open = True
        for row in rows:
            self._write(row)

    def _write_prose(self, rows: Sequence[Row]) -> int:
        """Write the rows above a table, or all of a sheet without one, as text; returns how many they were."""
        count = next((at for at, row in enumerate(rows) if len(row) > 1), len(rows))
        texts = [text for row in rows[:count] for text in row.values()]
        if count == len(rows) > 2 and not all(map(_ITEM.match, texts)):
            return 0  # a table of one column
        while texts:
            are_items = _ITEM.match(texts[0]) is not None
            end = next(
                (at for at, text in enumerate(texts) if (_ITEM.match(text) is not None) != are_items), len(texts)
            )
            self._draft.add("list" if are_items else "paragraph", "\n".join(texts[:end]))
            texts = texts[end:]
        return count

    def _write(self, cells: Row) -> None:
        if self._columns:
            shown = [cells.get(column, "") for column in self._columns]
            if len(cells) > len(self._columns) or cells.keys() - self._columns:
                shown += [text for column, text in cells.items() if column not in self._columns]
            line = " | ".join(shown).rstrip(" |")
        else:
            line = " | ".join(cells.values())
        self._lines.append(line)
        self._length += len(line) + 1
        self._draft.check_length(self._length)


def title_rows(rows: Sequence[Row]) -> int:
    """How many rows at the top are column titles: words above figures, or short words above longer columns."""
    if len(rows) < 2:
        return 0
    words = next((at for at, row in enumerate(rows) if not _could_be_titles(row)), len(rows))
    if words == len(rows):
        return 1 if _stands_out(rows[0], rows[1:]) else 0
    return words if words <= _TITLE_ROWS and len(rows[0]) > 0 else min(words, 1)


def _ends_with_titles(rows: Sequence[Row]) -> bool:
    """Is there one row of several short words, below a few rows of text at most?"""
    if not 0 < len(rows) <= 1 + _INTRODUCTION:
        return False
    *above, last = rows
    return len(last) > 1 and _could_be_titles(last) and all(len(row) == 1 for row in above)


def _stands_out(first: Row, others: Sequence[Row]) -> bool:
    """Among rows of words: as many different cells as below, or nearly as many and shorter ones."""
    widest = max(map(len, others))
    if len(first) < 2 or len(set(first.values())) < len(first):
        return False
    lengths = [len(text) for row in others for text in row.values()]
    is_shorter = sum(map(len, first.values())) / len(first) < sum(lengths) / max(1, len(lengths))
    return len(first) >= widest or (len(first) >= _NEARLY * widest and is_shorter)


def one_line(text: str) -> str:
    """A cell's text, fit to stand in a row."""
    return text if text.isalnum() else collapsed(text)


def _could_be_titles(row: Row) -> bool:
    """Words or years, and none of them long."""
    return all(
        len(text) <= _LONGEST_TITLE and (not _FIGURE.fullmatch(text) or _YEAR.fullmatch(text))
        for text in row.values()
    ) and not all(map(_YEAR.fullmatch, row.values()))
