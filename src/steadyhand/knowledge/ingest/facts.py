"""What is known of a document without reading it: who may see it, and what its source says of it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import msgspec

from steadyhand.types.json import Json
from steadyhand.types.labels import EVERYONE
from steadyhand.types.source import Item

LabelsOf: TypeAlias = Callable[[str], frozenset[str]]
"""The labels of a path, where its item says nothing else."""

REVIEW = ("review_by", "valid_until")
"""Metadata that say by which day a document has to be looked at again."""


def for_everyone(path: str) -> frozenset[str]:
    """The labels of sources that nobody said anything about."""
    del path
    return frozenset({EVERYONE})


@dataclass(frozen=True, slots=True)
class Facts:
    """`metadata` is added to the document's own and wins; `url` is "" where there is none."""

    labels: frozenset[str]
    metadata: Mapping[str, Json]
    url: str

    @property
    def digest(self) -> str:
        """Another one means that documents have to be described anew."""
        said = msgspec.json.encode([sorted(self.labels), dict(self.metadata), self.url], order="sorted")
        return hashlib.sha256(said).hexdigest()[:16]


def facts_of(item: Item, labels_of: LabelsOf) -> Facts:
    """An item's own labels go before the source's."""
    labels = labels_of(item.path) if item.labels is None else item.labels
    return Facts(labels, item.metadata, item.url)


def review_day(metadata: Mapping[str, object]) -> date | None:
    """The day behind which a document counts as stale: `review_by`, else `valid_until`, in ISO 8601."""
    for name in REVIEW:
        said = metadata.get(name)
        if isinstance(said, str):
            try:
                return date.fromisoformat(said[:10])
            except ValueError:
                continue
    return None
