"""The HTTP API, written from what is served right now."""

from typing import Any

from fastapi import Request

from steadyhand.serve import openapi
from steadyhand.serve.request import Opened

PATH = "/docs"


async def page(request: Request, workspace: Opened) -> dict[str, object]:
    """Every address with what it takes and gives."""
    described = openapi.document(request.app.routes, workspace)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            line = {"method": method.upper(), "path": path, **operation}
            groups.setdefault(operation["tags"][0], []).append(line)
    return {"groups": groups}
