"""The console's own files. They ask for a key like everything else, and never change under one address."""

import mimetypes

from fastapi.responses import Response

from steadyhand.errors import NotFound
from steadyhand.serve.console import render


async def show(name: str) -> Response:
    """A file of the console."""
    if name not in render.asset_names():
        raise NotFound(f"expected a file of the console; found none named {name!r}")
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    kept = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(render.asset(name), media_type=media_type, headers=kept)
