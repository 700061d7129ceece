"""Every address of the server with who may use it: one table, read top to bottom. Nothing else opens a door."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from steadyhand import plugins
from steadyhand.access.roles import Action
from steadyhand.errors import SteadyhandError
from steadyhand.serve.access import Allow
from steadyhand.serve.api import documents, features, generations, health, knowledge, reference, reviews, runs
from steadyhand.serve.console import assets, render, session
from steadyhand.serve.request import refuse_unknown

Needs = tuple[Action, ...]
"""Any one of these actions is enough."""

OPEN: Needs = ()
ANYBODY: Needs = ("call", "read", "ingest", "administer")  # who shows a key, whatever it may do


@dataclass(frozen=True, slots=True)
class Route:
    method: Literal["GET", "POST", "DELETE"]
    path: str
    endpoint: Callable[..., Any]
    needs: Needs
    is_api: bool = True  # in the description of the API
    is_exact: bool = False  # parameters that it does not have are refused


ROUTES: tuple[Route, ...] = (
    Route("GET", "/healthz", health.healthz, OPEN),
    Route("GET", "/readyz", health.readyz, ANYBODY),
    Route("GET", "/openapi.json", reference.show, ANYBODY, is_api=False),
    Route("GET", "/features", features.index, ("call", "read")),
    Route("GET", "/features/{name}", features.show, ("call", "read")),
    Route("POST", "/features/{name}", features.run, ("call",)),
    Route("POST", "/features/{name}/stream", features.stream, ("call",)),
    Route("GET", "/runs", runs.index, ("read",)),
    Route("GET", "/runs/{run_id}", runs.show, ("read",)),
    Route("GET", "/reviews", reviews.index, ("read",)),
    Route("GET", "/knowledge", knowledge.index, ("call", "read")),
    Route("GET", "/knowledge/{kb}", knowledge.show, ("call", "read"), is_exact=True),
    Route("GET", "/knowledge/{kb}/search", knowledge.search, ("call", "read"), is_exact=True),
    Route("GET", "/knowledge/{kb}/sources", knowledge.sources, ("read",), is_exact=True),
    Route("GET", "/knowledge/{kb}/report", knowledge.report, ("read",), is_exact=True),
    Route("GET", "/knowledge/{kb}/generations", generations.show, ("read",), is_exact=True),
    Route("POST", "/knowledge/{kb}/reindex", generations.reindex, ("administer",), is_exact=True),
    Route("POST", "/knowledge/{kb}/rollback", generations.rollback, ("administer",), is_exact=True),
    Route("POST", "/knowledge/{kb}/reclaim", generations.reclaim, ("administer",), is_exact=True),
    Route("POST", "/knowledge/{kb}/sync", knowledge.sync, ("ingest",), is_exact=True),
    Route("POST", "/knowledge/{kb}/documents", documents.upload, ("ingest",), is_exact=True),
    Route("GET", "/knowledge/{kb}/{path:path}/page/{number}.png", documents.picture, ("call", "read")),
    Route("GET", "/knowledge/{kb}/{path:path}", documents.page, ("call", "read")),
    Route("DELETE", "/knowledge/{kb}/{path:path}", documents.remove, ("ingest",), is_exact=True),
    Route("POST", "/session", session.begin, OPEN, is_api=False),
    Route("POST", "/session/end", session.end, ANYBODY, is_api=False),
    Route("GET", "/console/static/{name}", assets.show, ANYBODY, is_api=False),
)

PAGES: Needs = ("read",)
"""What every page of the console needs."""


def is_open(method: str, path: str) -> bool:
    """May this be asked for without a key?"""
    return (method, path) in _OPEN


def install(app: FastAPI) -> None:
    """Register the table and the console's pages, and make sure that no other door is there."""
    for route in (*ROUTES, *_pages()):
        app.add_api_route(
            route.path,
            route.endpoint,
            methods=[route.method],
            dependencies=[Depends(Allow(*route.needs)), *([Depends(refuse_unknown)] if route.is_exact else [])],
            include_in_schema=route.is_api,
            response_model=None,
        )
    refuse_unguarded(app)


def refuse_unguarded(app: FastAPI) -> None:
    """Raises when a route of the application has no rule that says who may use it."""
    unguarded = [str(getattr(route, "path", route)) for route in app.routes if not _is_guarded(route)]
    if unguarded:
        raise SteadyhandError(
            f"expected a rule for every route; found none for {', '.join(unguarded)}",
            hint="add the route to ROUTES in serve/routes.py",
        )


def _is_guarded(route: object) -> bool:
    return isinstance(route, APIRoute) and any(
        isinstance(depends.dependency, Allow) for depends in route.dependencies
    )


def _pages() -> list[Route]:
    """The pages of the console, found by file name."""
    modules = {name: plugins.load(_FOLDER, name) for name in plugins.names(_FOLDER)}
    return [
        Route("GET", module.PATH, render.endpoint(name, module.page), PAGES, is_api=False)
        for name, module in modules.items()
    ]


_FOLDER = "serve.console.pages"
_OPEN = frozenset((route.method, route.path) for route in ROUTES if route.needs == OPEN)
