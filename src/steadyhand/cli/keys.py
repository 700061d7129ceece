"""Make, list, limit and revoke keys of the HTTP API."""

from dataclasses import asdict, replace
from decimal import Decimal, InvalidOperation
from typing import Annotated, TypeAlias

import typer

from steadyhand.access.keys import UNLIMITED, KeyLimits, KeySummary
from steadyhand.cli._figures import money
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import AsJson, new_app, shell_of
from steadyhand.errors import UsageError
from steadyhand.types.labels import EVERYONE
from steadyhand.types.run import RoleName
from steadyhand.workspace import AsyncWorkspace

app = new_app(__doc__)

_NONE = "none"
_LONGEST = 200  # characters of a label

KeyId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")]
UsdPerDay: TypeAlias = Annotated[
    str | None, typer.Option("--usd-per-day", metavar="USD", help="What it may spend in a day (UTC), or none.")
]
RequestsPerMinute: TypeAlias = Annotated[
    str | None, typer.Option("--requests-per-minute", metavar="N", help="Requests in a minute, or none.")
]
TokensPerMinute: TypeAlias = Annotated[
    str | None, typer.Option("--tokens-per-minute", metavar="N", help="Tokens in and out in a minute, or none.")
]
Models: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--models", metavar="PATTERN", help="What it may call through the gateway, may be repeated; or none."
    ),
]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will hold it, for lists and records.")],
    role: Annotated[RoleName, typer.Option("--role", help="What its holder may do.")] = "caller",
    *,
    usd_per_day: UsdPerDay = None,
    requests_per_minute: RequestsPerMinute = None,
    tokens_per_minute: TokensPerMinute = None,
    models: Models = None,
    labels: Annotated[
        str, typer.Option("--labels", metavar="LABELS", help="Labels of documents it may see, as hr,finance.")
    ] = _NONE,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, the only time it is shown; only its hash is kept.

    A caller calls features and reads knowledge, a reader reads knowledge and runs, an admin does everything and
    sees all documents. Others see those for everyone and those that carry one of the key's labels. Without limits
    of its own, those of [limits.key] in steadyhand.toml hold.

    \b
    Example:
      steadyhand keys create web-shop --usd-per-day 5 --models 'openai:*'
      steadyhand keys create payroll --labels hr,finance
    """
    shell = shell_of(context)
    limits = _changed(UNLIMITED, usd_per_day, requests_per_minute, tokens_per_minute, models)
    sees = _labels(labels)
    key = in_workspace(shell, lambda workspace: workspace.keys.create(name, role, limits, sees))
    if as_json:
        shell.terminal.json({"name": name, "role": role, "labels": sees, "key": key})
    else:
        shell.terminal.data(key)
    shell.terminal.say(f"{'an' if role == 'admin' else 'a'} {role} key for {name}; it is not shown again")


@app.command("list")
def list_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """List the keys: who holds them, whether they are in force, their limits and what they spent today.

    What a key spends is counted when there is a limit for it.

    \b
    Example:
      steadyhand keys list
    """
    shell = shell_of(context)
    keys = in_workspace(shell, lambda workspace: workspace.keys.list())
    if as_json:
        shell.terminal.json(keys)
    elif keys:
        titles = ("id", "name", "role", "state", "spent today", "a minute", "models", "labels", "made (UTC)")
        shell.terminal.table(titles, [_row(key) for key in keys])
    else:
        shell.terminal.say("no keys yet: `steadyhand keys create NAME` makes one")


@app.command()
def limit(
    context: typer.Context,
    key_id: KeyId,
    *,
    usd_per_day: UsdPerDay = None,
    requests_per_minute: RequestsPerMinute = None,
    tokens_per_minute: TokensPerMinute = None,
    models: Models = None,
    as_json: AsJson = False,
) -> None:
    """Change what a key may use; what is not named stays. In force within 5 seconds.

    The value `none` takes a limit of the key's own away: then that of [limits.key] in steadyhand.toml holds.

    \b
    Example:
      steadyhand keys limit sh_1a2B3c4 --usd-per-day 20 --tokens-per-minute none
    """
    shell = shell_of(context)

    async def change(workspace: AsyncWorkspace) -> KeyLimits:
        before = await workspace.keys.limits(key_id)
        after = _changed(before, usd_per_day, requests_per_minute, tokens_per_minute, models)
        await workspace.keys.limit(key_id, after)
        return after

    limits = in_workspace(shell, change)
    if as_json:
        shell.terminal.json({"id": key_id, **asdict(limits)})
    shell.terminal.say(f"{key_id}: {_said(limits)}")


@app.command()
def label(
    context: typer.Context,
    key_id: KeyId,
    labels: Annotated[
        str, typer.Argument(metavar="LABELS", help="All labels it has from now on, as hr,finance; or none.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say which documents a key's holder may see: those for everyone, and those with one of these labels.

    In force within 5 seconds; answers that were made for other labels are not given to it.

    \b
    Example:
      steadyhand keys label sh_1a2B3c4 hr,finance
    """
    shell = shell_of(context)
    sees = _labels(labels)
    in_workspace(shell, lambda workspace: workspace.keys.label(key_id, sees))
    if as_json:
        shell.terminal.json({"id": key_id, "labels": sees})
    shell.terminal.say(f"{key_id} sees documents for {', '.join([EVERYONE, *sees])}")


@app.command()
def revoke(context: typer.Context, key_id: KeyId, as_json: AsJson = False) -> None:
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


def _changed(
    limits: KeyLimits, usd: str | None, requests: str | None, tokens: str | None, models: list[str] | None
) -> KeyLimits:
    """The limits with what was given on the command line."""
    if usd is not None:
        limits = replace(limits, usd_per_day=_amount("--usd-per-day", usd))
    if requests is not None:
        limits = replace(limits, requests_per_minute=_whole("--requests-per-minute", requests))
    if tokens is not None:
        limits = replace(limits, tokens_per_minute=_whole("--tokens-per-minute", tokens))
    if models:
        limits = replace(limits, models=() if models == [_NONE] else tuple(models))
    return limits


def _labels(text: str) -> list[str]:
    """Each once, in order, without the one that everybody holds. Raises `UsageError` for what can be none."""
    if text == _NONE:
        return []
    found = dict.fromkeys(label.strip() for label in text.split(",") if label.strip() != EVERYONE)
    for label in found:
        if not label or len(label) > _LONGEST or not label.isprintable():
            raise UsageError(
                f"labels: expected names with commas between; found {label!r}", hint="write hr,finance"
            )
    return sorted(found)


def _amount(option: str, text: str) -> Decimal | None:
    if text == _NONE:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise UsageError(f"{option}: expected a number above 0, or none; found {text!r}")
    return amount


def _whole(option: str, text: str) -> int | None:
    amount = _amount(option, text)
    if amount is not None and (amount != int(amount) or amount >= 2**31):
        raise UsageError(f"{option}: expected a whole number below {2**31:,}; found {text!r}")
    return None if amount is None else int(amount)


def _row(key: KeySummary) -> tuple[str, ...]:
    state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "in force"
    made = f"{key.created_at:%Y-%m-%d %H:%M}"
    limits = KeyLimits(key.usd_per_day, key.requests_per_minute, key.tokens_per_minute, key.models)
    sees = "all" if key.role == "admin" else ", ".join(key.labels)
    return key.id, key.name, key.role, state, _spent(key), _rates(limits), ", ".join(key.models), sees, made


def _spent(key: KeySummary) -> str:
    spent = "" if key.used_usd is None else money(key.used_usd)
    return spent if key.usd_per_day is None else f"{spent or money(Decimal(0))} of {money(key.usd_per_day)}"


def _rates(limits: KeyLimits) -> str:
    rates = ((limits.requests_per_minute, "requests"), (limits.tokens_per_minute, "tokens"))
    return ", ".join(f"{most:,} {unit}" for most, unit in rates if most is not None)


def _said(limits: KeyLimits) -> str:
    """The limits in a sentence."""
    usd = f"{money(limits.usd_per_day)} a day" if limits.usd_per_day is not None else ""
    rates = f"{_rates(limits)} a minute" if _rates(limits) else ""
    models = f"models {', '.join(limits.models)}" if limits.models else ""
    return "; ".join(filter(None, (usd, rates, models))) or "no limits of its own"
