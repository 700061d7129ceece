"""See what ran: the newest runs, or everything about one."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from steadyhand.cli import _trace
from steadyhand.cli._figures import duration, money
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.ledger.ids import short
from steadyhand.ledger.reader import RunSummary
from steadyhand.types.run import RunStatus
from steadyhand.workspace import AsyncWorkspace

app = new_app(__doc__)

_EVERY_S = 1.0
_WINDOW = 200  # runs looked at again each time: a long run ends after shorter ones that began later
_TITLES: tuple[str, ...] = ("run", "feature", "status", "started (UTC)", "model", "cost", "time", "by")
_NUMBERS = (5, 6)


@app.command()
def tail(
    context: typer.Context,
    *,
    feature: Annotated[str | None, typer.Option("--feature", help="Only runs of this feature.")] = None,
    status: Annotated[RunStatus | None, typer.Option("--status", help="Only runs that ended so.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many runs.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new runs until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the newest runs, the newest last.

    Calls of the gateway are runs of `passthrough`. With --json, one object per line.

    \b
    Examples:
      steadyhand traces tail --feature policy_answers --status fallback
      steadyhand traces tail --follow --json
    """
    shell = shell_of(context)
    in_workspace(
        shell,
        lambda workspace: _tail(
            shell, _Newest(workspace, feature, status), limit=limit, follow=follow, as_json=as_json
        ),
    )


@app.command()
def show(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its last 4 characters or more.")],
    as_json: AsJson = False,
) -> None:
    """Show one run: input and output, routing, steps with times and verdicts, calls with tokens, passages, checks.

    \b
    Example:
      steadyhand traces show 7Q2M
    """
    shell = shell_of(context)
    trace = in_workspace(shell, lambda workspace: workspace.ledger.trace(run))
    if as_json:
        shell.terminal.json(trace)
    else:
        shell.terminal.data(_trace.shown(trace, shell.terminal.width))


async def _tail(shell: Shell, newest: "_Newest", *, limit: int, follow: bool, as_json: bool) -> None:
    window = max(limit, _WINDOW) if follow else limit
    seen: deque[str] = deque(maxlen=2 * window)
    titles = _TITLES
    while True:
        fresh = [run for run in reversed(await newest(window)) if run.id not in seen]
        _print(shell, fresh if seen else fresh[-limit:], titles, as_json)
        seen.extend(run.id for run in fresh)
        if not follow:
            if not seen and not as_json:
                shell.terminal.say("no run is like that" if newest.is_narrowed else "no run yet")
            return
        titles = () if seen else titles
        await asyncio.sleep(_EVERY_S)


@dataclass(frozen=True, slots=True)
class _Newest:
    """The newest runs that are asked for, newest first."""

    workspace: AsyncWorkspace
    feature: str | None
    status: RunStatus | None

    @property
    def is_narrowed(self) -> bool:
        return self.feature is not None or self.status is not None

    async def __call__(self, limit: int) -> list[RunSummary]:
        return await self.workspace.ledger.tail(limit=limit, feature=self.feature, status=self.status)


def _print(shell: Shell, runs: Sequence[RunSummary], titles: Sequence[str], as_json: bool) -> None:
    if as_json:
        for run in runs:
            shell.terminal.json(run)
    elif runs:
        shell.terminal.table(titles, [_row(run) for run in runs], numbers=_NUMBERS)


def _row(run: RunSummary) -> tuple[str, ...]:
    started = f"{run.started_at:%m-%d %H:%M:%S}"
    model = run.model or "-"
    by = f"{run.principal} ({run.door})"
    return short(run.id), run.feature, run.status, started, model, money(run.cost_usd), duration(run.duration_s), by
