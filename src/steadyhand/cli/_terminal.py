"""Where words go: data to stdout, talk to stderr. What is not a terminal gets plain lines of full length."""

import json
import textwrap
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Literal, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from steadyhand.types.wire import plain

Advance: TypeAlias = Callable[[int, int, str], None]
"""Called with what is done, what there is in all, and a remark."""

_PIPE_WIDTH = 10_000  # columns: wide enough that nothing is cut
_EVERY_S = 3.0  # between two lines of progress where no bar can be drawn, and at least a tenth of what went by
_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # they make a name read otherwise than it is
_UNSAFE = {code: "�" for code in (*range(32), *range(127, 160), *_BIDI) if chr(code) not in "\n\t"}
_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(127, 160), *_BIDI)}  # what JSON itself leaves as it is


class Terminal:
    """`is_quiet` leaves out the talk, but no error."""

    def __init__(self) -> None:
        self.is_quiet = False
        self._out = _console(is_stderr=False)
        self._err = _console(is_stderr=True)

    @property
    def width(self) -> int:
        """Columns of stdout."""
        return self._out.width

    def data(self, text: str) -> None:
        """A line, or lines, of what was asked for. Control characters are not passed on to the terminal."""
        typer.echo(printable(text))

    def json(self, value: object) -> None:
        """What was asked for, as JSON on one line. Takes any value of the vocabulary."""
        typer.echo(json.dumps(plain(value), ensure_ascii=False).translate(_ESCAPED))

    def say(self, text: str = "") -> None:
        """A remark for the person in front of it."""
        if not self.is_quiet:
            self.complain(text)

    def complain(self, text: str) -> None:
        """A remark that is also made when it should be quiet."""
        self._err.print(Text(printable(text)), soft_wrap=True)

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[int] = ()) -> None:
        """Rows of data, under titles if there are any. The columns stand by importance: the last ones go first when
        the terminal is too narrow. A pipe gets them all. `numbers` are the columns that end at the right, from 0.
        """
        widths = [max(map(len, column)) for column in zip(*([titles] if titles else []), *rows, strict=True)]
        shown = sum(end - 2 <= self.width for end in accumulate(width + 2 for width in widths)) or 1
        grid = Table(box=None, pad_edge=False, header_style="bold", show_header=bool(titles))
        for place, title in enumerate((titles or [""] * len(widths))[:shown]):
            side: Literal["left", "right"] = "right" if place in numbers else "left"
            grid.add_column(title, no_wrap=True, overflow="ellipsis", justify=side)
        for row in rows:
            grid.add_row(*(Text(printable(cell)) for cell in row[:shown]))
        self._out.print(grid)

    @contextmanager
    def progress(self, title: str) -> Iterator[Advance]:
        """Show how far a slow thing is: as a bar, or as a line every few seconds where none can be drawn."""
        if self.is_quiet:
            yield lambda *_: None
        elif self._err.is_terminal:
            with self._bar() as bar:
                task = bar.add_task(title, total=None, note="")
                yield lambda done, total, note: bar.update(
                    task, completed=done, total=total, note=printable(note).replace("\n", " ")
                )
        else:
            lines = _Lines(title, self.say)
            yield lines.advance
            lines.end()

    def _bar(self) -> Progress:
        words = TextColumn("{task.description}", markup=False)
        note = TextColumn("{task.fields[note]}", markup=False)
        return Progress(words, BarColumn(20), MofNCompleteColumn(), note, _Seconds(), console=self._err)


class _Lines:
    """Progress in words."""

    def __init__(self, title: str, say: Callable[[str], None]) -> None:
        self._title = title
        self._say = say
        self._began_s = self._said_s = time.monotonic()
        self._unsaid = ""

    def advance(self, done: int, total: int, note: str) -> None:
        now_s = time.monotonic()
        took_s = now_s - self._began_s
        self._unsaid = f"{self._title}  {done:,}/{total:,}  {note}".rstrip() + f"  {took_s:.1f} s"
        if now_s - self._said_s >= max(_EVERY_S, took_s / 10):
            self._said_s = now_s
            self.end()

    def end(self) -> None:
        if self._unsaid:
            self._say(self._unsaid)
        self._unsaid = ""


class _Seconds(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.elapsed or 0.0:.1f} s")


def printable(text: str) -> str:
    """`text` without the characters by which a document could take over a terminal, or pass for another."""
    return text.translate(_UNSAFE)


def hanging(label: str, text: str, width: int) -> str:
    """A paragraph whose first line begins with `label`; the others stand under the text. White space is folded."""
    indent = " " * len(label)
    return textwrap.fill(
        text,
        max(width, len(label) + 20),
        initial_indent=label,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _console(*, is_stderr: bool) -> Console:
    console = Console(stderr=is_stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console
