"""Signed-in browsers: a session is opened with a key, ends with it, and after `LIFETIME` at the latest."""

from collections.abc import Callable
from datetime import datetime, timedelta

from steadyhand.access import secrets
from steadyhand.access.keys import SHOWN, Keys, holder
from steadyhand.storage import Database
from steadyhand.types.run import Principal

LIFETIME = timedelta(hours=12)


class Sessions:
    """`randomness(n)` gives n unpredictable bytes, `now` is aware and UTC."""

    def __init__(
        self, database: Database, keys: Keys, randomness: Callable[[int], bytes], now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._keys = keys
        self._randomness = randomness
        self._now = now

    async def open(self, key: str) -> str:
        """A token for a browser that showed a key: the only time it is seen. Raises `Unauthenticated`."""
        principal = await self._keys.principal(key)
        token = secrets.new(self._randomness)
        await self._database.execute(
            "INSERT INTO access_session (hash, key_id, expires_at) VALUES (%s, %s, %s)",
            [secrets.hashed(token), principal.key_id, self._now() + LIFETIME],
        )
        return token

    async def close(self, token: str) -> None:
        """End the session; a token of none is no error."""
        await self._database.execute("DELETE FROM access_session WHERE hash = %s", [secrets.hashed(token)])

    async def principal(self, token: str) -> Principal:
        """Who is signed in with this token. Raises `Unauthenticated`."""
        row = await self._database.row(
            f"SELECT {SHOWN} FROM access_session s JOIN access_key k ON k.id = s.key_id"
            " WHERE s.hash = %s AND s.expires_at > %s AND k.revoked_at IS NULL",
            [secrets.hashed(token), self._now()],
        )
        return holder(row, "the session has ended")
