"""Serve the workspace: HTTP API, console, hot-reloaded contracts."""

from typing import Annotated

import typer

from steadyhand.cli import _serving
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import Shell, new_app, shell_of
from steadyhand.workspace import AsyncWorkspace

app = new_app()


@app.command()
def up(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; default: the settings'.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = None,
) -> None:
    """Serve the workspace: HTTP API, console, hot-reloaded contracts.

    At the first start it makes an admin key and shows it once. Ctrl-C or SIGTERM stops it cleanly.

    \b
    Examples:
      steadyhand up
      steadyhand up --port 9000 -w my-company
    """
    shell = shell_of(context)
    in_workspace(shell, lambda workspace: _up(shell, workspace, host, port))


async def _up(shell: Shell, workspace: AsyncWorkspace, host: str | None, port: int | None) -> None:
    host = host or workspace.settings.server.host
    port = workspace.settings.server.port if port is None else port
    if not _serving.is_loopback(host):
        shell.terminal.complain(
            f"warning: listening on {host}, which other machines can reach; keys travel unencrypted unless a proxy"
            " with TLS stands in front"
        )
    first_key = await workspace.keys.create_first()

    def ready(address: str) -> None:
        _serving.welcome(shell, address, first_key)
        shell.terminal.say("Ctrl-C stops it")

    await _serving.serve_until_stopped(shell, workspace, host, port, ready)
