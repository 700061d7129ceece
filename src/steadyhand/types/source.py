"""A place that documents come from, and what it lists."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from steadyhand.types.json import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was noted of an item when it was brought in last."""

    fingerprint: str
    notes: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A document as its source lists it.

    `path` is its name inside the knowledge base; its extension says how it is read. An item whose `fingerprint` is
    the remembered one is unchanged and is not opened; "" means that only its content can tell. `notes` are given
    back to the source at the next listing. `labels` None leaves the source's own.
    """

    path: str
    open: Callable[[], Awaitable[bytes]]
    fingerprint: str = ""
    notes: JsonObject = field(default_factory=dict)
    metadata: Mapping[str, Json] = field(default_factory=dict)
    labels: frozenset[str] | None = None
    url: str = ""  # where a person finds the original, "" when it has no address


class Source(Protocol):
    """Lists what is there now. `open` of an item raises `DocumentError` or `OSError`."""

    @property
    def origin(self) -> str:
        """How the database remembers the source; two sources of a base never share it."""
        ...

    def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
        """Every item, each path once, in a fixed order. `known` is by path.

        Raises `NotFound` or `SourceUnreadable` when the list cannot be completed: nothing then counts as deleted.
        """
        ...
