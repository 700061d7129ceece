"""Every error as its answer: the same JSON everywhere, a page for browsers, never the text of a surprise."""

import logging
import math
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from steadyhand.errors import InvalidInput, NotFound, RateLimited, SteadyhandError, Unauthenticated, UsageError
from steadyhand.serve.console import render
from steadyhand.types.run import Failure
from steadyhand.types.wire import error_json

_log = logging.getLogger(__name__)

_FRAMEWORK = {
    404: (NotFound.code, "expected an address of this server; found {path}", "GET /docs lists them all"),
    405: ("method_not_allowed", "{path} does not know the method {method}", "GET /docs lists what it knows"),
}
"""What the framework refuses by itself, in our words."""


def response(request: Request, error: SteadyhandError) -> Response:
    """The answer to an error that was raised on purpose."""
    headers = {"X-Run-Id": error.run_id} if error.run_id else {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, RateLimited) and error.retry_after_s:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    said = Failure(error.code, str(error), error.hint)
    return _response(request, error.status, said, run_id=error.run_id, headers=headers)


def surprise(request: Request, error: Exception) -> Response:
    """The answer to a defect of ours. The log has its story; the caller gets the number to find it."""
    number = secrets.token_hex(6)
    _log.error("request %s: %s %s broke", number, request.method, quote(request.url.path), exc_info=error)
    hint = f"the server's log tells more under {number}"
    return _response(request, 500, Failure(SteadyhandError.code, "something broke on our side", hint))


async def framework(request: Request, error: Exception) -> Response:
    """The answer to what the framework refuses: an unknown address, a method it does not know."""
    assert isinstance(error, HTTPException)
    known = _FRAMEWORK.get(error.status_code)
    code, message, hint = known or (UsageError.code, HTTPStatus(error.status_code).phrase.lower(), "")
    said = Failure(code, message.format(path=quote(request.url.path), method=request.method), hint)
    return _response(request, error.status_code, said, headers=error.headers)


async def invalid(request: Request, error: Exception) -> Response:
    """The answer to parameters that are not what the address expects."""
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors()]
    return response(request, InvalidInput("; ".join(problems), hint="GET /docs shows the parameters"))


def _response(
    request: Request,
    status: int,
    said: Failure,
    *,
    run_id: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    if not render.wants_page(request):
        body = error_json(said.code, said.message, hint=said.hint, run_id=run_id)
        return JSONResponse(body, status, headers=headers)
    if status == 401:
        return render.sign_in(request)
    return render.page(request, "error", {"status": status, "said": said}, status=status, headers=headers)
