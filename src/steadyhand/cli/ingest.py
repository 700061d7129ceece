"""Bring documents into a knowledge base, or follow their changes."""

import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from steadyhand.cli import _ingesting
from steadyhand.cli._figures import count
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.errors import NotFound, UsageError
from steadyhand.tables.sources import SourceSettings

app = new_app()

_NAME = re.compile(r"[\w-]{1,100}")

_Base = Annotated[str, typer.Argument(metavar="KB", help="The knowledge base.")]
_Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Folders, files or web addresses; default: the declared sources."),
]
_AllowRemovals = Annotated[
    bool, typer.Option("--allow-removals", help="Follow the source even when most of it is gone.")
]
_Remove = Annotated[
    bool,
    typer.Option("--remove", help="Delete the documents at PATH inside the base, or all of it, with their text."),
]
_LabelsOnly = Annotated[
    bool,
    typer.Option(
        "--labels-only", help="Apply the labels as they are set now, also to what was handed in; read nothing."
    ),
]
_InBackground = Annotated[
    bool, typer.Option("--background", help="Leave the declared sources to the running `steadyhand up`.")
]
_IsSure = Annotated[bool, typer.Option("--yes", help="Yes, delete the whole base.")]


@app.command()
def ingest(
    context: typer.Context,
    *,
    base: _Base,
    paths: _Paths = None,
    allow_removals: _AllowRemovals = False,
    remove: _Remove = False,
    labels_only: _LabelsOnly = False,
    in_background: _InBackground = False,
    is_sure: _IsSure = False,
    as_json: AsJson = False,
) -> None:
    """Bring documents into a knowledge base, or follow what changed in them.

    Interrupted, it goes on where it stopped.

    Unchanged documents are not read again, deleted ones leave. When most are gone at once, as from a share that
    is not mounted, none leaves without --allow-removals. A document that cannot be read does not stop the others;
    it is listed with the reason at the end, and the exit code is 1. Without PATH, the sources declared in
    steadyhand.toml are read, else the folder knowledge/KB.

    \b
    Examples:
      steadyhand ingest policies
      steadyhand ingest filings ~/filings --json
      steadyhand ingest filings --remove 2019/q3.pdf
    """
    shell = shell_of(context)
    if remove:
        _remove(shell, base, [Path(path).as_posix() for path in paths or []], is_sure=is_sure, as_json=as_json)
        return
    _refuse_bad_name(base)
    if in_background:
        _ask(shell, base, paths or [], allow_removals=allow_removals, as_json=as_json)
        return
    sources = [_source(path) for path in paths or []]
    done = in_workspace(
        shell,
        lambda workspace: _ingesting.ingest(
            shell.terminal, workspace, base, sources, allow_removals=allow_removals, labels_only=labels_only
        ),
    )
    if labels_only:
        shell.terminal.say(f"{base}: documents have the labels that the settings name")
    else:
        _report(shell, done)
    if as_json:
        shell.terminal.json(done)
    raise typer.Exit(min(done.failed, 1))


def _refuse_bad_name(base: str) -> None:
    if not _NAME.fullmatch(base):
        raise UsageError(
            f"expected a knowledge base's name of letters, digits, - and _; found {base!r}",
            hint="the name comes first, then the paths: steadyhand ingest NAME PATH",
        )


def _source(named: str) -> SourceSettings:
    if named.startswith(("http://", "https://")):
        try:
            return SourceSettings(url=named)
        except ValueError:
            raise UsageError(
                "expected a web address as https://HOST/PATH, without a user; found another one",
                hint="pages that want a password are not read",
            ) from None
    path = Path(named)
    if not path.exists():
        raise NotFound(f"expected a folder, a file or a web address; found none at {named}", hint="check the path")
    return SourceSettings(path=str(path.resolve()))


def _ask(shell: Shell, base: str, paths: list[str], *, allow_removals: bool, as_json: bool) -> None:
    if paths:
        raise UsageError(
            "expected no PATH with --background; it is for declared sources",
            hint=f"declare them in steadyhand.toml, under [knowledge.{base}]",
        )
    asked = in_workspace(shell, lambda workspace: _ingesting.ask(workspace, base, allow_removals=allow_removals))
    shell.terminal.say(f"{base}: {count(asked, 'source')} left to the running server (`steadyhand up`)")
    if as_json:
        shell.terminal.json({"knowledge_base": base, "sources": asked})


def _remove(shell: Shell, base: str, paths: list[str], *, is_sure: bool, as_json: bool) -> None:
    if not paths and not is_sure:
        raise UsageError(
            f"expected the documents of {base!r} to delete; found none named",
            hint=f"steadyhand ingest {shlex.quote(base)} --remove --yes deletes the whole knowledge base",
        )
    removed = in_workspace(shell, lambda workspace: _ingesting.erase(workspace, base, paths))
    shell.terminal.say(f"{base}: {count(removed, 'document')} deleted, with all text")
    shell.terminal.say("files that are still in the sources come back with the next ingest")
    if as_json:
        shell.terminal.json({"knowledge_base": base, "deleted": removed})


def _report(shell: Shell, done: _ingesting.Ingested) -> None:
    _ingesting.report(shell.terminal, done.problems)
    shell.terminal.say(_ingesting.summary(done))
    if done.failed:
        shell.terminal.complain(f"error: {count(done.failed, 'document')} could not be read")
        shell.terminal.complain("hint: mend or remove the files and start the same command again")
