"""Explain which models a feature asks, and switch models off."""

import getpass
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from steadyhand.catalog.providers import providers
from steadyhand.cli._called import command
from steadyhand.cli._figures import duration, money
from steadyhand.cli._inputs import read_input
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.cli._terminal import hanging
from steadyhand.errors import NotFound
from steadyhand.hints import did_you_mean
from steadyhand.pipeline.explain import Explanation, Ranked, explain
from steadyhand.routing.conditions import Conditions
from steadyhand.routing.flags import open_flags
from steadyhand.routing.history import Volumes, health_of
from steadyhand.routing.switches import Off, Switches
from steadyhand.types.exchange import PASSTHROUGH
from steadyhand.types.ids import FeatureName, ModelId
from steadyhand.types.json import JsonObject
from steadyhand.types.ports import FindModel, SpentToday
from steadyhand.types.text import DataClass, highest
from steadyhand.workspace import OWNER, AsyncWorkspace

app = new_app(__doc__)

_TITLES = ("asked", "model", "at most", "first token", "breaker", "where")
_NUMBERS = (2, 3)


@dataclass(frozen=True, slots=True)
class _Ports:
    """What a choice needs, from an open workspace."""

    find_model: FindModel
    spent_today: SpentToday
    routing: Conditions

    def now(self) -> datetime:
        return datetime.now(UTC)

    def randomness(self, size: int) -> bytes:
        return os.urandom(size)


@app.command("explain")
def explain_choice(
    context: typer.Context,
    feature: Annotated[str, typer.Argument(metavar="FEATURE", help="The feature whose choice is explained.")],
    *,
    values: Annotated[
        str, typer.Option("--input", metavar="JSON|@FILE|-", help="The input: JSON, a file, or - for stdin.")
    ] = "{}",
    data_class: Annotated[
        DataClass, typer.Option("--data-class", help="Take the run for at least this sensitive.")
    ] = "public",
    as_json: AsJson = False,
) -> None:
    """Print which models a run would ask now, in which order and why. No model is asked.

    Speed and breaker are what the ledger tells of the last 10 minutes. Passages are not searched for, so the price
    of a feature with knowledge is that of its input alone.

    \b
    Examples:
      steadyhand route explain ticket_triage --input '{"subject": "Refund", "body": "Where is it?"}'
      steadyhand route explain policy_answers --data-class confidential --json
    """
    shell = shell_of(context)
    given = read_input(values)
    found = in_workspace(shell, lambda workspace: _explained(workspace, feature, given, data_class))
    if as_json:
        shell.terminal.json(found)
    else:
        shell.terminal.table(_TITLES, [_row(ranked) for ranked in found.models], numbers=_NUMBERS)
        shell.terminal.data("")
        for ranked in found.models:
            shell.terminal.data(hanging(_label(ranked), ranked.reason, shell.terminal.width))
    _say(shell, found)


@app.command()
def off(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="provider:model, provider:NAME, feature:NAME or *")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever meets it.")],
    as_json: AsJson = False,
) -> None:
    """Switch a model, a provider, a feature or everything off; counts in every process within 5 s.

    What was asked before goes on to its end. `feature:passthrough` are the calls of the gateway.

    \b
    Examples:
      steadyhand route off openai:gpt-4o-mini --reason "wrong totals since noon"
      steadyhand route off provider:openai --reason "incident 4711"
      steadyhand route off '*' --reason "key leaked"
    """
    shell = shell_of(context)

    async def switch(workspace: AsyncWorkspace) -> None:
        _require_known(workspace, target)
        await workspace.switches.off(target, reason=reason, by=_user())

    in_workspace(shell, switch)
    if as_json:
        shell.terminal.json({"target": target, "is_off": True})
    shell.terminal.say(f"{target} is off; `{command('route', 'on', target)}` switches it on again")


@app.command()
def on(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="What `route list` shows.")],
    as_json: AsJson = False,
) -> None:
    """Switch on again what was switched off.

    \b
    Example:
      steadyhand route on openai:gpt-4o-mini
    """
    shell = shell_of(context)
    if not in_workspace(shell, lambda workspace: workspace.switches.on(target)):
        raise NotFound(f"expected something that is switched off; found {target!r}", hint="steadyhand route list")
    if as_json:
        shell.terminal.json({"target": target, "is_off": False})
    shell.terminal.say(f"{target} is on")


@app.command("list")
def list_switches(context: typer.Context, as_json: AsJson = False) -> None:
    """List what is switched off, by whom and why.

    \b
    Example:
      steadyhand route list
    """
    shell = shell_of(context)
    found = in_workspace(shell, lambda workspace: workspace.switches.all())
    if as_json:
        shell.terminal.json(found)
    elif found:
        shell.terminal.table(("target", "reason", "by", "since (UTC)"), [_switch(each) for each in found])
    else:
        shell.terminal.say("nothing is switched off")


async def _explained(
    workspace: AsyncWorkspace, name: str, values: JsonObject, data_class: DataClass
) -> Explanation:
    feature = workspace.features.get(FeatureName(name))
    database, switches = workspace.database, Switches()
    switches.replace(await workspace.switches.all())
    routing = Conditions(
        health=await health_of(database),
        switches=switches,
        flags=open_flags(workspace.settings.flags),
        runs_today=Volumes(database).runs_today,
    )
    if feature.knowledge is not None:
        data_class = highest(data_class, workspace.class_of(feature.knowledge.base))
    ports = _Ports(workspace.catalog.find, workspace.ledger.spent_today, routing)
    return await explain(feature, values, data_class, OWNER, ports)


def _row(ranked: Ranked) -> tuple[str, ...]:
    return (
        str(ranked.place_in_order or "-"),
        ranked.model,
        money(ranked.worst_usd),
        "-" if ranked.latency_s is None else duration(ranked.latency_s),
        ranked.breaker,
        ranked.place,
    )


def _label(ranked: Ranked) -> str:
    return f"{ranked.place_in_order or '-':<5}  "


def _say(shell: Shell, found: Explanation) -> None:
    """What holds for the choice as a whole."""
    shell.terminal.say(f"{found.feature}, {found.data_class} data; {'; '.join(found.remarks)}")
    if found.over_budget:
        shell.terminal.say(f"over the budget: {found.over_budget}")
    elif not any(ranked.place_in_order for ranked in found.models):
        shell.terminal.say("no model may serve this run")


def _require_known(workspace: AsyncWorkspace, target: str) -> None:
    """Raises `NotFound` for what nothing is called: a switch that is misspelt would switch nothing off."""
    kind, _, name = target.partition(":")
    named: dict[str, tuple[str, ...]] = {
        "feature": (*workspace.features.names(), PASSTHROUGH),
        "provider": tuple(providers(workspace.settings.providers)),
    }
    if not name or name in named.get(kind, ()):  # what has no name is `*`, or the store refuses it
        return
    if kind not in named and workspace.catalog.find(ModelId(target)):
        return
    options = [f"{kind}:{each}" for each in named[kind]] if kind in named else workspace.catalog.ids()
    hint = did_you_mean(target, options) or "steadyhand models list names models"
    raise NotFound(f"expected something that can be switched off; found {target!r}", hint=hint)


def _switch(each: Off) -> tuple[str, ...]:
    return each.target, each.reason, each.by, f"{each.at:%Y-%m-%d %H:%M}"


def _user() -> str:
    """Who sits in front of it, as the operating system says."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have a user without a name
        return "owner"
