"""An index of Pinecone on loopback, as far as the product speaks to one: the REST data plane, as its documentation has it.

It refuses what the real one refuses: other lengths, nested metadata, too many rows or bytes, namespaces to delete from
that are not there, and other keys.
"""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import web

KEY = "pc-key-of-a-test"
_METADATA_MOST = 40 * 1024
_BODY_MOST = 2 * 2**20


@dataclass
class Index:
    """`fails` is an HTTP status that everything is answered with."""

    dims: int
    metric: str = "dotproduct"
    url: str = ""
    fails: int = 0
    namespaces: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        body = await request.read()
        if self.fails:
            return _error(self.fails, "it is closed today")
        if request.headers.get("Api-Key") != KEY:
            return _error(401, "Invalid API Key")
        if len(body) > _BODY_MOST:
            return _error(400, "the request is larger than 2 MB")
        if request.path == "/vectors/fetch":
            return self._fetch(request.query.getall("ids"), request.query.get("namespace", ""))
        verbs = {
            "/vectors/upsert": self._upsert,
            "/query": self._query,
            "/vectors/delete": self._delete,
            "/describe_index_stats": self._stats,
        }
        return verbs[request.path](json.loads(body))

    def _upsert(self, asked: dict[str, Any]) -> web.Response:
        if len(asked["vectors"]) > 1_001:
            return _error(400, "at most 1000 vectors")
        for vector in asked["vectors"]:
            if len(vector["values"]) != self.dims:
                return _error(400, f"Vector dimension {len(vector['values'])} does not match {self.dims}")
            if not any(vector["values"]):
                return _error(400, "Dense vectors must contain at least one non-zero value")
            if not all(_is_plain(value) for value in vector["metadata"].values()):
                return _error(400, "Metadata value must be a string, number, boolean or list of strings")
            if len(json.dumps(vector["metadata"])) > _METADATA_MOST:
                return _error(400, "metadata size exceeds the limit of 40960 bytes per vector")
        held = self.namespaces.setdefault(asked["namespace"], {})
        held |= {vector["id"]: vector for vector in asked["vectors"]}
        return web.json_response({"upsertedCount": len(asked["vectors"])})

    def _query(self, asked: dict[str, Any]) -> web.Response:
        if len(asked["vector"]) != self.dims or not 1 <= asked["topK"] <= 10_000:
            return _error(400, "wrong dimension or topK")
        held = [
            vector
            for vector in self.namespaces.get(asked["namespace"], {}).values()
            if _fits(vector["metadata"], asked.get("filter", {}))
        ]
        scores = [float(np.dot(vector["values"], asked["vector"])) for vector in held]
        best = np.argsort([-score for score in scores], kind="stable")[: asked["topK"]]
        matches = [{"id": held[at]["id"], "score": scores[at], "values": []} for at in best]
        return web.json_response({"matches": matches, "namespace": asked["namespace"], "usage": {"readUnits": 1}})

    def _delete(self, asked: dict[str, Any]) -> web.Response:
        if asked["namespace"] not in self.namespaces:
            return _error(404, "Namespace not found")
        if asked.get("deleteAll"):
            del self.namespaces[asked["namespace"]]
        else:
            if len(asked["ids"]) > 1_000:
                return _error(400, "at most 1000 ids")
            for each in asked["ids"]:
                self.namespaces[asked["namespace"]].pop(each, None)
        return web.json_response({})

    def _fetch(self, ids: list[str], namespace: str) -> web.Response:
        held = self.namespaces.get(namespace, {})
        return web.json_response(
            {"vectors": {each: held[each] for each in ids if each in held}, "namespace": namespace}
        )

    def _stats(self, asked: dict[str, Any]) -> web.Response:
        counts = {name: {"vectorCount": len(held)} for name, held in self.namespaces.items()}
        total = sum(len(held) for held in self.namespaces.values())
        return web.json_response(
            {
                "namespaces": counts,
                "dimension": self.dims,
                "indexFullness": 0,
                "totalVectorCount": total,
                "metric": self.metric,
                "vectorType": "dense",
            }
        )


@contextlib.asynccontextmanager
async def pinecone_index(dims: int, metric: str = "dotproduct") -> AsyncIterator[Index]:
    index = Index(dims, metric)
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_route("*", "/{path:.*}", index.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    index.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield index
    await runner.cleanup()


def _fits(metadata: dict[str, Any], wanted: dict[str, Any]) -> bool:
    for name, test in wanted.items():
        if name in ("$and", "$or"):
            if not (all if name == "$and" else any)(_fits(metadata, each) for each in test):
                return False
        elif not all(_compares(metadata.get(name), sign, value) for sign, value in test.items()):
            return False
    return True


def _compares(held: Any, sign: str, value: Any) -> bool:
    members = held if isinstance(held, list) else [] if held is None else [held]
    match sign:
        case "$in":
            return any(member in value for member in members)
        case "$nin":
            return not any(member in value for member in members)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{sign} takes a number")
    number = held if isinstance(held, int | float) else None
    signs = {"$gt": float.__gt__, "$gte": float.__ge__, "$lt": float.__lt__, "$lte": float.__le__}
    return number is not None and signs[sign](float(number), float(value))


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(member, str) for member in value)
    return isinstance(value, str | int | float)


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"code": 3, "message": message, "details": []}, status=status)
