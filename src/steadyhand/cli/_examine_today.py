"""What `doctor` says about this very day: what is switched off, what is nearly spent, which models go soon."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from steadyhand.access.keys import KeySummary
from steadyhand.cli._called import command
from steadyhand.cli._examine import Finding
from steadyhand.cli._examine_models import Needs
from steadyhand.cli._figures import money
from steadyhand.routing.exclusions import withdrawn_soon
from steadyhand.routing.switches import Off
from steadyhand.settings import LimitsSettings
from steadyhand.types.ids import ModelId
from steadyhand.types.ports import FindModel

_NEARLY = Decimal("0.8")  # of a limit


def switched_off(switches: Iterable[Off]) -> Iterator[Finding]:
    """Everything that somebody switched off, and may have forgotten."""
    for each in switches:
        what = f"{each.target} is switched off since {each.at:%Y-%m-%d %H:%M} UTC by {each.by}: {each.reason}"
        yield Finding("warn", what, command("route", "on", each.target))


def nearly_spent(used: Mapping[str, Decimal], most: Mapping[str, Decimal]) -> Iterator[Finding]:
    """Limits of a day of which at least four fifths are spent, both by scope and in US dollars."""
    for scope, limit in most.items():
        spent = used.get(scope, Decimal(0))
        if spent >= _NEARLY * limit:
            yield Finding("warn", f"{scope} has spent {money(spent)} of its {money(limit)} today", _raised(scope))


def limits(
    keys: Iterable[KeySummary], settings: LimitsSettings, features: Mapping[str, Decimal], scopes: Iterable[str]
) -> dict[str, Decimal]:
    """What may be spent in a day, by scope. `features` are their budgets; `scopes` tell of end users."""
    found = {f"feature:{name}": limit for name, limit in features.items()}
    if settings.workspace.usd_per_day is not None:
        found["workspace"] = settings.workspace.usd_per_day
    for key in keys:
        limit = settings.key.usd_per_day if key.usd_per_day is None else key.usd_per_day
        if limit is not None and key.revoked_at is None:
            found[f"key:{key.id}"] = limit
    if settings.user.usd_per_day is not None:
        found |= {scope: settings.user.usd_per_day for scope in scopes if scope.startswith("user:")}
    return found


def withdrawn(needs: Needs, find: FindModel, today: date) -> Iterator[Finding]:
    """Models that their vendors stop serving soon, or have, with who names them."""
    users: dict[str, list[str]] = {}
    for name, models in needs.items():
        for model in dict.fromkeys(models):
            users.setdefault(model, []).append(name)
    for model, names in sorted(users.items()):
        entry = find(ModelId(model))
        if entry is not None and (note := withdrawn_soon(entry, today)):
            need = "names it" if len(names) == 1 else "name it"
            yield Finding("warn", f"{note}; {', '.join(names)} {need}", "name another model")


def _raised(scope: str) -> str:
    kind, _, name = scope.partition(":")
    if kind == "key":
        return f"to raise it: {command('keys', 'limit', name, '--usd-per-day', 'USD')}"
    where = f"budget.per_day_usd of {name}" if kind == "feature" else f"[limits.{kind}] in steadyhand.toml"
    return f"to raise it: {where}"
