"""Home: is anything wrong, what does it cost, what is it worth?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steadyhand.knowledge.contents import BaseSummary
from steadyhand.review.tasks import OpenTask
from steadyhand.routing.switches import Off
from steadyhand.serve.console.formats import percent
from steadyhand.serve.contracts import runnable
from steadyhand.serve.request import Caller, Now, Opened
from steadyhand.storage import Row
from steadyhand.types.exchange import PASSTHROUGH
from steadyhand.types.feature import Feature, Problem

PATH = "/"

_LATEST = 8


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs somebody: what it is, and where to look."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Worth:
    """What the answered runs replace at the contracts' own rates; fallbacks and reviews count nothing."""

    hours: float
    money: Mapping[str, Decimal]  # by currency
    runs: int  # that a contract puts a value on


async def page(workspace: Opened, caller: Caller, now: Now) -> dict[str, object]:
    """The last 24 hours of every feature, and everything that waits for somebody."""
    totals = {row["feature"]: row for row in await workspace.ledger.totals()}
    bases = await workspace.knowledge.bases(caller)
    reviews = await workspace.reviews.open()
    features, broken = runnable(workspace), workspace.features.broken()
    costs = [row["cost_usd"] for row in totals.values() if row["cost_usd"] is not None]
    return {
        "concerns": concerns(broken, totals.values(), reviews, bases, now)
        + switched_off(await workspace.switches.all()),
        "invalid": sum(row["invalid"] for row in totals.values()),
        "unpriced": sum(row["unpriced"] for row in totals.values()),
        "runs": sum(row["runs"] for row in totals.values()),
        "cost_usd": sum(costs, Decimal(0)) if costs or not totals else None,
        "worth": worth(features.values(), totals),
        "names": sorted({*features, *broken, *totals}, key=lambda name: (name == PASSTHROUGH, name)),
        "passthrough": PASSTHROUGH,
        "features": features,
        "broken": broken,
        "totals": totals,
        "reviews": reviews,
        "bases": bases,
        "latest": await workspace.ledger.tail(limit=_LATEST),
        "now": now,
    }


def concerns(
    broken: Mapping[str, list[Problem]],
    totals: Iterable[Row],
    reviews: Iterable[OpenTask],
    bases: Iterable[BaseSummary],
    now: datetime,
) -> list[Concern]:
    """Everything that is wrong, the gravest kind first."""
    found = [Concern(f"the contract of {name} is broken", f"/console/features/{name}") for name in sorted(broken)]
    found += [concern for row in totals for concern in _run_concerns(row)]
    overdue = Counter(task.feature for task in reviews if task.due_at < now)
    found += [
        Concern(f"{_many(number, 'review')} of {name} overdue", f"/console/runs?feature={name}&status=review")
        for name, number in sorted(overdue.items())
    ]
    found += [
        Concern(f"{_many(base.failed, 'file')} of {base.name} could not be read", f"/console/knowledge/{base.name}")
        for base in bases
        if base.failed
    ]
    return found


def switched_off(switches: Iterable[Off]) -> list[Concern]:
    """What somebody switched off, and may have forgotten."""
    return [Concern(f"{each.by} switched off {each.target}: {each.reason}", "/console/models") for each in switches]


def _run_concerns(row: Row) -> Iterator[Concern]:
    """What went wrong on our side; a caller whose input does not fit gets the answer that is due."""
    feature, runs = row["feature"], row["runs"]
    if unanswered := row["problems"] - row["invalid"]:
        said = f"{unanswered} of {_many(runs, 'run')} of {feature} gave no answer ({percent(unanswered / runs)})"
        yield Concern(said, f"/console/runs?feature={feature}")
    if fallbacks := row["fallbacks"]:
        said = (
            f"{fallbacks} of {_many(runs, 'run')} of {feature} ended in the fallback ({percent(fallbacks / runs)})"
        )
        yield Concern(said, f"/console/runs?feature={feature}&status=fallback")


def worth(features: Iterable[Feature], totals: Mapping[str, Row]) -> Worth:
    hours, runs = 0.0, 0
    money: dict[str, Decimal] = {}
    for feature in features:
        answered = totals[feature.name]["answered"] if feature.name in totals else 0
        if feature.value is None or not answered:
            continue
        saved = answered * feature.value.baseline_minutes / 60
        hours, runs = hours + saved, runs + answered
        currency = feature.value.currency
        money[currency] = money.get(currency, Decimal(0)) + Decimal(saved) * feature.value.hourly_cost
    return Worth(hours, money, runs)


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
