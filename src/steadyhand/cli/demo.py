"""See it work: an example company answers from its documents."""

import time
from pathlib import Path
from typing import Annotated

import typer

from steadyhand import settings
from steadyhand.cli import _answers, _ingesting, _pulling, _serving, _workspaces
from steadyhand.cli._called import command
from steadyhand.cli._figures import count, duration, size
from steadyhand.cli._running import to_end
from steadyhand.cli._shell import Shell, new_app, shell_of
from steadyhand.cli._terminal import hanging
from steadyhand.settings import FILE, Settings
from steadyhand.types.ids import FeatureName
from steadyhand.workspace import AsyncWorkspace

app = new_app()

FEATURE = FeatureName("policy_answers")
QUESTIONS = (
    "May I book above the hotel limit when the conference hotel is full?",
    "On which day of the month is the salary paid?",
    "May I enter confidential information into a public AI service?",
)


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the example workspace is, or goes.")] = Path(
        "demo"
    ),
    once: Annotated[bool, typer.Option("--once", help="End after the answers instead of serving.")] = False,
) -> None:
    """See it work: the example company answers three questions from its documents, with citations, then serves.

    Fetches the embedding model, starts PostgreSQL and copies the example, each unless it is there; what you change
    in the folder stays. Needs no key. Exit code 1 when an answer cites nothing.

    \b
    Examples:
      steadyhand demo
      steadyhand demo my-demo --once
    """
    shell = shell_of(context)
    if not (folder / FILE).is_file():
        _workspaces.make(folder, is_example=True)
        shell.terminal.say(f"ok  example workspace in {folder}/")
    configured = settings.read(folder)
    _pull(shell, configured)
    raise typer.Exit(to_end(_demo(shell, configured, folder, once)))


def _pull(shell: Shell, configured: Settings) -> None:
    home = _pulling.pull(shell.terminal, configured.models_folder)
    bytes_there = sum(file.stat().st_size for file in home.iterdir() if file.suffix == ".safetensors")
    _ok(shell, "MiniLM embeddings verified", size(bytes_there))


async def _demo(shell: Shell, configured: Settings, folder: Path, once: bool) -> int:
    began_s = time.monotonic()
    async with await AsyncWorkspace.open(folder) as workspace:
        home = workspace.database_home
        where = f"in {_near(home)}/" if home else "at database_url"
        _ok(shell, f"PostgreSQL running {where}", duration(time.monotonic() - began_s))
        await _ingest(shell, workspace)
        if once:
            are_cited = await _ask(shell, workspace, address="")
            shell.terminal.say(f"\nNext      {command('up', '-w', folder)}      opens the pages that are cited")
            shell.terminal.say(f"          {command('doctor', '-w', folder)}      connects a model")
            return 0 if are_cited else 1
        host, wanted = configured.server.host, configured.server.port
        port = _serving.free_port(host, wanted)
        if port != wanted:
            shell.terminal.say(f"port {wanted} is taken; this time it is {port}")
        are_cited = await _ask(shell, workspace, _serving.address_of(host, port))
        await _serve(shell, workspace, folder, host, port)
    return 0 if are_cited else 1


def _near(place: Path) -> Path:
    """The place as seen from here when it lies below."""
    return place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place


async def _ingest(shell: Shell, workspace: AsyncWorkspace) -> None:
    for base in sorted(workspace.settings.knowledge):
        done = await _ingesting.ingest(shell.terminal, workspace, base)
        _ingesting.report(shell.terminal, done.problems)


async def _ask(shell: Shell, workspace: AsyncWorkspace, address: str) -> bool:
    """Ask the questions and print the answers. Is every one of them cited?"""
    feature = workspace.features.get(FEATURE)
    width = shell.terminal.width
    uncited = 0
    for question in QUESTIONS:
        answer = await workspace.run(FEATURE, {"question": question}, door="cli")
        uncited += not answer.evidence
        shell.terminal.data("\n" + hanging("Q   ", question, width))
        shell.terminal.data(_answers.cited(answer, feature, address=address, width=width))
    if uncited:
        shell.terminal.complain(f"error: {count(uncited, 'answer')} cited nothing")
        shell.terminal.complain("hint: `traces tail` shows the runs; `doctor` looks for causes")
    return not uncited


async def _serve(shell: Shell, workspace: AsyncWorkspace, folder: Path, host: str, port: int) -> None:
    first_key = await workspace.keys.create_first()

    def ready(address: str) -> None:
        _serving.welcome(shell, address, first_key)
        shell.terminal.say(f"Next      {command('ask', FEATURE, QUESTIONS[1], '-w', folder)}")
        shell.terminal.say(f"          {command('doctor', '-w', folder)}      connects a model")
        shell.terminal.say("          docs/tutorial/first-feature.md    Ctrl-C stops it")

    await _serving.serve_until_stopped(shell, workspace, host, port, ready)


def _ok(shell: Shell, what: str, figure: str) -> None:
    shell.terminal.say(f"ok  {what:<60} {figure}")
