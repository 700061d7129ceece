"""Qdrant, through its asynchronous client: a server or a cluster; for trying things a folder or `:memory:`.

Options of new collections, as Qdrant explains them: `shards`, `replicas`, `on_disk` (the vectors).
"""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from steadyhand.knowledge.stores._calls import Calls, Faults
from steadyhand.knowledge.stores._driven import MARK, DrivenStore, Point, require_settings
from steadyhand.knowledge.stores._payload import Bound, Either, Every, Has, Lacks, Test
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.vectors import Collection, Vector, VectorHit

_BATCH = 8 * 2**20  # bytes; a server takes 32 MB
_MEMORY = ":memory:"
_AWAY = (408, 429, 500, 502, 503, 504)


def from_settings(settings: StoreSettings, key: str) -> DrivenStore:
    """Free: nothing is asked yet. Raises `WorkspaceInvalid`."""
    require_settings(settings, ("http://", "https://", "file:", _MEMORY), ("shards", "replicas", "on_disk"))
    faults = Faults((ApiException, ValueError), _is_missing, _is_away)
    return DrivenStore(_Qdrant(_client(settings, key), settings), Calls(settings, key, faults), _BATCH)


class _Qdrant:
    def __init__(self, client: AsyncQdrantClient, settings: StoreSettings) -> None:
        self._client = client
        self._options = settings.options
        self._is_local = settings.url.startswith(("file:", _MEMORY))

    async def dims(self, collection: Collection) -> int | None:
        if not await self._client.collection_exists(collection.name):
            return None
        held = (await self._client.get_collection(collection.name)).config.params.vectors
        return held.size if isinstance(held, models.VectorParams) else 0

    async def make(self, collection: Collection) -> None:
        on_disk = bool(self._options.get("on_disk", False))
        try:
            await self._client.create_collection(
                collection.name,
                vectors_config=models.VectorParams(
                    size=collection.dims, distance=models.Distance.DOT, on_disk=on_disk
                ),
                shard_number=self._number("shards"),
                replication_factor=self._number("replicas"),
            )
        except UnexpectedResponse as error:
            if error.status_code != 409:
                raise

    async def declare(self, collection: Collection, numbers: Iterable[str]) -> None:
        """Qdrant filters quickly by what it has an index of. Its folder has none, and warns."""
        if self._is_local:
            return
        for words in ("labels", "terms"):
            await self._client.create_payload_index(collection.name, words, models.PayloadSchemaType.KEYWORD)
        for number in numbers:
            await self._client.create_payload_index(collection.name, number, models.PayloadSchemaType.FLOAT)

    async def put(self, collection: Collection, points: Sequence[Point]) -> None:
        structs = [
            models.PointStruct(id=point.id, vector=point.vector.tolist(), payload=_payload(point))
            for point in points
        ]
        await self._client.upsert(collection.name, structs)

    async def remove(self, collection: Collection, ids: Sequence[int]) -> None:
        await self._client.delete(collection.name, points_selector=models.PointIdsList(points=list(ids)))

    async def drop(self, collection: Collection) -> None:
        await self._client.delete_collection(collection.name)

    async def nearest(self, collection: Collection, vector: Vector, limit: int, wanted: Every) -> list[VectorHit]:
        found = await self._client.query_points(
            collection.name,
            query=vector.tolist(),
            query_filter=models.Filter(must=[_condition(wanted)]) if wanted.tests else None,
            limit=limit,
            with_payload=False,
        )
        return [VectorHit(int(point.id), point.score) for point in found.points]

    async def count(self, collection: Collection) -> int:
        return (await self._client.count(collection.name, exact=True)).count

    async def mark(self, collection: Collection) -> str:
        found = await self._client.retrieve(collection.name, ids=[MARK])
        return str((found[0].payload or {})["mark"]) if found else ""

    async def close(self) -> None:
        await self._client.close()

    def _number(self, option: str) -> int | None:
        return int(self._options[option]) if option in self._options else None


def _client(settings: StoreSettings, key: str) -> AsyncQdrantClient:
    if settings.url == _MEMORY:
        return AsyncQdrantClient(_MEMORY)
    if settings.url.startswith("file:"):
        return AsyncQdrantClient(path=settings.url.removeprefix("file:"))
    with warnings.catch_warnings():  # a key without TLS is for a server in the same house
        warnings.simplefilter("ignore", UserWarning)
        return AsyncQdrantClient(
            url=settings.url,
            api_key=key or None,
            timeout=max(1, round(settings.write_s)),
            check_compatibility=False,
        )


def _payload(point: Point) -> dict[str, Any]:
    if point.mark:
        return {"mark": point.mark}
    return {"labels": list(point.labels), "terms": list(point.terms), **point.numbers}


def _condition(test: Test) -> models.Condition:
    match test:
        case Has(words, any_of):
            return models.FieldCondition(key=words, match=models.MatchAny(any=list(any_of)))
        case Lacks(words, word):
            has = models.FieldCondition(key=words, match=models.MatchValue(value=word))
            return models.Filter(must_not=[has])
        case Bound(number, sign, value):
            return models.FieldCondition(key=number, range=models.Range(**{_SIGNS[sign]: value}))
        case Every(parts):
            return models.Filter(must=[_condition(part) for part in parts])
        case Either(parts):
            return models.Filter(should=[_condition(part) for part in parts])
        case _:
            assert_never(test)


_SIGNS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def _is_missing(error: Exception) -> bool:
    if isinstance(error, UnexpectedResponse):
        return error.status_code == 404
    return isinstance(error, ValueError) and "not found" in str(error)  # so says the folder


def _is_away(error: Exception) -> bool:
    if isinstance(error, UnexpectedResponse):
        return error.status_code in _AWAY
    return isinstance(error, ResponseHandlingException)
