"""A gateway call is in the journal before its answer leaves, and in the database soon after, once."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ledger import CALL, NOW

from steadyhand.errors import DatabaseUnavailable, DiskFull, Duplicate, NotWritable
from steadyhand.ledger import exchanges
from steadyhand.ledger.exchanges import ExchangeLedger
from steadyhand.ledger.ids import new_id
from steadyhand.ledger.journal import Journal, left_behind
from steadyhand.ledger.lines import lines, read
from steadyhand.ledger.reader import LedgerReader
from steadyhand.storage import Database, Transaction
from steadyhand.types.exchange import Exchange
from steadyhand.types.findings import Finding
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Usage
from steadyhand.types.quota import Spending
from steadyhand.types.run import Failure, Principal

SPENT = (
    Spending("user:k/an\tna\n\\", "usd", 20_000, Decimal("0.000123")),
    Spending("key:k", "requests", 7, Decimal(1)),
)


class Books:
    def __init__(self) -> None:
        self.written: list[Spending] = []
        self.confirmed: list[Spending] = []

    async def book(self, transaction: Transaction, spendings: Sequence[Spending]) -> None:
        await transaction.rows("SELECT 1")
        self.written += spendings

    def booked(self, spendings: Sequence[Spending]) -> None:
        self.confirmed += spendings


def exchange(number: int = 0, text: str = "What?\n\tTab \\ and \0 NUL") -> Exchange:
    return Exchange(
        run_id=new_id(NOW, number.to_bytes(10, "big")),
        principal=Principal("bench", "caller", "sh_1234567"),
        end_user="an\tna",
        data_class="internal",
        asked_model="fast",
        prompt=text,
        started_s=NOW.timestamp(),
        status="answered",
        model=ModelId("cloud:large"),
        cost_usd=Decimal("0.000123"),
        duration_s=0.25,
        routing="cloud:large may see up to internal",
        calls=[replace(CALL, prompt=text, answer=text, usage=Usage(10, 5, 2, False, 1, 3))],
        spendings=SPENT,
    )


def opened(database: Database, folder: Path, name: str = "one") -> tuple[ExchangeLedger, Books]:
    books = Books()
    return ExchangeLedger(database, books, folder, name), books


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_call_reads_back_as_it_was_with_what_it_spent(database: Database, tmp_path: Path) -> None:
    ledger, books = opened(database, tmp_path)
    await ledger.start()
    written = exchange()
    ledger.record(written)
    await ledger.close()
    trace = await LedgerReader(database).trace(written.run_id)
    assert trace.run["feature"] == "passthrough"
    assert trace.run["end_user"] == "an\tna"
    assert trace.run["cost_usd"] == Decimal("0.000123")
    assert trace.run["started_at"] == NOW
    assert trace.calls[0]["prompt"] == "What?\n\tTab \\ and � NUL"
    assert trace.calls[0]["price"]["rates"]["input"] == "1"
    assert (trace.calls[0]["cache_write_tokens"], trace.calls[0]["reasoning_tokens"]) == (1, 3)
    assert tuple(books.written) == tuple(books.confirmed) == SPENT
    assert left(tmp_path) == []


async def test_a_call_that_failed_keeps_why_and_what_guardrails_found(database: Database, tmp_path: Path) -> None:
    ledger, _ = opened(database, tmp_path)
    await ledger.start()
    failed = exchange(1)
    failed.status, failed.failure, failed.cost_usd = (
        "failed",
        Failure("provider.timeout", "no \n answer", "wait"),
        None,
    )
    failed.findings = (Finding("secret.aws", 1, 5, "body.messages[0].content"),)
    ledger.record(failed)
    await ledger.close()
    trace = await LedgerReader(database).trace(failed.run_id)
    assert trace.run["error"] == {"code": "provider.timeout", "message": "no \n answer", "hint": "wait"}
    assert trace.run["cost_usd"] is None
    assert trace.verdicts[0]["detail"] == "body.messages[0].content[1:5]"


async def test_what_a_killed_process_left_is_brought_home_once(database: Database, tmp_path: Path) -> None:
    killed = Journal(tmp_path, "killed")
    first, second = exchange(2), exchange(3)
    killed.append(lines(first).record())
    killed.append(lines(second).record())
    torn = lines(exchange(4)).record()
    os.write(killed._files[killed._active], torn[: len(torn) // 2])
    for file in killed._files:
        os.close(file)  # as the kernel does for a process that is gone
    before, _ = opened(database, tmp_path, "before")
    await before.start()
    await before.close()
    ledger, books = opened(database, tmp_path, "after")
    await ledger.start()
    await ledger.close()
    rows = await database.rows("SELECT id FROM run ORDER BY id")
    assert [row["id"] for row in rows] == [first.run_id, second.run_id]
    assert books.written == []
    assert left(tmp_path) == []


async def test_the_journal_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    alive = Journal(tmp_path, "alive")
    alive.append(lines(exchange()).record())
    assert list(left_behind(tmp_path)) == []
    alive.close()
    assert [len(records) for _, records in left_behind(tmp_path)] == [1]


async def test_calls_wait_in_the_journal_while_the_database_is_away(database: Database, tmp_path: Path) -> None:
    away = Database("postgresql://127.0.0.1:1/nowhere")
    ledger, _ = opened(away, tmp_path)
    ledger._writer = asyncio.create_task(ledger._write_until_closed())
    ledger.record(exchange(5))
    await ledger.close()
    found, _ = opened(database, tmp_path, "next")
    await found.start()
    await found.close()
    rows = await database.rows("SELECT id FROM run")
    assert [row["id"] for row in rows] == [exchange(5).run_id]


def test_a_full_disk_is_said_before_the_answer_leaves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    journal = Journal(tmp_path, "full")
    journal.append(b"Rone\n")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:3]))
    with pytest.raises(DiskFull):
        journal.append(b"Rtwo\n")
    monkeypatch.undo()
    journal.append(b"Rthree\n")
    for file in journal._files:
        os.close(file)
    assert [records for _, records in left_behind(tmp_path)] == [[b"Rone\n", b"Rthree\n"], []]


@given(text=st.text())
def test_any_text_stays_on_its_line(text: str) -> None:
    written = exchange(6, text)
    record = lines(written).record()
    assert [line[:1] for line in record.splitlines()] == [b"R", b"C", b"S", b"S"]
    assert read(record) == lines(written)
    assert read(record).spendings == SPENT


async def count(database: Database) -> int:
    row = await database.row("SELECT count(*) AS n FROM run")
    assert row is not None
    number: int = row["n"]
    return number


async def test_a_record_that_cannot_be_brought_home_is_set_aside_and_holds_up_nothing(
    database: Database, tmp_path: Path
) -> None:
    good = [lines(exchange(number)).record() for number in (31, 32)]
    bad = [
        b"\0" * 100 + b"\n", b"X\tno table\n", b"Rtoo few columns\n", b"\xff\n", b"Snot a spending\n",
        good[0].replace(b"passthrough", b"x\t", 1), lines(exchange(33)).record().replace(b"\tanswered\t", b"\t\\N\t"),
    ]  # fmt: skip
    (tmp_path / "gone.a.rows").write_bytes(b"".join(record + b"E\n" for record in [good[0], *bad, good[1]]))
    ledger, _ = opened(database, tmp_path)
    await ledger.start()
    ledger.record(exchange(34))
    await ledger.close()
    assert await count(database) == 3
    kept = tmp_path / "refused.lines"
    assert kept.read_bytes().count(b"no table") == 1
    assert kept.stat().st_mode & 0o077 == 0
    assert left(tmp_path) == [kept]


async def test_what_is_no_journal_of_ours_is_left_as_it_is(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(lines(exchange(41)).record() + b"E\n")
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "linked.a.rows").symlink_to(elsewhere)
    (folder / "folder.a.rows").mkdir()
    os.mkfifo(folder / "pipe.a.rows")
    ledger, _ = opened(database, folder)
    async with asyncio.timeout(5):
        await ledger.start()
    await ledger.close()
    assert await count(database) == 0
    assert len(left(folder)) == 3
    assert caplog.text.count("is left as it is") == 3


def test_a_journal_is_not_written_where_somebody_laid_a_link(tmp_path: Path) -> None:
    (tmp_path / "one.a.rows").symlink_to(tmp_path / "target")
    with pytest.raises(NotWritable, match="File exists"):
        Journal(tmp_path, "one").open()
    assert not (tmp_path / "target").exists()


async def test_calls_that_wait_are_bounded_in_size_too(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "_WAITING_BYTES_MAX", 100_000)
    ledger, _ = opened(database, tmp_path)
    ledger.admit()
    ledger.record(exchange(51, "x" * 60_000))
    with pytest.raises(DatabaseUnavailable):
        ledger.admit()
    await ledger.start()
    async with asyncio.timeout(5):
        while await count(database) < 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    ledger.admit()
    await ledger.close()


class LateDatabase:
    """Says once that a call is there already, then for a while nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.left = [Duplicate("there already"), DatabaseUnavailable("away"), DatabaseUnavailable("away")]

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    def transaction(self) -> object:
        if self.left:
            raise self.left.pop(0)
        return self._database.transaction()

    async def revive(self) -> None:
        return


async def test_a_database_that_goes_away_while_doubles_are_looked_for_ends_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "_PAUSE_S", 0.01)
    late = LateDatabase(database)
    ledger = ExchangeLedger(late, Books(), tmp_path, "one")  # type: ignore[arg-type]
    await ledger.start()
    ledger.record(exchange(61))
    async with asyncio.timeout(5):
        while await count(database) < 1:
            await asyncio.sleep(0.01)
    await ledger.close()
    assert left(tmp_path) == []
