"""Upgrade the database, back it up, restore it."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer

from steadyhand import settings
from steadyhand.cli import _database
from steadyhand.cli._figures import duration, size
from steadyhand.cli._shell import AsJson, new_app, shell_of
from steadyhand.errors import UsageError
from steadyhand.storage import backup as copies
from steadyhand.storage import migrate

app = new_app(__doc__)


@app.command()
def upgrade(context: typer.Context, as_json: AsJson = False) -> None:
    """Bring the database's schema forward. Every start does it too; this is for doing it ahead of one.

    \b
    Example:
      steadyhand db upgrade
    """
    shell = shell_of(context)
    with _database.running(settings.read(shell.root)) as url:
        applied = migrate.upgrade(url)
    if as_json:
        shell.terminal.json({"applied": applied})
    shell.terminal.say(brought(applied, migrate.known()))


def brought(applied: Sequence[str], own: Collection[str]) -> str:
    """`applied 0006_labels, 0007_index and 40 of the job queue`, whose changes have no names for people."""
    named = ", ".join(name for name in applied if name in own)
    others = sum(name not in own for name in applied)
    queued = f"{others} of the job queue" if others else ""
    return f"applied {' and '.join(filter(None, (named, queued)))}" if applied else "the schema is up to date"


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; must not exist yet.")],
    as_json: AsJson = False,
) -> None:
    """Write a consistent copy of the database to a file; servers keep working meanwhile.

    \b
    Example:
      steadyhand db backup before-upgrade.dump
    """
    shell = shell_of(context)
    if file.exists():
        raise UsageError(f"expected a new file; {file} is there already", hint="choose another name")
    if not file.resolve().parent.is_dir():
        raise UsageError(f"expected a folder to write to; {file.resolve().parent} is none", hint="make it first")
    began_s = time.monotonic()
    with _database.running(settings.read(shell.root)) as url:
        copies.backup(url, file)
    if as_json:
        shell.terminal.json({"file": str(file), "size_bytes": file.stat().st_size})
    shell.terminal.say(f"wrote {file}   {size(file.stat().st_size)}   {duration(time.monotonic() - began_s)}")


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `steadyhand db backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Yes, replace everything; needed.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also while other processes use the database.")] = False,
    as_json: AsJson = False,
) -> None:
    """Replace everything in the database by a backup: all of it or nothing.

    Refused while another process, such as `steadyhand up`, uses the embedded server.

    \b
    Example:
      steadyhand db restore before-upgrade.dump --yes
    """
    shell = shell_of(context)
    configured = settings.read(shell.root)
    if not yes:
        raise UsageError(
            f"expected --yes: a restore replaces everything in the database of {configured.root}",
            hint="steadyhand db backup FILE keeps what is there now",
        )
    with _database.running(configured, alone=not force) as url:
        copies.restore(url, file)
        migrate.upgrade(url)
    if as_json:
        shell.terminal.json({"restored": str(file)})
    shell.terminal.say(f"restored {file}")
