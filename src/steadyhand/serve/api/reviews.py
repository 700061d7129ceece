"""Runs that wait for a person."""

from fastapi.responses import JSONResponse, Response

from steadyhand.serve.request import Limit, Opened
from steadyhand.types.wire import plain


async def index(workspace: Opened, limit: Limit = 100) -> Response:
    """Undecided reviews, the most urgent first."""
    return JSONResponse({"reviews": plain(await workspace.reviews.open(limit))})
