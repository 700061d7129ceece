"""The API's description, OpenAPI 3.1. Every feature is an address of its own, typed by its contract."""

from collections.abc import Sequence
from typing import Any, get_args

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from steadyhand import __version__
from steadyhand.serve.access import Allow
from steadyhand.serve.contracts import runnable
from steadyhand.serve.gateway.routes import ROUTES as GATEWAY
from steadyhand.serve.gateway.routes import GatewayRoute
from steadyhand.types.feature import Feature
from steadyhand.types.findings import Severity
from steadyhand.types.json import JsonSchema
from steadyhand.types.wire import plain
from steadyhand.workspace import AsyncWorkspace

Described = dict[str, Any]
"""A part of an OpenAPI document."""

_BY_NAME = "/features/{name}"
_UPLOAD = "/knowledge/{kb}/documents"

_OBJECT: Described = {"type": "object"}
_TEXT: Described = {"type": "string"}
_NUMBER: Described = {"type": "number"}
_COUNT: Described = {"type": "integer"}
_FILE: Described = {"type": "string", "format": "binary"}


def document(routes: Sequence[BaseRoute], workspace: AsyncWorkspace) -> Described:
    """The whole description, as it is true right now."""
    shown = [route for route in routes if isinstance(route, APIRoute) and route.include_in_schema]
    described = get_openapi(
        title=f"Steadyhand: {workspace.settings.name or workspace.settings.root.name}",
        version=__version__,
        summary="Features with contracts, the runs they made and the knowledge they answer from.",
        routes=shown,
    )
    paths = described["paths"]
    for route in shown:
        for method in route.methods or ():
            _complete(paths[route.path_format][method.lower()], route)
    by_name, by_name_stream = paths[_BY_NAME], paths[f"{_BY_NAME}/stream"]
    for feature in runnable(workspace).values():
        paths[f"/features/{feature.name}"] = {"post": _typed(by_name["post"], feature, "run")}
        paths[f"/features/{feature.name}/stream"] = {"post": _typed(by_name_stream["post"], feature, "stream")}
    for gateway_route in GATEWAY:
        paths.setdefault(gateway_route.path, {})[gateway_route.method.lower()] = _dialect(gateway_route)
    described["components"] = {
        "schemas": {"Error": _ERROR, "Answer": answer_schema(_OBJECT)},
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer", "description": "A key, such as sh_…"},
            "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        },
    }
    return described


def answer_schema(output: JsonSchema) -> Described:
    """The JSON Schema of an answer whose output is as `output` says."""
    evidence = _closed(
        {
            "field": _TEXT,
            "source": _TEXT,
            "page": _COUNT,
            "start": _COUNT,
            "end": _COUNT,
            "quote": _TEXT,
            "knowledge_base": _TEXT,
            "version_id": _COUNT,
            "is_stale": {"type": "boolean", "description": "the source was due to be looked at again"},
        }
    )
    check = {
        "id": _TEXT,
        "severity": {"enum": list(get_args(Severity))},
        "ok": {"type": "boolean"},
        "detail": _TEXT,
    }
    return _closed(
        {
            "status": {"enum": ["answered", "review", "fallback"]},
            "output": {"anyOf": [output, {"type": "null"}]},
            "confidence": {"type": ["number", "null"]},
            "evidence": {"type": "array", "items": evidence},
            "checks": {"type": "array", "items": _closed(check)},
            "model": {"type": ["string", "null"]},
            "cost_usd": {"type": ["number", "null"], "description": "null: a price is unknown"},
            "run_id": _TEXT,
            "snapshot": _TEXT,
            "duration_s": _NUMBER,
            "contradictions": {
                "type": "array",
                "items": _closed({"about": _TEXT, "statements": {"type": "array", "items": evidence}}),
            },
        }
    )


def _complete(operation: Described, route: APIRoute) -> None:
    """What the framework cannot know: who may, what comes back, and how errors look."""
    rule = next(depends.dependency for depends in route.dependencies if isinstance(depends.dependency, Allow))
    operation["tags"] = [_tag(route)]
    operation["summary"], _, details = " ".join(operation.pop("description", "").split()).partition(". ")
    if details:
        operation["description"] = details
    if rule.actions:
        operation["security"] = [{"key": []}, {"header": []}]
        operation["x-needs"] = list(rule.actions)
    operation["responses"] = {"200": operation["responses"]["200"], "default": _ERROR_RESPONSE}
    if route.path == _BY_NAME and route.methods == {"POST"}:
        operation["requestBody"] = _body(_OBJECT)
        operation["responses"] |= _answers({"$ref": "#/components/schemas/Answer"})
    if route.path == _UPLOAD:
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": _FILE}}}
    if route.path.endswith(".png"):
        operation["responses"]["200"] = {"description": "The page.", "content": {"image/png": {"schema": _FILE}}}
    if route.path == f"{_BY_NAME}/stream":
        operation["requestBody"] = _body(_OBJECT)
        operation["responses"]["200"] = _STREAM


def _dialect(route: GatewayRoute) -> Described:
    """An address of the gateway: its bodies are a vendor's, whose reference describes them."""
    summary, _, details = " ".join((route.endpoint.__doc__ or "").split()).partition(". ")
    described: Described = {
        "tags": ["gateway"],
        "operationId": "_".join([route.method.lower(), *route.path.strip("/").replace("{id}", "id").split("/")]),
        "summary": summary,
        "description": f"{details} In the dialect of the provider `{route.dialect.NAME}`, also its errors.".strip(),
        "security": [{"key": []}, {"header": []}],
        "x-needs": list(route.needs),
        "responses": {
            "200": _json(_OBJECT, "As the vendor's reference says."),
            "default": _json(
                _OBJECT, "An error as the vendor words it; `steadyhand` in it has code, hint and run_id."
            ),
        },
    }
    if route.method == "POST":
        described["requestBody"] = _body(_OBJECT)
    if "{id}" in route.path:
        described["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": _TEXT}]
    return described


def _tag(route: APIRoute) -> str:
    """The first word of the address; what watches the process is one group."""
    word = route.path.split("/")[1]
    return "health" if word in ("healthz", "readyz") else word


def _typed(operation: Described, feature: Feature, verb: str) -> Described:
    """The operation by name, for one feature."""
    name = feature.name
    typed = {key: value for key, value in operation.items() if key not in ("parameters", "operationId")}
    typed["operationId"] = f"{verb}_{name}"
    typed["summary"] = feature.purpose if verb == "run" else f"{name}, told step by step"
    typed["requestBody"] = _body(_standalone(feature.input_schema, name, "input"))
    if verb == "run":
        output = _standalone(feature.output_schema, name, "output")
        typed["responses"] = operation["responses"] | _answers(answer_schema(output))
    return typed


def _answers(schema: Described) -> Described:
    return {
        "200": _json(schema, "The answer, from a model or the declared fallback."),
        "202": _json(schema, "A person decides first; there is no output yet."),
    }


def _standalone(schema: JsonSchema, name: str, side: str) -> Described:
    """References inside a contract's schema start at that schema, not at this document."""
    copied = plain(schema)
    assert isinstance(copied, dict)
    return {"$id": f"/features/{name}/{side}.json", **copied} if "$defs" in copied else dict(copied)


def _body(schema: Described) -> Described:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _json(schema: Described, description: str) -> Described:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _closed(properties: Described) -> Described:
    return {"type": "object", "properties": properties, "required": list(properties)}


_ERROR: Described = _closed({"error": _closed({"code": _TEXT, "message": _TEXT, "hint": _TEXT, "run_id": _TEXT})})
_ERROR_RESPONSE = _json({"$ref": "#/components/schemas/Error"}, "What was expected, what was found, what to do.")
_STREAM: Described = {
    "description": "Events `step`, then one `answer` or `error`.",
    "content": {"text/event-stream": {"schema": _TEXT}},
}
