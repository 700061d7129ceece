"""A problem that knows its key, before it is known on which line of which file that key stands."""

from dataclasses import dataclass

from steadyhand.tables.lines import KeyPath


@dataclass(frozen=True, slots=True)
class Flaw:
    path: KeyPath
    message: str
    hint: str = ""
