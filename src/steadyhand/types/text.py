"""Text that travels through the system: always a `Segment`, never a bare string."""

from dataclasses import dataclass
from typing import Literal

DataClass = Literal["public", "internal", "confidential", "restricted"]
"""How far a text may travel. Ordered: `public < internal < confidential < restricted`."""

DATA_CLASSES: tuple[DataClass, ...] = ("public", "internal", "confidential", "restricted")

Origin = Literal["contract", "caller", "document", "tool", "model"]
"""Who wrote the text."""

Trust = Literal["trusted", "untrusted"]
"""May the text give instructions? Only the contract's own words may."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text with what has to be known about it. `path` names its place, such as `input.body`."""

    text: str
    origin: Origin
    trust: Trust
    data_class: DataClass
    path: str = ""


def rank(data_class: DataClass) -> int:
    """Position in the order of data classes, 0 for `public`."""
    return DATA_CLASSES.index(data_class)


def highest(*classes: DataClass) -> DataClass:
    """The strictest of the given classes; `public` when there is none."""
    return max(classes, key=rank, default="public")
