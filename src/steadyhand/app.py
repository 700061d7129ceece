"""The composition root: the console program, given the door it can open. Nothing imports this."""

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from steadyhand import cli, plugins

if TYPE_CHECKING:
    from steadyhand.workspace import AsyncWorkspace


def main() -> NoReturn:
    """The console script `steadyhand`."""
    sys.exit(cli.main(sys.argv[1:], serve=serve))


async def serve(workspace: "AsyncWorkspace", host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Open the HTTP door. The web framework is loaded here, by the two commands that need it."""
    http = await asyncio.to_thread(plugins.load, "serve", "http")
    await http.serve(workspace, host, port, on_ready)
