"""A problem that knows its key, before it is known on which line of which file that key stands."""

from dataclasses import dataclass
from typing import TypeAlias

Key: TypeAlias = str | int
KeyPath: TypeAlias = tuple[Key, ...]
"""Where a value stands in a contract: `("check", 1, "rule")` is `rule` of the second `[[check]]`."""


@dataclass(frozen=True, slots=True)
class Flaw:
    path: KeyPath
    message: str
    hint: str = ""
