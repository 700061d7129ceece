"""A Weaviate on loopback, as far as the product speaks to one: its REST schema and its gRPC service, over the official
client's own message definitions.

It refuses what the real one refuses: filters by properties that are not declared, other lengths, and other keys. It
also refuses rows with undeclared properties, which the real one would declare by guessing.
"""

import contextlib
import operator
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from aiohttp import web
from weaviate.proto.v1 import (
    aggregate_pb2,
    base_pb2,
    batch_delete_pb2,
    batch_pb2,
    properties_pb2,
    search_get_pb2,
    weaviate_pb2_grpc,
)

KEY = "wv-key-of-a-test"
OPERATOR = base_pb2.Filters
HNSW = {
    "cleanupIntervalSeconds": 300,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "ef": -1,
    "efConstruction": 128,
    "flatSearchCutoff": 40_000,
    "maxConnections": 32,
    "skip": False,
    "vectorCacheMaxObjects": 10**12,
}
PROPERTY = {"indexFilterable": True, "indexSearchable": False, "indexRangeFilters": False}
"""What a server adds to what it is told of an index, and of a property."""


@dataclass
class Held:
    """A collection: its schema and its objects by id."""

    schema: dict[str, Any]
    objects: dict[str, tuple[dict[str, Any], np.ndarray]] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, str]:
        return {each["name"]: each["dataType"][0] for each in self.schema["properties"]}


@dataclass
class Weaviate(weaviate_pb2_grpc.WeaviateServicer):
    url: str = ""
    grpc_port: int = 0
    collections: dict[str, Held] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    async def rest(self, request: web.Request) -> web.Response:
        self.requests.append(f"{request.method} {request.path}")
        if request.path == "/v1/.well-known/openid-configuration":
            return web.json_response({}, status=404)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "anonymous access not enabled")
        if request.path == "/v1/meta":
            return web.json_response({"hostname": self.url, "version": "1.34.0", "modules": {}})
        if request.path == "/v1/schema":
            return self._create(await request.json())
        return await self._schema(request)

    async def _schema(self, request: web.Request) -> web.Response:
        name, _, rest = request.path.removeprefix("/v1/schema/").partition("/")
        if name not in self.collections:
            return _error(404, "not found")
        if rest == "properties":
            return self._add_property(self.collections[name], await request.json())
        held = self.collections.pop(name) if request.method == "DELETE" else self.collections[name]
        return web.json_response(held.schema)

    async def Search(self, request: Any, context: Any) -> Any:  # noqa: N802 - the service's words
        held = await self._held(request.collection, context)
        found = [(key, *held.objects[key]) for key in held.objects]
        if request.HasField("filters"):
            await self._check(held, request.filters, context)
            found = [each for each in found if _fits(each[0], each[1], request.filters)]
        distances = [0.0] * len(found)
        if request.HasField("near_vector"):
            asked = (
                _vector(request.near_vector.vectors)
                if request.near_vector.vectors
                else np.frombuffer(request.near_vector.vector_bytes, dtype="<f4")
            )
            distances = [-float(np.dot(vector, asked)) for _, _, vector in found]
        order = np.argsort(distances, kind="stable")[: request.limit or 10]
        return search_get_pb2.SearchReply(
            took=0.001, results=[_result(request, *found[at], distances[at]) for at in order]
        )

    async def BatchObjects(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._require_key(context)
        errors = []
        for at, each in enumerate(request.objects):
            held = self.collections.get(each.collection)
            properties = _properties(each.properties)
            vector = _vector(each.vectors) if each.vectors else np.frombuffer(each.vector_bytes, dtype="<f4")
            lengths = {len(other) for _, other in held.objects.values()} if held else set()
            if held is None or not set(properties) <= set(held.kinds):
                errors.append(batch_pb2.BatchObjectsReply.BatchError(index=at, error="not in the schema"))
            elif lengths and len(vector) not in lengths:
                errors.append(batch_pb2.BatchObjectsReply.BatchError(index=at, error="vector lengths don't match"))
            else:
                held.objects[each.uuid] = (properties, vector)
        return batch_pb2.BatchObjectsReply(took=0.001, errors=errors)

    async def BatchDelete(self, request: Any, context: Any) -> Any:  # noqa: N802
        held = await self._held(request.collection, context)
        assert request.filters.target.property == "_id"
        assert request.filters.operator == OPERATOR.OPERATOR_CONTAINS_ANY
        gone = set(request.filters.value_text_array.values) & set(held.objects)
        for key in gone:
            del held.objects[key]
        return batch_delete_pb2.BatchDeleteReply(took=0.001, matches=len(gone), successful=len(gone))

    async def Aggregate(self, request: Any, context: Any) -> Any:  # noqa: N802
        held = await self._held(request.collection, context)
        return aggregate_pb2.AggregateReply(
            took=0.001, single_result=aggregate_pb2.AggregateReply.Single(objects_count=len(held.objects))
        )

    def _create(self, schema: dict[str, Any]) -> web.Response:
        if schema["class"] in self.collections:
            return _error(422, f"class name {schema['class']} already exists")
        for vector in schema["vectorConfig"].values():
            vector["vectorIndexConfig"] = HNSW | vector["vectorIndexConfig"]
        self.collections[schema["class"]] = Held(schema)
        return web.json_response(schema)

    def _add_property(self, held: Held, wanted: dict[str, Any]) -> web.Response:
        if wanted["name"] in held.kinds:
            return _error(422, "already exists")
        held.schema["properties"].append(PROPERTY | wanted)
        return web.json_response(wanted)

    async def _held(self, name: str, context: Any) -> Held:
        await self._require_key(context)
        if name not in self.collections:
            await context.abort(grpc.StatusCode.UNKNOWN, f"could not find class {name} in schema")
        return self.collections[name]

    async def _require_key(self, context: Any) -> None:
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {KEY}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "unauthorized: invalid api key")

    async def _check(self, held: Held, wanted: Any, context: Any) -> None:
        for each in wanted.filters:
            await self._check(held, each, context)
        name = wanted.target.property
        if not wanted.filters and name != "_id" and name not in held.kinds:
            await context.abort(grpc.StatusCode.UNKNOWN, f"no such prop with name '{name}' found in class")


@contextlib.asynccontextmanager
async def weaviate_server() -> AsyncIterator[Weaviate]:
    served = Weaviate()
    rpc = grpc.aio.server(options=[("grpc.max_receive_message_length", 10 * 2**20)])
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(served, rpc)
    served.grpc_port = rpc.add_insecure_port("127.0.0.1:0")
    await rpc.start()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.rest)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()
    await rpc.stop(None)


def _vector(vectors: Any) -> np.ndarray:
    return np.frombuffer(vectors[0].vector_bytes, dtype="<f4")


def _properties(sent: Any) -> dict[str, Any]:
    found: dict[str, Any] = dict(sent.non_ref_properties.items())
    found |= {each.prop_name: list(each.values) for each in sent.text_array_properties}
    return found | {name: [] for name in sent.empty_list_props}


def _fits(key: str, properties: dict[str, Any], wanted: Any) -> bool:
    match wanted.operator:
        case OPERATOR.OPERATOR_AND:
            return all(_fits(key, properties, each) for each in wanted.filters)
        case OPERATOR.OPERATOR_OR:
            return any(_fits(key, properties, each) for each in wanted.filters)
    held = key if wanted.target.property == "_id" else properties.get(wanted.target.property)
    words = set(held if isinstance(held, list) else [held])
    if wanted.operator in _COMPARES:
        return held is not None and _COMPARES[wanted.operator](held, wanted.value_number)
    if wanted.operator == OPERATOR.OPERATOR_EQUAL:
        return words == {wanted.value_text}
    if wanted.operator == OPERATOR.OPERATOR_CONTAINS_ANY:
        return bool(words & set(wanted.value_text_array.values))
    assert wanted.operator == OPERATOR.OPERATOR_CONTAINS_NONE, "an operator that nobody speaks"
    return not words & set(wanted.value_text_array.values)


_COMPARES = {
    OPERATOR.OPERATOR_GREATER_THAN: operator.gt,
    OPERATOR.OPERATOR_GREATER_THAN_EQUAL: operator.ge,
    OPERATOR.OPERATOR_LESS_THAN: operator.lt,
    OPERATOR.OPERATOR_LESS_THAN_EQUAL: operator.le,
}


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": [{"message": message}]}, status=status)


def _result(request: Any, key: str, properties: dict[str, Any], vector: np.ndarray, distance: float) -> Any:
    packed = vector.astype("<f4").tobytes()
    metadata = search_get_pb2.MetadataResult(
        id=key,
        id_as_bytes=uuid.UUID(key).bytes,
        creation_time_unix=1,
        creation_time_unix_present=request.metadata.creation_time_unix,
        last_update_time_unix=1,
        last_update_time_unix_present=request.metadata.last_update_time_unix,
        distance=distance,
        distance_present=request.metadata.distance,
        vector_bytes=packed if request.metadata.vector else b"",
        vectors=[base_pb2.Vectors(name="default", vector_bytes=packed)] if request.metadata.vector else [],
    )
    fields = {
        name: properties_pb2.Value(text_value=value) for name, value in properties.items() if isinstance(value, str)
    }
    return search_get_pb2.SearchResult(
        metadata=metadata,
        properties=search_get_pb2.PropertiesResult(
            target_collection=request.collection, non_ref_props=properties_pb2.Properties(fields=fields)
        ),
    )
