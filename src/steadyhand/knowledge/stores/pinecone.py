"""Pinecone, through its asynchronous client: an index of yours, named by its host, with a namespace per collection.

The index has the length of the embedder's vectors and the metric dotproduct; those of embedders have length 1, so
that cosine does as well.
"""

from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from pinecone import AsyncIndex
from pinecone.errors.exceptions import (
    ApiError,
    NotFoundError,
    PineconeConnectionError,
    PineconeError,
    PineconeTimeoutError,
)  # fmt: skip

from steadyhand.errors import StorageError, WorkspaceInvalid
from steadyhand.knowledge.stores._calls import Calls, Faults
from steadyhand.knowledge.stores._driven import MARK, DrivenStore, Point, require_settings
from steadyhand.knowledge.stores._payload import Bound, Either, Every, Has, Lacks, Test
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.vectors import Collection, Vector, VectorHit

_BATCH = 1_500_000  # bytes; an index takes 2 MB
_AWAY = (408, 429, 500, 502, 503, 504)
_METRICS = ("dotproduct", "cosine", None)  # None: not told
_SIGNS = {">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}


def from_settings(settings: StoreSettings, key: str) -> DrivenStore:
    """Free: nothing is asked yet. Raises `WorkspaceInvalid`."""
    require_settings(settings, ("https://", "http://"))
    if not key:
        raise WorkspaceInvalid(
            "expected a key for a pinecone store; found none",
            hint="set key_variable in its table, and the variable in the environment",
        )
    index = AsyncIndex(host=settings.url, api_key=key, timeout=settings.write_s)
    return DrivenStore(_Pinecone(index), Calls(settings, key, _FAULTS), _BATCH)


class _Pinecone:
    def __init__(self, index: AsyncIndex) -> None:
        self._index = index

    async def dims(self, collection: Collection) -> int | None:  # noqa: ARG002 - of the index
        stats = await self._index.describe_index_stats()
        if stats.metric not in _METRICS:
            raise StorageError(
                f"expected a pinecone index with the metric dotproduct; found {stats.metric}",
                hint="make another index",
            )
        return stats.dimension or 0

    async def make(self, collection: Collection) -> None:
        """A namespace comes with its first row."""

    async def declare(self, collection: Collection, numbers: Iterable[str]) -> None:
        """Everything in the metadata can be filtered by."""

    async def put(self, collection: Collection, points: Sequence[Point]) -> None:
        vectors = [
            {"id": str(point.id), "values": point.vector.tolist(), "metadata": _metadata(point)} for point in points
        ]
        await self._index.upsert(vectors=vectors, namespace=collection.name)

    async def remove(self, collection: Collection, ids: Sequence[int]) -> None:
        await self._index.delete(ids=[str(each) for each in ids], namespace=collection.name)

    async def drop(self, collection: Collection) -> None:
        await self._index.delete(delete_all=True, namespace=collection.name)

    async def nearest(self, collection: Collection, vector: Vector, limit: int, wanted: Every) -> list[VectorHit]:
        found = await self._index.query(
            vector=vector.tolist(),
            top_k=limit,
            namespace=collection.name,
            filter=_filter(wanted) if wanted.tests else None,
        )
        return [VectorHit(int(match.id), match.score) for match in found.matches]

    async def count(self, collection: Collection) -> int:
        """Namespaces count with a delay."""
        summary = (await self._index.describe_index_stats()).namespaces.get(collection.name)
        return summary.vector_count if summary else 0

    async def mark(self, collection: Collection) -> str:
        found = (await self._index.fetch(ids=[str(MARK)], namespace=collection.name)).vectors.get(str(MARK))
        return str((found.metadata or {})["mark"]) if found else ""

    async def close(self) -> None:
        await self._index.close()


def _metadata(point: Point) -> dict[str, Any]:
    if point.mark:
        return {"mark": point.mark}
    return {"labels": list(point.labels), "terms": list(point.terms), **point.numbers}


def _filter(test: Test) -> dict[str, Any]:
    match test:
        case Has(words, any_of):
            return {words: {"$in": list(any_of)}}
        case Lacks(words, word):
            return {words: {"$nin": [word]}}
        case Bound(number, sign, value):
            return {number: {_SIGNS[sign]: value}}
        case Every(parts):
            return {"$and": [_filter(part) for part in parts]}
        case Either(parts):
            return {"$or": [_filter(part) for part in parts]}
        case _:
            assert_never(test)


def _is_away(error: Exception) -> bool:
    if isinstance(error, ApiError):
        return error.status_code in _AWAY
    return isinstance(error, PineconeConnectionError | PineconeTimeoutError)


_FAULTS = Faults((PineconeError,), lambda error: isinstance(error, NotFoundError), _is_away)
