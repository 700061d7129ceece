"""Home: is anything wrong, what does it cost, what is it worth?"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steadyhand.knowledge.contents import BaseSummary
from steadyhand.review.tasks import OpenTask
from steadyhand.serve.contracts import runnable
from steadyhand.serve.request import Now, Opened
from steadyhand.storage import Row
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


async def page(workspace: Opened, now: Now) -> dict[str, object]:
    """The last 24 hours of every feature, and everything that waits for somebody."""
    totals = {row["feature"]: row for row in await workspace.ledger.totals()}
    bases = await workspace.knowledge.bases()
    reviews = await workspace.reviews.open()
    features, broken = runnable(workspace), workspace.features.broken()
    costs = [row["cost_usd"] for row in totals.values() if row["cost_usd"] is not None]
    return {
        "concerns": concerns(broken, totals.values(), reviews, bases, now),
        "runs": sum(row["runs"] for row in totals.values()),
        "cost_usd": sum(costs, Decimal(0)) if costs or not totals else None,
        "worth": worth(features.values(), totals),
        "names": sorted({*features, *broken, *totals}),
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
    found += [
        Concern(f"{_many(row['problems'], 'run')} of {row['feature']} gave no answer", _problem_runs(row))
        for row in totals
        if row["problems"]
    ]
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


def _problem_runs(row: Row) -> str:
    return f"/console/runs?feature={row['feature']}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
