"""Comma-separated values, whatever separates them: one table, one row per line, the row of column titles found.

Rows are read one by one; a file takes no more memory than its text.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from io import StringIO

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.readers._draft import Draft, canonical
from steadyhand.knowledge.readers._grid import Grid, one_line
from steadyhand.types.document import Document

EXTENSIONS = (".csv", ".tsv")

_DELIMITERS = "\t;|,"  # where several part the rows equally well, the first does
_SAMPLE = 2**16  # code points that show what parts the cells
_SAMPLE_ROWS = 100


def read(content: bytes, name: str) -> Document:
    """The document, named like its file. Rows of a single cell above the table are text.

    Raises `DocumentUnreadable` for binary data, for files without text, and where a quotation has no end.
    """
    text = canonical(decoded(content, name))
    stated, _, rest = text.partition("\n")
    if stated[:4].lower() == "sep=" and len(stated.strip()) == 5:  # a hint that spreadsheets write
        delimiter, text = stated[4], rest
    else:
        delimiter = _delimiter(text[:_SAMPLE])
    draft = Draft(name)
    grid = Grid(draft)
    for row in _rows(text, delimiter, name):
        grid.row({column: shown for column, cell in enumerate(row) if (shown := one_line(cell))})
    grid.end()
    return draft.document("")


def _rows(text: str, delimiter: str, name: str) -> Iterator[list[str]]:
    rows = csv.reader(StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        yield from rows
    except csv.Error as error:
        raise DocumentUnreadable(
            f"{name}: expected rows of cells; found line {rows.line_num} broken ({error})",
            hint="does a quotation have no end there?",
        ) from None


def _delimiter(sample: str) -> str:
    """What parts most rows into the same number of cells, and into the most."""
    return max(_DELIMITERS, key=lambda delimiter: _regularity(sample, delimiter))


def _regularity(sample: str, delimiter: str) -> tuple[float, int]:
    if delimiter not in sample:
        return 0.0, 0
    widths: Counter[int] = Counter()
    try:
        for row in csv.reader(StringIO(sample), delimiter=delimiter, skipinitialspace=True):
            if row and sum(widths.values()) < _SAMPLE_ROWS:
                widths[len(row)] += 1
    except csv.Error:
        return 0.0, 0
    width, count = max(widths.items(), key=lambda pair: (pair[1] * (pair[0] > 1), pair[0]))
    return (round(count / widths.total(), 1), width) if width > 1 else (0.0, 0)
