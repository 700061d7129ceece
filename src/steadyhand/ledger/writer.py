"""Puts runs on disk. A run's rows are committed together, and runs that end at the same time share one commit.

Group commit: while one transaction is being made durable the next runs gather, and then go in one COPY each
table. `record` returns after the commit, so no answer leaves before its rows are on disk.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from steadyhand.errors import DatabaseUnavailable, Duplicate, StorageError
from steadyhand.ledger.booking import Booking
from steadyhand.ledger.rows import TABLES, rows_of
from steadyhand.storage import Database
from steadyhand.types.run import Run

_BATCH = 256  # runs per commit: enough to make the fsync cheap, few enough to keep the wait short
_ATTEMPTS = 3
_PATIENCE_S = 60.0  # how long a server that accepts and never answers is waited for

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    run: Run
    written: "asyncio.Future[None]"


class Ledger:
    """The writer of one process. `start` it in the event loop that will record, `close` it before that ends."""

    def __init__(self, database: Database, booking: Booking) -> None:
        self._database = database
        self._booking = booking
        self._waiting: asyncio.Queue[_Entry] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write_forever(), name="ledger")

    async def close(self) -> None:
        """Write what is still waiting, then stop."""
        await self._waiting.join()
        if self._writer is not None:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer

    async def record(self, run: Run) -> None:
        """Returns once the run is on disk. Raises `StorageError` when it could not be written."""
        entry = _Entry(run, asyncio.get_running_loop().create_future())
        self._waiting.put_nowait(entry)
        await entry.written

    async def _write_forever(self) -> None:
        while True:
            entries = [await self._waiting.get()]
            while len(entries) < _BATCH and not self._waiting.empty():
                entries.append(self._waiting.get_nowait())
            await self._settle(entries)
            for _ in entries:
                self._waiting.task_done()

    async def _settle(self, entries: list[_Entry]) -> None:
        """Write the batch and tell everybody who waits how it went. A run that is refused takes no other along."""
        failure = await self._failure_of([entry.run for entry in entries])
        if len(entries) > 1 and type(failure) is StorageError:
            for entry in entries:
                await self._settle([entry])
            return
        for entry in entries:
            if entry.written.done():
                continue  # the caller went away; the run is recorded all the same
            if failure is None:
                entry.written.set_result(None)
            else:
                entry.written.set_exception(failure)

    async def _failure_of(self, runs: list[Run]) -> StorageError | None:
        """Why the runs could not be written; None when they are on disk."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._write(runs)
        except StorageError as error:
            return error
        except TimeoutError:
            return DatabaseUnavailable(f"the database did not answer within {_PATIENCE_S:g} s")
        except Exception as error:  # noqa: BLE001 - without the writer every later run would wait for ever
            _log.error("the ledger's writer broke on %s", [run.id for run in runs], exc_info=error)
            return StorageError(f"the run could not be recorded: {type(error).__name__}")
        return None

    async def _write(self, runs: list[Run]) -> None:
        """One transaction; tried again when the server was away.

        When a commit's answer was lost, the second try meets its own rows: they are there, which is the goal.
        """
        for attempt in range(_ATTEMPTS):
            try:
                await self._commit(runs)
            except Duplicate:
                if attempt == 0:
                    raise
            except DatabaseUnavailable:
                if attempt == _ATTEMPTS - 1:
                    raise
                await self._database.revive()
                continue
            return

    async def _commit(self, runs: Sequence[Run]) -> None:
        batch = [rows_of(run) for run in runs]
        spendings = [spending for run in runs for spending in run.spendings]
        async with self._database.transaction() as transaction:
            for table, columns in TABLES.items():
                rows = [row for rows in batch for row in rows[table]]
                if rows:
                    await transaction.copy(table, columns, rows)
            if spendings:
                await self._booking.book(transaction, spendings)
        if spendings:
            self._booking.booked(spendings)
