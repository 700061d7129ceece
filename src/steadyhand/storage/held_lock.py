"""A lock that is free the moment its process is gone: a session lock of PostgreSQL on a connection of its own."""

import psycopg

from steadyhand.storage.database import CONNECT_TIMEOUT_S
from steadyhand.storage.failures import translated

_SERVER_SETTINGS = " ".join(
    f"-c tcp_{name}" for name in ("keepalives_idle=10", "keepalives_interval=5", "keepalives_count=3")
)
"""The server notices within 25 s that another machine has vanished; a killed process it notices at once."""


class HeldLock:
    """The advisory lock (`family`, `number`), held from `take` until `release`, or until its connection breaks.

    The address must lead to PostgreSQL itself, or to a pooler that keeps sessions.
    """

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection

    @classmethod
    async def take(cls, database_url: str, family: int, number: int) -> "HeldLock":
        """Wait for the lock and hold it. Raises `StorageError`."""
        with translated():
            connection = await psycopg.AsyncConnection.connect(
                database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, options=_SERVER_SETTINGS
            )
            try:
                await connection.execute("SELECT pg_advisory_lock(%s, %s)", [family, number])
            except BaseException:
                await connection.close()
                raise
        return cls(connection)

    async def is_held(self) -> bool:
        """Asks the server; False for good once the connection broke."""
        try:
            await self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    async def release(self) -> None:
        await self._connection.close()
