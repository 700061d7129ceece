"""Connections to PostgreSQL. Capabilities keep their SQL in their own `store.py` and run it through here."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from steadyhand.errors import DatabaseUnavailable
from steadyhand.storage.failures import translated

Row = dict[str, Any]  # a row of SQL: its reader knows the columns
Params = Mapping[str, object] | Sequence[object]
Result = TypeVar("Result")

CONNECT_TIMEOUT_S = 15

logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # it reports every try; we raise one clear error


def jsonb(value: object) -> Jsonb:
    """A value for a `jsonb` column."""
    return Jsonb(value)


class Transaction:
    """Statements that become true together, or not at all."""

    def __init__(self, connection: psycopg.AsyncConnection[Row]) -> None:
        self._connection = connection

    @property
    def connection(self) -> psycopg.AsyncConnection[Row]:
        """For a library that takes part in the transaction, such as that of the jobs."""
        return self._connection

    async def rows(self, sql: str, params: Params = ()) -> list[Row]:
        cursor = await self._connection.execute(sql.encode(), params)
        return await cursor.fetchall()

    async def row(self, sql: str, params: Params = ()) -> Row | None:
        cursor = await self._connection.execute(sql.encode(), params)
        return await cursor.fetchone()

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement; returns how many rows it touched."""
        cursor = await self._connection.execute(sql.encode(), params)
        return cursor.rowcount

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Append rows with COPY, the fastest way in. `table` and `columns` are our own words, never a caller's."""
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        async with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                await copy.write_row(row)

    async def copy_text(self, table: str, columns: Sequence[str], lines: bytes) -> None:
        """Append rows that are written in COPY's text format already, each line with its end."""
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        async with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            await copy.write(lines)


class Database:
    """A pool of connections. `revive` is called when the server seems to be gone; it may block."""

    def __init__(self, url: str, revive: Callable[[], None] | None = None, *, max_connections: int = 10) -> None:
        self.url = url
        self._revive = revive
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Row]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=max_connections,
            open=False,
            timeout=CONNECT_TIMEOUT_S,
            kwargs={"row_factory": dict_row, "autocommit": True, "connect_timeout": CONNECT_TIMEOUT_S},
        )

    async def open(self) -> None:
        """Connect. Raises `DatabaseUnavailable` within seconds when nobody answers."""
        with translated():
            await self._pool.open(wait=True, timeout=CONNECT_TIMEOUT_S)

    async def close(self) -> None:
        await self._pool.close()

    async def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """All rows of a query. A query is asked again once when its connection broke."""

        async def ask() -> list[Row]:
            async with self._connection() as connection:
                return await Transaction(connection).rows(sql, params)

        return await self._with_revival(ask)

    async def row(self, sql: str, params: Params = ()) -> Row | None:
        """The first row of a query, or None."""
        rows = await self.rows(sql, params)
        return rows[0] if rows else None

    async def execute(self, sql: str, params: Params = ()) -> int:
        """One statement in a transaction of its own; returns how many rows it touched."""
        async with self.transaction() as transaction:
            return await transaction.execute(sql, params)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Committed when the block ends, rolled back when it raises."""
        async with self._connection() as connection:
            with translated():
                async with connection.transaction():
                    yield Transaction(connection)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Transaction]:
        """One connection whose statements become true one by one, for those that no transaction may hold."""
        async with self._connection() as connection:
            yield Transaction(connection)

    async def revive(self) -> None:
        """Start the embedded server again when it is gone, and forget the connections it had."""
        if self._revive is not None:
            await asyncio.to_thread(self._revive)
        with translated():
            await self._pool.check()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Row]]:
        with translated():
            async with self._pool.connection() as connection:
                yield connection

    async def _with_revival(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await ask()
        except DatabaseUnavailable:
            await self.revive()
            return await ask()
