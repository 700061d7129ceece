"""Make a workspace: an empty one, or the example company."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from steadyhand.cli import _workspaces
from steadyhand.cli._called import command
from steadyhand.cli._shell import AsJson, new_app, shell_of

app = new_app()

_NEXT_EXAMPLE = (("ingest", "policies"), ("ask", "policy_answers", "How long must a password be?"))
_NEXT_EMPTY = (("ingest", "notes"), ("ask", "notes_answers", "What is a contract?"))


@app.command()
def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")] = Path(),
    example: Annotated[bool, typer.Option("--example", help="Copy the example company.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a workspace: steadyhand.toml, features/, knowledge/ and data/, with one feature that works offline.

    With --example it holds a small company: 25 documents, tickets, and two features. A folder that has something in
    it is refused.

    \b
    Examples:
      steadyhand init my-company
      steadyhand init demo --example
    """
    shell = shell_of(context)
    _workspaces.make(folder, is_example=example)
    if as_json:
        shell.terminal.json({"workspace": str(folder.resolve()), "example": example})
    shell.terminal.say(f"made a workspace in {folder.resolve()}")
    first = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    for number, arguments in enumerate(_NEXT_EXAMPLE if example else _NEXT_EMPTY):
        shell.terminal.say(f"next  {first if number == 0 else ''}{command(*arguments, at=folder)}")
