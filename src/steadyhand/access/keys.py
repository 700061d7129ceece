"""Keys of the HTTP API, and whose they are."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steadyhand.access import secrets
from steadyhand.access.limits import listed
from steadyhand.errors import NotFound, Unauthenticated
from steadyhand.storage import Database, Row
from steadyhand.types.quota import WINDOW_S
from steadyhand.types.run import Principal, RoleName

PREFIX = "sh_"
SHOW_A_KEY = "send the header Authorization: Bearer sh_...; `steadyhand keys create NAME` makes a key"
"""The hint for who shows no key, or one that does not open."""

_LIMITS = "usd_per_day, requests_per_minute, tokens_per_minute, models"

SHOWN = f"id, name, role, labels, {_LIMITS}"
"""The columns of `access_key` that `holder` reads."""


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key may use at most; None leaves it to `[limits.key]` of the settings.

    `models` are patterns such as `openai:*` of what it may call through the gateway, empty for everything.
    """

    usd_per_day: Decimal | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    models: tuple[str, ...] = ()


UNLIMITED = KeyLimits()


@dataclass(frozen=True, slots=True)
class KeySummary:
    """A key as lists show it; the key itself is nowhere.

    `used_usd` is what it spent since midnight UTC; it is counted for keys that have a limit of US dollars.
    `labels` say which documents its holder sees besides those for everyone; an admin sees all.
    """

    id: str
    name: str
    role: RoleName
    created_at: datetime
    revoked_at: datetime | None
    usd_per_day: Decimal | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    models: tuple[str, ...]
    used_usd: Decimal | None
    labels: tuple[str, ...] = ()


class Keys:
    """`randomness(n)` gives n unpredictable bytes, `now` is aware and UTC."""

    def __init__(self, database: Database, randomness: Callable[[int], bytes], now: Callable[[], datetime]) -> None:
        self._database = database
        self._randomness = randomness
        self._now = now

    async def create(
        self, name: str, role: RoleName, limits: KeyLimits = UNLIMITED, labels: Collection[str] = ()
    ) -> str:
        """A new key: the only time it is seen. `labels` are those of documents that its holder may see."""
        key = PREFIX + secrets.new(self._randomness)
        await self._database.execute(
            f"INSERT INTO access_key (hash, {SHOWN}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [secrets.hashed(key), key[:10], name, role, sorted(labels), *_columns(limits)],
        )
        return key

    async def create_first(self) -> str | None:
        """An admin key when there is no key at all, else None. Safe when several processes start at once."""
        key = PREFIX + secrets.new(self._randomness)
        async with self._database.transaction() as transaction:
            await transaction.execute("LOCK TABLE access_key IN SHARE ROW EXCLUSIVE MODE")
            if await transaction.row("SELECT 1 FROM access_key LIMIT 1"):
                return None
            await transaction.execute(
                "INSERT INTO access_key (id, name, role, hash) VALUES (%s, 'first', 'admin', %s)",
                [key[:10], secrets.hashed(key)],
            )
        return key

    async def revoke(self, key_id: str) -> None:
        """End a key and the sessions opened with it. Raises `NotFound`."""
        touched = await self._database.execute(
            "UPDATE access_key SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", [key_id]
        )
        if touched == 0:
            raise _not_in_force(key_id)

    async def limits(self, key_id: str) -> KeyLimits:
        """What the key may use by its own limits. Raises `NotFound`."""
        row = await self._database.row(
            f"SELECT {_LIMITS} FROM access_key WHERE id = %s AND revoked_at IS NULL", [key_id]
        )
        if row is None:
            raise _not_in_force(key_id)
        return KeyLimits(**{**row, "models": tuple(row["models"])})

    async def limit(self, key_id: str, limits: KeyLimits) -> None:
        """Change what the key may use: in force in every process after 5 seconds. Raises `NotFound`."""
        touched = await self._database.execute(
            f"UPDATE access_key SET ({_LIMITS}) = (%s, %s, %s, %s) WHERE id = %s AND revoked_at IS NULL",
            [*_columns(limits), key_id],
        )
        if touched == 0:
            raise _not_in_force(key_id)

    async def label(self, key_id: str, labels: Collection[str]) -> None:
        """Let the key's holder see documents of these labels and no others: in force after 5 seconds.

        Documents for everyone stay seen. Raises `NotFound`.
        """
        touched = await self._database.execute(
            "UPDATE access_key SET labels = %s WHERE id = %s AND revoked_at IS NULL", [sorted(labels), key_id]
        )
        if touched == 0:
            raise _not_in_force(key_id)

    async def list(self) -> list[KeySummary]:
        """Every key, the oldest first, with what it used today."""
        today = int(self._now().timestamp() // WINDOW_S["usd"])
        rows = await self._database.rows(
            f"SELECT {SHOWN}, created_at, revoked_at, used AS used_usd FROM access_key"
            " LEFT JOIN quota ON scope = 'key:' || id AND unit = 'usd' AND window_no = %s ORDER BY created_at",
            [today],
        )
        return [
            KeySummary(**{**row, "models": tuple(row["models"]), "labels": tuple(row["labels"])}) for row in rows
        ]

    async def principal(self, key: str) -> Principal:
        """Who holds the key. Raises `Unauthenticated`."""
        row = await self._database.row(
            f"SELECT {SHOWN} FROM access_key WHERE hash = %s AND revoked_at IS NULL", [secrets.hashed(key)]
        )
        return holder(row, "the key is not known or was revoked")


def holder(row: Row | None, otherwise: str) -> Principal:
    """Who holds the key of this row with the columns `SHOWN`. Without one, raises `Unauthenticated(otherwise)`."""
    if row is None:
        raise Unauthenticated(otherwise, hint=SHOW_A_KEY)
    limits = listed(f"key:{row['id']}", row["usd_per_day"], row["requests_per_minute"], row["tokens_per_minute"])
    return Principal(
        name=row["name"],
        role=row["role"],
        key_id=row["id"],
        limits=limits,
        models=tuple(row["models"]),
        labels=frozenset(row["labels"]),
    )


def _columns(limits: KeyLimits) -> list[object]:
    """In the order of `_LIMITS`."""
    return [limits.usd_per_day, limits.requests_per_minute, limits.tokens_per_minute, list(limits.models)]


def _not_in_force(key_id: str) -> NotFound:
    return NotFound(f"expected a key in force; found none with the id {key_id!r}", hint="steadyhand keys list")
