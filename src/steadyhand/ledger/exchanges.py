"""Puts gateway calls on disk: into the journal before the answer leaves, into the database a moment later.

A call is journalled with one write and no wait. A writer gathers what has come and commits it in one COPY each
table; at a thousand calls a second a commit carries fifty of them, and costs each of them microseconds.
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from steadyhand.errors import DatabaseUnavailable, Duplicate, StorageError
from steadyhand.ledger.booking import Booking
from steadyhand.ledger.journal import Journal, left_behind
from steadyhand.ledger.lines import TABLES, Lines, lines, read
from steadyhand.storage import Database, Transaction
from steadyhand.types.exchange import Exchange
from steadyhand.types.quota import Spending, Unit

_GATHER_S = 0.05  # how long calls gather before a commit: they are in the journal already
_BATCH = 1_000
_WAITING_MAX = 20_000  # calls that may wait for a database that is away, before new ones are refused
_WAITING_BYTES_MAX = 512 * 2**20  # and how large they may be together: a body may have 32 MB
_PAUSE_S = 1.0  # between two tries while the database is away

_ZERO = Decimal(0)

_log = logging.getLogger(__name__)


class ExchangeLedger:
    """The writer of one process. `start` it in the event loop that records, `close` it before that ends.

    `folder` holds the journals of all processes of a workspace; `name` is this process's own, never used again.
    """

    def __init__(self, database: Database, booking: Booking, folder: Path, name: str) -> None:
        self._database = database
        self._booking = booking
        self._folder = folder
        self._journal = Journal(folder, name)
        self._waiting: list[Lines] = []
        self._unwritten_bytes = 0
        self._has_some = asyncio.Event()
        self._is_closing = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bring home what processes that are gone left behind, then begin to write."""
        for path, records in left_behind(self._folder):
            for begin in range(0, len(records), _BATCH):
                await self._bring_home(records[begin : begin + _BATCH])
            path.unlink()
        self._writer = asyncio.create_task(self._write_until_closed(), name="exchanges")

    async def close(self) -> None:
        """Write what is still waiting, then stop; what cannot be written stays in the journal."""
        self._is_closing.set()
        self._has_some.set()
        if self._writer is not None:
            with suppress(asyncio.CancelledError):
                await self._writer
        self._journal.close()

    def admit(self) -> None:
        """Raises `DatabaseUnavailable` when too many calls wait to be written, and what opening the journal raises.

        A call that could not be recorded is refused before anybody is asked.
        """
        self._journal.open()
        if len(self._waiting) >= _WAITING_MAX or self._unwritten_bytes >= _WAITING_BYTES_MAX:
            raise DatabaseUnavailable(
                f"expected a database that takes rows; {len(self._waiting)} calls wait to be recorded",
                hint="see the log of PostgreSQL",
            )

    def record(self, exchange: Exchange) -> None:
        """Returns when the call's rows are in the journal. Raises `StorageError`."""
        written = lines(exchange)
        record = written.record()
        self._journal.append(record)
        self._waiting.append(written)
        self._unwritten_bytes += len(record)
        if len(self._waiting) == 1:
            self._has_some.set()

    async def _write_until_closed(self) -> None:
        while True:
            await self._has_some.wait()
            if not self._is_closing.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_closing.wait(), _GATHER_S)
            self._has_some.clear()
            batch, self._waiting = self._waiting, []
            size_bytes = self._unwritten_bytes
            turn = self._journal.turn()
            for begin in range(0, len(batch), _BATCH):
                if not await self._write(batch[begin : begin + _BATCH]):
                    return
            self._journal.empty(turn)
            self._unwritten_bytes -= size_bytes
            if self._is_closing.is_set() and not self._waiting:
                return

    async def _bring_home(self, records: Sequence[bytes]) -> None:
        """Write what another process left. What is no record, or what the database will not have, is set aside."""
        calls = []
        for record in records:
            try:
                calls.append(read(record))
            except StorageError as error:
                await self._set_aside(record, error)
        try:
            await self._add_missing(calls)
        except DatabaseUnavailable:
            raise
        except StorageError as error:
            await self._refuse(calls, error)

    async def _write(self, calls: Sequence[Lines]) -> bool:
        """Write until it is done; False when the process closes before the database came back."""
        add = self._commit
        while True:
            try:
                await add(calls)
            except DatabaseUnavailable as error:
                if self._is_closing.is_set():
                    _log.error("%d calls stay in the journal: %s", len(calls), error)
                    return False
                await self._wait_for_database(error)
                continue
            except StorageError as error:
                if isinstance(error, Duplicate) and add == self._commit:
                    add = self._add_missing  # an earlier commit's answer was lost
                    continue
                await self._refuse(calls, error)
            return True

    async def _wait_for_database(self, error: DatabaseUnavailable) -> None:
        _log.warning("calls wait in the journal: %s", error)
        with suppress(StorageError):
            await self._database.revive()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_closing.wait(), _PAUSE_S)

    async def _refuse(self, calls: Sequence[Lines], error: StorageError) -> None:
        """One record that the database will not have must take no other along; it is kept in a file of its own."""
        if len(calls) > 1:
            for call in calls:
                await self._write([call])
            return
        await self._set_aside(calls[0].record(), error)

    async def _set_aside(self, record: bytes, error: StorageError) -> None:
        kept = self._folder / "refused.lines"
        _log.error("a call could not be recorded and is kept in %s: %s", kept, error)
        await asyncio.to_thread(_append, kept, record)

    async def _add_missing(self, calls: Sequence[Lines]) -> None:
        """Write those calls that are not there yet."""
        ids = [call.rows[0][1][:26] for call in calls]
        rows = await self._database.rows("SELECT id FROM run WHERE id = ANY(%s)", [ids])
        there = {row["id"] for row in rows}
        missing = [call for run_id, call in zip(ids, calls, strict=True) if run_id not in there]
        if missing:
            await self._commit(missing)

    async def _commit(self, calls: Sequence[Lines]) -> None:
        spendings = _together(calls)
        async with self._database.transaction() as transaction:
            await _copy(transaction, calls)
            if spendings:
                await self._booking.book(transaction, spendings)
        if spendings:
            self._booking.booked(spendings)


async def _copy(transaction: Transaction, calls: Sequence[Lines]) -> None:
    by_table: dict[str, list[str]] = {letter: [] for letter in TABLES}
    for call in calls:
        for letter, line in call.rows:
            by_table[letter].append(line)
    for letter, (table, columns) in TABLES.items():
        if by_table[letter]:
            await transaction.copy_text(table, columns, "".join(by_table[letter]).encode("utf-8", "replace"))


def _together(calls: Sequence[Lines]) -> list[Spending]:
    """What all of the calls used, one for each window of a limit."""
    used: dict[tuple[str, Unit, int], Decimal] = {}
    for call in calls:
        for spent in call.spendings:
            window = (spent.scope, spent.unit, spent.window)
            used[window] = used.get(window, _ZERO) + spent.amount
    return [Spending(*window, amount) for window, amount in used.items()]


def _append(path: Path, content: bytes) -> None:
    with open(path, "ab", opener=_for_us) as file:
        file.write(content)


def _for_us(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
