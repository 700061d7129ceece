"""The description of this API for machines."""

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from steadyhand.serve import openapi
from steadyhand.serve.request import Opened


async def show(request: Request, workspace: Opened) -> Response:
    """OpenAPI 3.1, with every feature as an address of its own. It follows the contracts as they are edited."""
    return JSONResponse(openapi.document(request.app.routes, workspace))
