"""Weaviate 1.33 or newer, through its asynchronous client: REST at `url` for collections, gRPC for rows.

Options: `grpc_port` (50051), and `grpc_host` where it is not that of `url`.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, assert_never
from urllib.parse import urlsplit
from uuid import UUID

import weaviate
from weaviate import WeaviateAsyncClient
from weaviate.classes.config import Configure, DataType, Property, Tokenization, VectorDistances
from weaviate.classes.data import DataObject
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.classes.query import Filter, MetadataQuery
from weaviate.collections import CollectionAsync
from weaviate.collections.classes.filters import FilterReturn
from weaviate.exceptions import (
    UnexpectedStatusCodeError,
    WeaviateBaseError,
    WeaviateConnectionError,
    WeaviateGRPCUnavailableError,
    WeaviateInsertManyAllFailedError,
    WeaviateRetryError,
    WeaviateStartUpError,
    WeaviateTimeoutError,
)

from steadyhand.errors import WorkspaceInvalid
from steadyhand.knowledge.stores._calls import Calls, Faults
from steadyhand.knowledge.stores._driven import MARK, DrivenStore, Point, require_settings
from steadyhand.knowledge.stores._payload import Bound, Either, Every, Has, Lacks, Test, named
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.vectors import Collection, Vector, VectorHit

_BATCH = 4 * 2**20  # bytes; a server takes 10 MB
_AWAY = (408, 429, 500, 502, 503, 504)


def from_settings(settings: StoreSettings, key: str) -> DrivenStore:
    """Free: nothing is asked yet. Raises `WorkspaceInvalid`."""
    require_settings(settings, ("http://", "https://"), ("grpc_host", "grpc_port"))
    faults = Faults((WeaviateBaseError,), _is_missing, _is_away)
    return DrivenStore(_Weaviate(_client(settings, key)), Calls(settings, key, faults), _BATCH)


class _Weaviate:
    def __init__(self, client: WeaviateAsyncClient) -> None:
        self._client = client
        self._connecting = asyncio.Lock()

    async def dims(self, collection: Collection) -> int | None:
        """Weaviate takes the length of the first vector for a collection's, which is here the mark's."""
        client = await self._connected()
        if not await client.collections.exists(collection.name):
            return None
        mark = await client.collections.use(collection.name).query.fetch_object_by_id(
            _uuid(MARK), include_vector=True
        )
        held = mark.vector.get("default", []) if mark else []
        return len(held) or collection.dims

    async def make(self, collection: Collection) -> None:
        client = await self._connected()
        words = [_property(name, DataType.TEXT_ARRAY) for name in ("labels", "terms")]
        try:
            await client.collections.create(
                collection.name,
                vector_config=Configure.Vectors.self_provided(
                    vector_index_config=Configure.VectorIndex.hnsw(distance_metric=VectorDistances.DOT)
                ),
                properties=[*words, _property("mark", DataType.TEXT)],
            )
        except UnexpectedStatusCodeError:
            if not await client.collections.exists(collection.name):
                raise

    async def declare(self, collection: Collection, numbers: Iterable[str]) -> None:
        held = await self._collection(collection)
        there = {each.name for each in (await held.config.get(simple=True)).properties}
        for number in numbers:
            if number not in there:
                await held.config.add_property(_property(number, DataType.NUMBER))

    async def put(self, collection: Collection, points: Sequence[Point]) -> None:
        held = await self._collection(collection)
        objects = [
            DataObject(uuid=_uuid(point.id), properties=_properties(point), vector=point.vector.tolist())
            for point in points
        ]
        done = await held.data.insert_many(objects)
        if done.has_errors:
            [first, *_] = done.errors.values()
            raise WeaviateInsertManyAllFailedError(first.message)

    async def remove(self, collection: Collection, ids: Sequence[int]) -> None:
        held = await self._collection(collection)
        await held.data.delete_many(where=Filter.by_id().contains_any([_uuid(each) for each in ids]))

    async def drop(self, collection: Collection) -> None:
        await (await self._connected()).collections.delete(collection.name)

    async def nearest(self, collection: Collection, vector: Vector, limit: int, wanted: Every) -> list[VectorHit]:
        held = await self._collection(collection)
        if numbers := named(wanted):  # one that no row has is a fault for Weaviate
            there = {each.name for each in (await held.config.get(simple=True)).properties}
            if not numbers <= there:
                return []
        found = await held.query.near_vector(
            vector.tolist(),
            limit=limit,
            filters=_filter(wanted) if wanted.tests else None,
            return_properties=False,
            return_metadata=MetadataQuery(distance=True),
        )
        return [VectorHit(each.uuid.int, -(each.metadata.distance or 0.0)) for each in found.objects]

    async def count(self, collection: Collection) -> int:
        held = await self._collection(collection)
        return (await held.aggregate.over_all(total_count=True)).total_count or 0

    async def mark(self, collection: Collection) -> str:
        held = await self._collection(collection)
        found = await held.query.fetch_object_by_id(_uuid(MARK), return_properties=["mark"])
        return str(found.properties["mark"]) if found else ""

    async def close(self) -> None:
        await self._client.close()

    async def _collection(self, collection: Collection) -> "CollectionAsync[Any, Any]":
        return (await self._connected()).collections.use(collection.name)

    async def _connected(self) -> WeaviateAsyncClient:
        async with self._connecting:
            if not self._client.is_connected():
                await self._client.connect()
        return self._client


def _client(settings: StoreSettings, key: str) -> WeaviateAsyncClient:
    """The client's own checks are left out: one of them asks a registry for a newer version."""
    address = urlsplit(settings.url)
    is_secure = address.scheme == "https"
    rest = (address.hostname or "", address.port or (443 if is_secure else 80))
    rpc = (str(settings.options.get("grpc_host", rest[0])), int(settings.options.get("grpc_port", 50051)))
    if rest == rpc:
        raise WorkspaceInvalid(
            f"expected two ports of a weaviate store, for its url and for gRPC; found {rpc[1]} for both",
            hint="set options.grpc_host and options.grpc_port",
        )
    return weaviate.use_async_with_custom(
        http_host=rest[0],
        http_port=rest[1],
        http_secure=is_secure,
        grpc_host=rpc[0],
        grpc_port=rpc[1],
        grpc_secure=is_secure,
        auth_credentials=Auth.api_key(key) if key else None,
        additional_config=AdditionalConfig(
            timeout=Timeout(init=settings.search_s, query=settings.search_s, insert=settings.write_s)
        ),
        skip_init_checks=True,
    )


def _property(name: str, kind: DataType) -> Property:
    is_text = kind is not DataType.NUMBER
    return Property(
        name=name,
        data_type=kind,
        tokenization=Tokenization.FIELD if is_text else None,
        index_filterable=True,
        index_searchable=False if is_text else None,
        index_range_filters=None if is_text else True,
    )


def _properties(point: Point) -> dict[str, Any]:
    if point.mark:
        return {"mark": point.mark}
    return {"labels": list(point.labels), "terms": list(point.terms), **point.numbers}


def _uuid(slot: int) -> UUID:
    return UUID(int=slot)


def _filter(test: Test) -> FilterReturn:
    match test:
        case Has(words, any_of):
            return Filter.by_property(words).contains_any(list(any_of))
        case Lacks(words, word):
            return Filter.by_property(words).contains_none([word])
        case Bound(number, sign, value):
            return _bound(number, sign, value)
        case Every(parts):
            return reduce(and_, map(_filter, parts))
        case Either(parts):
            return reduce(or_, map(_filter, parts))
        case _:
            assert_never(test)


def _bound(number: str, sign: str, value: float) -> FilterReturn:
    field = Filter.by_property(number)
    match sign:
        case ">":
            return field.greater_than(value)
        case ">=":
            return field.greater_or_equal(value)
        case "<":
            return field.less_than(value)
        case _:
            return field.less_or_equal(value)


def _is_missing(error: Exception) -> bool:
    if isinstance(error, UnexpectedStatusCodeError):
        return error.status_code == 404
    return "could not find class" in str(error)


def _is_away(error: Exception) -> bool:
    if isinstance(error, UnexpectedStatusCodeError):
        return error.status_code in _AWAY
    return isinstance(error, _AWAY_KINDS)


_AWAY_KINDS = (
    WeaviateConnectionError, WeaviateGRPCUnavailableError, WeaviateRetryError, WeaviateStartUpError,
    WeaviateTimeoutError,
)  # fmt: skip
