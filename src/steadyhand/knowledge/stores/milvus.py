"""Milvus and Zilliz Cloud, through the client in worker threads: a server, or Milvus Lite (`file:PATH.db`).

The asynchronous client is not used: it calls itself experimental, and cannot make an index in Milvus Lite.
Option: `database`.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, assert_never

import grpc
from pymilvus import DataType, MilvusClient
from pymilvus.client.types import Status
from pymilvus.exceptions import ErrorCode, MilvusException

from steadyhand.knowledge.stores._calls import Calls, Faults
from steadyhand.knowledge.stores._driven import MARK, DrivenStore, Point, require_settings
from steadyhand.knowledge.stores._payload import Bound, Either, Every, Has, Lacks, Test
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.vectors import Collection, Vector, VectorHit

_BATCH = 8 * 2**20  # bytes; a server takes 64 MB
_THREADS = 4
_CAPACITY, _WORD = 1_024, 32  # words of a row; characters of a word
_EFFORT = 128  # `ef` of a search by the server's index, at least

Given = TypeVar("Given")

logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs what it raises


def from_settings(settings: StoreSettings, key: str) -> DrivenStore:
    """Free: nothing is asked yet. Raises `WorkspaceInvalid`."""
    require_settings(settings, ("http://", "https://", "file:"), ("database",))
    faults = Faults((MilvusException, grpc.RpcError), _is_missing, _is_away)
    return DrivenStore(_Milvus(settings, key), Calls(settings, key, faults), _BATCH)


class _Milvus:
    def __init__(self, settings: StoreSettings, key: str) -> None:
        self._settings = settings
        self._write_s = settings.write_s
        self._key = key
        self._workers = ThreadPoolExecutor(_THREADS, thread_name_prefix="milvus")
        self._connection: asyncio.Future[MilvusClient] | None = None

    async def dims(self, collection: Collection) -> int | None:
        if not await self._do(lambda client: client.has_collection(collection.name, timeout=self._write_s)):
            return None
        described = await self._do(
            lambda client: client.describe_collection(collection.name, timeout=self._write_s)
        )
        lengths = [field["params"]["dim"] for field in described["fields"] if field["name"] == "vector"]
        return int(lengths[0]) if lengths else 0

    async def make(self, collection: Collection) -> None:
        await self._do(lambda client: _make(client, collection, self._write_s))

    async def declare(self, collection: Collection, numbers: Iterable[str]) -> None:
        """Nothing has to be declared: numbers are keys of a JSON field, which a row that comes again replaces."""

    async def put(self, collection: Collection, points: Sequence[Point]) -> None:
        rows = [_row(point) for point in points]
        await self._do(lambda client: client.upsert(collection.name, rows, timeout=self._write_s))

    async def remove(self, collection: Collection, ids: Sequence[int]) -> None:
        await self._do(lambda client: client.delete(collection.name, ids=list(ids), timeout=self._write_s))

    async def drop(self, collection: Collection) -> None:
        await self._do(lambda client: client.drop_collection(collection.name, timeout=self._write_s))

    async def nearest(self, collection: Collection, vector: Vector, limit: int, wanted: Every) -> list[VectorHit]:
        found = await self._do(
            lambda client: client.search(
                collection.name,
                data=[vector.tolist()],
                limit=limit,
                filter=_expression(wanted) if wanted.tests else "",
                search_params={"metric_type": "IP", "params": {"ef": max(_EFFORT, limit)}},
                consistency_level="Strong",
                timeout=self._settings.search_s,
            )
        )
        return [VectorHit(int(hit["id"]), float(hit["distance"])) for hit in found[0]]

    async def count(self, collection: Collection) -> int:
        [found] = await self._query(collection, filter="", output_fields=["count(*)"])
        return int(found["count(*)"])

    async def mark(self, collection: Collection) -> str:
        found = await self._query(collection, ids=[MARK], output_fields=["mark"])
        return str(found[0]["mark"]) if found else ""

    async def _query(self, collection: Collection, **asked: object) -> list[dict[str, Any]]:
        found = await self._do(
            lambda client: client.query(collection.name, consistency_level="Strong", timeout=self._write_s, **asked)
        )
        return list(found)

    async def close(self) -> None:
        if self._connection is not None and self._connection.done() and not self._connection.exception():
            await self._do(lambda client: client.close())
        self._workers.shutdown(wait=False)

    async def _do(self, call: Callable[[MilvusClient], Given]) -> Given:
        """The client is connected once, also when whoever waited for it went away."""
        loop = asyncio.get_running_loop()
        if self._connection is None or (self._connection.done() and self._connection.exception()):
            self._connection = loop.run_in_executor(self._workers, self._connect)
        return await loop.run_in_executor(self._workers, call, await asyncio.shield(self._connection))

    def _connect(self) -> MilvusClient:
        """Blocks."""
        return MilvusClient(
            uri=self._settings.url.removeprefix("file:"),
            token=self._key,
            db_name=str(self._settings.options.get("database", "")),
            timeout=self._settings.write_s,
        )


def _make(client: MilvusClient, collection: Collection, timeout_s: float) -> None:
    """Blocks."""
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=collection.dims)
    for words in ("labels", "terms"):
        schema.add_field(
            words,
            DataType.ARRAY,
            element_type=DataType.VARCHAR,
            max_length=_WORD,
            max_capacity=_CAPACITY,
        )
    schema.add_field("numbers", DataType.JSON)
    schema.add_field("mark", DataType.VARCHAR, max_length=_WORD)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="AUTOINDEX", metric_type="IP")
    try:
        client.create_collection(collection.name, schema=schema, index_params=index, timeout=timeout_s)
    except MilvusException:
        if not client.has_collection(collection.name, timeout=timeout_s):
            raise


def _row(point: Point) -> dict[str, Any]:
    return {
        "id": point.id,
        "vector": point.vector.tolist(),
        "labels": list(point.labels),
        "terms": list(point.terms),
        "numbers": dict(point.numbers),
        "mark": point.mark,
    }


def _expression(test: Test) -> str:
    """Milvus's words for a test. Only digests, names of ours and numbers come into it."""
    match test:
        case Has(words, any_of):
            return f"ARRAY_CONTAINS_ANY({words}, {json.dumps(any_of)})"
        case Lacks(words, word):
            return f"not ARRAY_CONTAINS_ANY({words}, {json.dumps([word])})"
        case Bound(number, sign, value):
            return f'numbers["{number}"] {sign} {value!r}'
        case Every(parts):
            return f"({' and '.join(map(_expression, parts))})"
        case Either(parts):
            return f"({' or '.join(map(_expression, parts))})"
        case _:
            assert_never(test)


def _is_missing(error: Exception) -> bool:
    return isinstance(error, MilvusException) and error.code == ErrorCode.COLLECTION_NOT_FOUND


def _is_away(error: Exception) -> bool:
    """Some errors of the way to the server come as they are, some with their gRPC status as the code."""
    if isinstance(error, MilvusException):
        return error.retriable or error.code in _AWAY or isinstance(error.code, grpc.StatusCode)
    return isinstance(error, grpc.RpcError) and error.code() not in _REFUSED


_AWAY = (Status.CONNECT_FAILED, ErrorCode.RATE_LIMIT)
_REFUSED = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT)
