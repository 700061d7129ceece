"""A workspace behind its real HTTP server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from steadyhand.serve import http
from steadyhand.workspace import AsyncWorkspace


@asynccontextmanager
async def served(workspace: AsyncWorkspace) -> AsyncIterator[str]:
    """The workspace's address while it is served."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving_it = asyncio.create_task(http.serve(workspace, "127.0.0.1", 0, ready.set_result))
    await asyncio.wait({ready, serving_it}, return_when=asyncio.FIRST_COMPLETED)
    yield ready.result()
    serving_it.cancel()
    with suppress(asyncio.CancelledError):
        await serving_it
