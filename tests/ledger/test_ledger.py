"""Rows are on disk when `record` returns, together, once, and read back as they were written."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from house import CALLER, FEATURE, PASSAGE
from steadyhand.access.quotas import Quotas
from steadyhand.errors import NotFound, StorageError, UsageError
from steadyhand.ledger.ids import new_id, short
from steadyhand.ledger.reader import LedgerReader
from steadyhand.ledger.writer import Ledger
from steadyhand.storage import Database
from steadyhand.types.findings import CheckResult, Finding
from steadyhand.types.model import ModelCall, Price, Rates, Usage
from steadyhand.types.passage import Retrieval
from steadyhand.types.run import Failure, ReviewTask, Run, StepRecord

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALL = ModelCall(
    model=FEATURE.models[0],
    attempt=0,
    usage=Usage(10, 5, 2),
    cost_usd=Decimal("0.000123"),
    price=Price(Rates(Decimal(1), Decimal(2), Decimal("0.5"), Decimal(1)), "test"),
    duration_s=0.25,
    first_token_s=0.1,
    error="",
    prompt="What?",
    answer="That.",
)


def run(number: int = 0) -> Run:
    """A finished run with something in every table."""
    return Run(
        id=new_id(NOW + timedelta(seconds=number), number.to_bytes(10, "big")),
        feature=FEATURE,
        input={"question": "How much?"},
        principal=CALLER,
        door="http",
        started_at=NOW + timedelta(seconds=number),
        deadline=0.0,
        data_class="internal",
        retrieval=Retrieval((PASSAGE,), "policies@7"),
        calls=(CALL,),
        model=FEATURE.models[0],
        output={"answer": "20 %", "found": True},
        confidence=0.75,
        findings=(Finding("pii.email", 1, 5, "input.question"),),
        checks=(CheckResult("schema", "block", True),),
        status="answered",
        steps=(
            StepRecord(
                seq=0, name="admit", attempt=0, verdict="continue", detail="", started_s=0.0, duration_s=0.1
            ),
        ),
        duration_s=0.5,
    )


@pytest.fixture
async def ledger(database: Database):
    writer = Ledger(database, Quotas(database, time.time))
    writer.start()
    yield writer
    await writer.close()


async def test_a_run_reads_back_as_it_was_written(ledger: Ledger, database: Database) -> None:
    written = run()
    await ledger.record(written)
    trace = await LedgerReader(database).trace(written.id)
    assert trace.run["status"] == "answered"
    assert trace.run["cost_usd"] == Decimal("0.000123")
    assert trace.run["snapshot"] == "policies@7"
    assert trace.run["output"] == {"answer": "20 %", "found": True}
    assert [step["name"] for step in trace.steps] == ["admit"]
    assert trace.calls[0]["price"] == {
        "rates": {"input": "1", "output": "2", "cached": "0.5", "cache_write": "1"},
        "source": "test",
        "per_request": "0",
    }
    assert [(found["source"], found["page"]) for found in trace.retrievals] == [("travel.pdf", 3)]
    assert [(it["kind"], it["name"], it["ok"]) for it in trace.verdicts] == [
        ("guardrail", "pii.email", False),
        ("check", "schema", True),
    ]


async def test_a_run_is_on_disk_when_record_returns(ledger: Ledger, database: Database) -> None:
    written = run()
    await ledger.record(written)
    with psycopg.connect(database.url) as other:
        assert other.execute("SELECT count(*) FROM run WHERE id = %s", [written.id]).fetchone() == (1,)


async def test_runs_that_end_together_share_commits(ledger: Ledger, database: Database) -> None:
    before = await database.row("SELECT pg_current_xact_id()::text::bigint AS id")
    await asyncio.gather(*(ledger.record(run(number)) for number in range(200)))
    after = await database.row("SELECT pg_current_xact_id()::text::bigint AS id")
    assert before is not None
    assert after is not None
    assert after["id"] - before["id"] < 30
    assert len(await LedgerReader(database).tail(limit=500)) == 200


async def test_a_caller_who_left_does_not_take_the_row_away(ledger: Ledger, database: Database) -> None:
    waiting = asyncio.create_task(ledger.record(run()))
    await asyncio.sleep(0)
    waiting.cancel()
    await ledger.close()
    assert len(await LedgerReader(database).tail()) == 1


async def test_characters_that_a_database_cannot_hold_do_not_lose_a_run(ledger: Ledger, database: Database) -> None:
    odd = replace(run(), input={"question": "a\0b\ud800"}, output={"answer": "\0", "found": True})
    await ledger.record(odd)
    assert (await LedgerReader(database).trace(odd.id)).run["input"]["question"].startswith("a")


async def test_a_connection_that_broke_is_no_lost_run(ledger: Ledger, database: Database) -> None:
    await ledger.record(run(0))
    with psycopg.connect(database.url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    await ledger.record(run(1))
    assert len(await LedgerReader(database).tail()) == 2


async def test_an_unknown_price_is_null_and_not_nothing(ledger: Ledger, database: Database) -> None:
    unknown = replace(run(), calls=(replace(CALL, cost_usd=None, price=None),))
    await ledger.record(unknown)
    assert (await LedgerReader(database).trace(unknown.id)).run["cost_usd"] is None


async def test_a_parked_run_leaves_a_task(ledger: Ledger, database: Database) -> None:
    parked = replace(run(), status="review", review=ReviewTask("unsure", 1800))
    await ledger.record(parked)
    trace = await LedgerReader(database).trace(parked.id)
    assert trace.review is not None
    assert trace.review["due_at"] == NOW + timedelta(minutes=30)


async def test_a_failure_keeps_its_code(ledger: Ledger, database: Database) -> None:
    failed = replace(run(), status="failed", failure=Failure("provider.timeout", "too slow"))
    await ledger.record(failed)
    assert (await LedgerReader(database).trace(failed.id)).run["error_code"] == "provider.timeout"


async def test_the_end_of_an_id_is_enough_when_only_one_run_has_it(ledger: Ledger, database: Database) -> None:
    written = run(5)
    await ledger.record(written)
    reader = LedgerReader(database)
    assert (await reader.trace(short(written.id).lower())).run["id"] == written.id
    with pytest.raises(NotFound):
        await reader.trace("ZZZZ")
    with pytest.raises(UsageError, match="4 or more"):
        await reader.trace("05")
    await ledger.record(replace(run(6), id=new_id(NOW, (5).to_bytes(10, "big"))))
    with pytest.raises(UsageError, match="several"):
        await reader.trace(short(written.id))


async def test_tail_filters_and_sorts(ledger: Ledger, database: Database) -> None:
    for number in range(3):
        await ledger.record(replace(run(number), status="failed" if number == 1 else "answered"))
    reader = LedgerReader(database)
    assert [found.started_at.second for found in await reader.tail()] == [2, 1, 0]
    assert [found.started_at.second for found in await reader.tail(status="failed")] == [1]
    assert await reader.tail(feature="other") == []


async def test_what_a_day_cost_is_the_sum_of_its_runs(ledger: Ledger, database: Database) -> None:
    today = replace(run(), started_at=datetime.now(UTC))
    await ledger.record(today)
    await ledger.record(replace(run(1), started_at=datetime.now(UTC) - timedelta(days=2)))
    assert await LedgerReader(database).spent_today(FEATURE.name) == Decimal("0.000123")


def test_ids_sort_by_time_and_are_ulids() -> None:
    ids = [new_id(NOW + timedelta(milliseconds=number), b"\xff" * 10) for number in range(50)]
    assert ids == sorted(ids)
    assert all(len(found) == 26 and found <= "7ZZZZZZZZZZZZZZZZZZZZZZZZZ" for found in ids)
    assert new_id(datetime.fromtimestamp(1469918176.385, UTC), bytes(10)).startswith("01ARYZ6S41")


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("odd", [NOW, float("inf"), {1, 2}, nested(900)], ids=["time", "infinity", "set", "deep"])
async def test_an_input_that_is_no_json_is_recorded_and_stops_no_later_run(
    odd: object, ledger: Ledger, database: Database
) -> None:
    runs = [replace(run(0), input={"question": odd}), run(1)]  # type: ignore[dict-item]
    async with asyncio.timeout(5):
        await asyncio.gather(*(ledger.record(it) for it in runs))
        await ledger.record(run(2))
    assert len(await LedgerReader(database).tail()) == 3


async def test_a_run_that_the_database_refuses_takes_no_other_along(ledger: Ledger, database: Database) -> None:
    refused = replace(run(0), calls=(replace(CALL, usage=Usage(2**40, 1, 0)),))
    outcomes = await asyncio.gather(
        *(ledger.record(it) for it in (refused, run(1), run(2))), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [StorageError, type(None), type(None)]
    assert len(await LedgerReader(database).tail()) == 2


async def test_a_text_full_of_findings_is_recorded_with_the_first_ones_and_their_number(
    ledger: Ledger, database: Database
) -> None:
    written = replace(run(), findings=(Finding("pii.email", 1, 5, "input.question"),) * 40_000)
    await ledger.record(written)
    verdicts = (await LedgerReader(database).trace(written.id)).verdicts
    assert verdicts[1_000]["detail"] == "39000 further findings"
    assert verdicts[-1]["name"] == "schema"
