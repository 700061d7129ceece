"""What the ledger tells: how often a feature ran today, and how its models have fared."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from routed import Clock

from house import CALLER, FEATURE
from steadyhand.access.quotas import Quotas
from steadyhand.ledger.writer import Ledger
from steadyhand.routing.history import Volumes, health_of
from steadyhand.storage import Database
from steadyhand.types.ids import ModelId, RunId
from steadyhand.types.model import ModelCall, Usage
from steadyhand.types.run import Run

LARGE, SMALL = ModelId("cloud:large"), ModelId("cloud:small")


def call(model: ModelId, error: str = "", first_token_s: float | None = None) -> ModelCall:
    return ModelCall(
        model=model,
        attempt=0,
        usage=Usage(),
        cost_usd=None,
        price=None,
        duration_s=1.5,
        first_token_s=first_token_s,
        error=error,
        prompt="",
        answer="",
    )


def run(number: int, *calls: ModelCall, ago: timedelta = timedelta(0)) -> Run:
    return Run(
        id=RunId(f"{number:026d}"),
        feature=FEATURE,
        input={},
        principal=CALLER,
        door="python",
        started_at=datetime.now(UTC) - ago,
        deadline=0.0,
        data_class="internal",
        status="answered",
        calls=calls,
    )


async def recorded(database: Database, *runs: Run) -> None:
    ledger = Ledger(database, Quotas(database, time.time))
    ledger.start()
    for each in runs:
        await ledger.record(each)
    await ledger.close()


async def test_health_is_that_of_a_process_that_made_the_last_calls(database: Database) -> None:
    old = timedelta(minutes=11)
    await recorded(
        database,
        *(run(number, call(LARGE, "connection refused")) for number in range(3)),
        run(3, call(SMALL, first_token_s=0.2)),
        *(run(number, call(ModelId("cloud:old"), "timed out"), ago=old) for number in range(4, 8)),
        run(8, call(ModelId("local:nearest"))),
    )
    health = await health_of(database)
    assert (health.state(LARGE), health.state(SMALL), health.state(ModelId("cloud:old"))) == (
        "open",
        "closed",
        "closed",
    )
    assert health.latency_s(SMALL) == pytest.approx(0.2)
    assert health.latency_s(ModelId("local:nearest")) == pytest.approx(1.5)


async def test_runs_of_today_are_counted_without_shadows_and_once_a_minute(database: Database) -> None:
    clock = Clock()
    volumes = Volumes(database, clock)
    await recorded(database, run(1), run(2, ago=timedelta(days=1, seconds=1)), replace(run(3), door="shadow"))
    assert await volumes.runs_today(FEATURE.name) == 1
    await recorded(database, run(4))
    assert await volumes.runs_today(FEATURE.name) == 1
    clock.now += 60
    assert await volumes.runs_today(FEATURE.name) == 2
    assert await volumes.runs_today("other") == 0
