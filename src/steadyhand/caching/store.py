"""Keeps answers in PostgreSQL, with the ones of late in memory. A cache that fails costs time, never an answer."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from steadyhand.caching.keys import Key
from steadyhand.errors import StorageError
from steadyhand.storage import Database

MOST_ROWS = 100_000
"""Answers that are kept; the oldest leave first."""

_LONGEST = 256_000  # bytes of one answer; longer ones are not kept
_MOST_HERE = 2_000  # answers in memory
_LONGEST_HERE = 16_000  # bytes of one of them
_SURE_S = 60.0  # how long the memory is believed: what another process forgets is gone here by then
_SWEEP_EVERY = 1_000  # answers kept between two sweeps

_log = logging.getLogger(__name__)


class _Kept(NamedTuple):
    value: bytes
    until: datetime


class ResponseCache:
    """The answers of a workspace, shared by all its processes. `now` is aware and UTC."""

    def __init__(self, database: Database, now: Callable[[], datetime], *, most_rows: int = MOST_ROWS) -> None:
        self._database = database
        self._now = now
        self._most_rows = most_rows
        self._here: OrderedDict[Key, _Kept] = OrderedDict()
        self._until_sweep = 1

    async def get(self, key: Key) -> bytes | None:
        """The answer kept under the key; None when there is none, when its time is over, or when nobody can say."""
        now = self._now()
        found = self._here.get(key)
        if found is not None and now < found.until:
            self._here.move_to_end(key)
            return found.value
        self._here.pop(key, None)
        try:
            row = await self._database.row(
                "SELECT value, expires_at FROM response_cache WHERE key = %s AND expires_at > %s", [key, now]
            )
        except StorageError as error:
            _log.warning("the response cache cannot be read: %s", error)
            return None
        if row is None:
            return None
        self._remember(key, row["value"], now, row["expires_at"])
        return bytes(row["value"])

    async def put(self, key: Key, value: bytes, ttl_s: float, run_id: str) -> None:
        """Keep an answer for so many seconds, instead of the one that was kept."""
        if len(value) > _LONGEST:
            return
        now = self._now()
        expires_at = now + timedelta(seconds=ttl_s)
        try:
            await self._database.execute(
                "INSERT INTO response_cache (key, run_id, value, created_at, expires_at)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (key) DO UPDATE SET run_id = excluded.run_id,"
                " value = excluded.value, created_at = excluded.created_at, expires_at = excluded.expires_at",
                [key, run_id, value, now, expires_at],
            )
            self._remember(key, value, now, expires_at)
            self._until_sweep -= 1
            if self._until_sweep <= 0:
                self._until_sweep = _SWEEP_EVERY
                await self.sweep()
        except StorageError as error:
            _log.warning("the response cache cannot be written: %s", error)

    async def forget(self, run_ids: Sequence[str]) -> int:
        """Remove the answers of these runs; how many there were. Other processes follow within a minute.

        Raises `StorageError`.
        """
        self._here.clear()
        return await self._database.execute("DELETE FROM response_cache WHERE run_id = ANY(%s)", [list(run_ids)])

    async def clear(self) -> int:
        """Remove every answer; how many there were. Raises `StorageError`."""
        self._here.clear()
        return await self._database.execute("DELETE FROM response_cache")

    async def sweep(self) -> int:
        """Remove what is over, and the oldest of what is too much; how many. Raises `StorageError`."""
        over = await self._database.execute("DELETE FROM response_cache WHERE expires_at <= %s", [self._now()])
        return over + await self._database.execute(
            "DELETE FROM response_cache WHERE key IN"
            " (SELECT key FROM response_cache ORDER BY created_at DESC, key OFFSET %s)",
            [self._most_rows],
        )

    def _remember(self, key: Key, value: bytes, now: datetime, expires_at: datetime) -> None:
        if len(value) > _LONGEST_HERE:
            return
        self._here[key] = _Kept(bytes(value), min(expires_at, now + timedelta(seconds=_SURE_S)))
        self._here.move_to_end(key)
        while len(self._here) > _MOST_HERE:
            self._here.popitem(last=False)
