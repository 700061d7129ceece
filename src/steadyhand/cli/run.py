"""Run a feature once, or over a file of inputs."""

from pathlib import Path
from typing import Annotated

import typer

from steadyhand.cli import _answers, _batch
from steadyhand.cli._figures import count
from steadyhand.cli._inputs import read_input
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.errors import UsageError
from steadyhand.types.ids import FeatureName
from steadyhand.types.json import JsonObject
from steadyhand.types.run import GOOD_ENDINGS, Answer
from steadyhand.types.wire import answer_json
from steadyhand.workspace import AsyncWorkspace

app = new_app()


@app.command()
def run(
    context: typer.Context,
    feature: Annotated[str, typer.Argument(metavar="FEATURE", help="The feature to run.")],
    *,
    values: Annotated[
        str | None, typer.Option("--input", metavar="JSON|@FILE|-", help="The input: JSON, a file, or - for stdin.")
    ] = None,
    batch: Annotated[
        Path | None, typer.Option("--batch", metavar="IN.JSONL", help="A file with one input per line.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="OUT.JSONL", help="Where the answers of --batch go.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Runs of a batch at the same time.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Run a feature once, or over a file of inputs.

    A batch writes one JSON object per input, in the order they end; `line` says which input it belongs to. Start it
    again after an interruption: inputs that have an answer are not run again, those that failed are. Exit code 1
    when a run was refused or failed.

    \b
    Examples:
      steadyhand run ticket_triage --input '{"subject": "Refund", "body": "Where is my money?"}'
      steadyhand run ticket_triage --input @ticket.json --json
      steadyhand run ticket_triage --batch tickets.jsonl --out triaged.jsonl --workers 8
    """
    shell = shell_of(context)
    if (values is None) == (batch is None) or (batch is None) != (out is None):
        raise UsageError(
            "expected either --input, or --batch together with --out", hint="steadyhand run --help has examples"
        )
    if batch is not None and out is not None:
        files = _batch.Files(batch, out)
        code = in_workspace(
            shell, lambda workspace: _run_all(shell, workspace, feature, files, workers=workers, as_json=as_json)
        )
    else:
        given = read_input(values or "")
        code = in_workspace(shell, lambda workspace: _run_once(shell, workspace, feature, given, as_json))
    raise typer.Exit(code)


def ended_badly(shell: Shell, answer: Answer) -> int:
    """1 when the run was refused or failed, which is said, else 0."""
    if answer.is_good:
        return 0
    if answer.error is not None:
        shell.terminal.complain(f"error: {answer.error.message}")
        if answer.error.hint:
            shell.terminal.complain(f"hint: {answer.error.hint}")
    return 1


async def _run_once(shell: Shell, workspace: AsyncWorkspace, name: str, values: JsonObject, as_json: bool) -> int:
    answer = await workspace.run(name, values, door="cli")
    if as_json:
        shell.terminal.json(answer_json(answer))
    else:
        feature = workspace.features.get(FeatureName(name))
        shell.terminal.data(_answers.fields(answer, feature, width=shell.terminal.width))
    return ended_badly(shell, answer)


async def _run_all(
    shell: Shell, workspace: AsyncWorkspace, name: str, files: _batch.Files, *, workers: int, as_json: bool
) -> int:
    workspace.features.get(FeatureName(name))  # an unknown feature is misuse, not a thousand failed runs
    with shell.terminal.progress(f"Running {name}") as advance:
        tally = await _batch.run(files, lambda values: workspace.run(name, values, door="cli"), workers, advance)
    failed = sum(number for status, number in tally.statuses.items() if status not in GOOD_ENDINGS)
    if as_json:
        shell.terminal.json({"total": tally.total, "resumed": tally.resumed, "statuses": tally.statuses})
    ended = ", ".join(f"{number:,} {status}" for status, number in sorted(tally.statuses.items())) or "none to run"
    shell.terminal.say(f"{count(tally.total, 'input')}: {ended}; {tally.resumed:,} had an answer already")
    if failed:
        shell.terminal.complain(f"error: {count(failed, 'run')} did not end well")
        shell.terminal.complain(f"hint: each has its reason in {files.out}; the same command runs them again")
    return min(failed, 1)
