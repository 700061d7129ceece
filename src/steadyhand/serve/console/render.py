"""Templates to pages. Everything a template prints is escaped; no page holds a script or an inline style."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from steadyhand.serve.console import formats
from steadyhand.types.run import Principal

Values = Callable[..., Awaitable[Mapping[str, object]]]
"""A route function that gives a template's variables."""

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


def wants_page(request: Request) -> bool:
    """Does a person look at the answer? The console's addresses are pages; elsewhere a browser asks for HTML."""
    path = request.url.path
    if path in ("/", "/session", "/docs") or path.startswith(("/console", "/session/")):
        return True
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def page(
    request: Request,
    template: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The page of a template, inside the frame of the console."""
    principal: Principal | None = getattr(request.state, "principal", None)
    frame = {
        "workspace_name": name_of(request),
        "principal": principal,
        "path": request.url.path,
        "asset": _fingerprint,
    }
    shown = _environment().get_template(f"{template}.html").render({**frame, **values})
    return HTMLResponse(shown, status, dict(headers or {}))


def endpoint(template: str, values: Values) -> Callable[..., Awaitable[Response]]:
    """A route that shows the template with what `values`, a route function, gives."""

    async def show(request: Request, given: Annotated[Mapping[str, object], Depends(values)]) -> Response:
        return page(request, template, given)

    return show


def sign_in(request: Request, *, problem: str = "", onward: str = "") -> HTMLResponse:
    """The form that asks for a key. Its style is in the page, named by its hash: other files need a key."""
    style = asset("sign_in.css").decode()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    values = {
        "style": style,
        "problem": problem,
        "onward": onward or _address(request),
        "workspace_name": name_of(request),
    }
    shown = _environment().get_template("sign_in.html").render(values)
    return HTMLResponse(shown, 401, {"Content-Security-Policy": policy, "WWW-Authenticate": "Bearer"})


def name_of(request: Request) -> str:
    configured = request.app.state.workspace.settings
    return str(configured.name or configured.root.name)


@cache
def asset(name: str) -> bytes:
    """A file of `static/`. `name` must be one of `asset_names()`."""
    return (STATIC / name).read_bytes()


@cache
def asset_names() -> frozenset[str]:
    return frozenset(path.name for path in STATIC.iterdir() if path.is_file())


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(formats.FILTERS)
    return made


@cache
def _fingerprint(name: str) -> str:
    """The address of a static file: it changes with the content, so browsers may keep it."""
    return f"/console/static/{name}?v={hashlib.sha256(asset(name)).hexdigest()[:12]}"


def _address(request: Request) -> str:
    if request.method != "GET" or request.url.path == "/session":
        return "/"
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
