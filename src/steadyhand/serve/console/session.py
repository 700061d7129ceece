"""Signing in with a key, and out again."""

from typing import cast
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from steadyhand.access.sessions import LIFETIME
from steadyhand.errors import Forbidden, Unauthenticated
from steadyhand.serve.access import COOKIE, Identities
from steadyhand.serve.console import render
from steadyhand.serve.request import Opened

_MAX_FIELDS = 4


async def begin(request: Request, workspace: Opened) -> Response:
    """Open a session with the form's `key` and go on to the address in `onward`."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden(
            "a sign-in must come from this console's own form", hint="open the console and sign in there"
        )
    form = _form(await request.body())
    onward = _inside(form.get("onward", "/"))
    try:
        token = await workspace.sessions.open(form.get("key", "").strip())
    except Unauthenticated as error:
        return render.sign_in(request, problem=str(error), onward=onward)
    answer = RedirectResponse(onward, 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(LIFETIME.total_seconds()),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def end(request: Request, workspace: Opened) -> Response:
    """Close the session."""
    token = request.cookies.get(COOKIE, "")
    await workspace.sessions.close(token)
    cast("Identities", request.app.state.identities).forget_session(token)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in fields.items()}


def _inside(address: str) -> str:
    """The address when it is one of this server, else `/`: a sign-in must not send anybody elsewhere."""
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_path and address.isprintable() and len(address) <= 2_000 else "/"
