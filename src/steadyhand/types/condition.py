"""What the metadata of documents must say."""

from dataclasses import dataclass
from typing import Literal

from steadyhand.types.json import Json

Comparison = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What the metadata of a document must say. A document without the field never meets it."""

    field: str
    comparison: Comparison
    value: Json
