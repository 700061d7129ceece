"""What is asked of a vector store: five verbs, and the values they take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from steadyhand.types.condition import Condition
from steadyhand.types.json import Json

Vector = NDArray[np.float32]
"""Shape (dims,), of length 1."""


@dataclass(frozen=True, slots=True)
class Collection:
    """The vectors of one knowledge base by one embedder. Those of two collections never meet.

    `name` has lowercase letters, digits and underscores, at most 60, a letter first.
    """

    name: str
    dims: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorRow:
    """A chunk. `id` is at least 0 and below 2**31; `labels` say who may see it, none of them: only who sees all."""

    id: int
    vector: Vector
    labels: frozenset[str]
    metadata: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorQuery:
    """The `k` rows with the largest inner product with `vector` that have one of `labels` and meet all conditions.

    With `labels` None every row may be found, with none of them no row. Conditions are those of searches: see
    `knowledge/index/filters.py`. `k` is at most 2,000.
    """

    vector: Vector
    k: int
    labels: frozenset[str] | None
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class VectorHit:
    id: int
    similarity: float


class VectorStore(Protocol):
    """Collections of vectors. One that nobody wrote to is empty.

    A store may be behind its writers, find a little less than there is, and for a range of texts a little more; it
    finds nothing that the query's labels do not allow. Every verb may be repeated, and may run beside others. They
    raise `StoreUnavailable` when the store does not answer in time, `WrongEmbedder` for vectors of another length
    than the collection's, and `StorageError` when the store refuses.
    """

    async def upsert(self, collection: Collection, rows: Sequence[VectorRow]) -> None:
        """Make these the rows with their ids."""
        ...

    async def delete(self, collection: Collection, ids: Sequence[int] | None = None) -> None:
        """Take rows out, with None all of them and the collection itself. What is not there is no fault."""
        ...

    async def search(self, collection: Collection, query: VectorQuery) -> list[VectorHit]:
        """The nearest first."""
        ...

    async def stats(self, collection: Collection) -> int:
        """How many rows there are; some stores count with a delay."""
        ...

    async def snapshot(self, collection: Collection) -> str:
        """A word for the content: another one after every change; "" when there is none."""
        ...

    async def close(self) -> None: ...
