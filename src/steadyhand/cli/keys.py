"""Make, list and revoke keys of the HTTP API."""

from typing import Annotated

import typer

from steadyhand.access.keys import KeySummary
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import AsJson, new_app, shell_of
from steadyhand.types.run import RoleName

app = new_app(__doc__)


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will hold it, for lists and records.")],
    role: Annotated[RoleName, typer.Option("--role", help="What its holder may do.")] = "caller",
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, the only time it is shown; only its hash is kept.

    A caller calls features and reads knowledge, a reader reads knowledge and runs, an admin does everything.

    \b
    Example:
      steadyhand keys create web-shop --role caller
    """
    shell = shell_of(context)
    key = in_workspace(shell, lambda workspace: workspace.keys.create(name, role))
    if as_json:
        shell.terminal.json({"name": name, "role": role, "key": key})
    else:
        shell.terminal.data(key)
    shell.terminal.say(f"a {role} key for {name}; it is not shown again")


@app.command("list")
def list_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """List the keys: id, name, role, and whether they are in force.

    \b
    Example:
      steadyhand keys list
    """
    shell = shell_of(context)
    keys = in_workspace(shell, lambda workspace: workspace.keys.list())
    if as_json:
        shell.terminal.json(keys)
    elif keys:
        shell.terminal.table(("id", "name", "role", "made (UTC)", "state"), [_row(key) for key in keys])
    else:
        shell.terminal.say("no keys yet: `steadyhand keys create NAME` makes one")


@app.command()
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """End a key and the browser sessions opened with it, at once.

    \b
    Example:
      steadyhand keys revoke sh_1a2B3c4
    """
    shell = shell_of(context)
    in_workspace(shell, lambda workspace: workspace.keys.revoke(key_id))
    if as_json:
        shell.terminal.json({"revoked": key_id})
    shell.terminal.say(f"revoked {key_id}")


def _row(key: KeySummary) -> tuple[str, ...]:
    state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in force"
    return key.id, key.name, key.role, f"{key.created_at:%Y-%m-%d %H:%M}", state
