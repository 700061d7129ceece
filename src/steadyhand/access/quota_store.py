"""Quotas in the database: what was used of a limit's window, and what processes hold of the rest.

`used` plus all leases never exceeds the limit when a lease is given. Rows are locked in one order everywhere: those
of `quota` before those of `quota_lease`, each by their key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from steadyhand.storage import Database, Transaction
from steadyhand.storage.held_lock import HeldLock
from steadyhand.types.quota import WINDOW_S, Limit, Unit

Window: TypeAlias = tuple[str, Unit, int]
"""Scope, unit and number: one window of one limit."""

Amounts: TypeAlias = Mapping[Window, Decimal]

_FAMILY = 0x57EAD  # of advisory locks: the holders of leases, from 1
_AMPLE = 8  # so many times a lease must be left for it to be larger than needed
_KEPT: dict[Unit, int] = {"usd": 40, "requests": 10, "tokens": 10}  # windows, before they are forgotten

_KEYS = "unnest(%(scopes)s::text[], %(units)s::text[], %(numbers)s::bigint[])"
_KEYS_AMOUNTS = "unnest(%(scopes)s::text[], %(units)s::text[], %(numbers)s::bigint[], %(amounts)s::numeric[])"
_IS_OURS = "l.scope = d.scope AND l.unit = d.unit AND l.window_no = d.window_no AND l.holder = %(holder)s"
_ONE = "scope = %(scope)s AND unit = %(unit)s AND window_no = %(number)s"


@dataclass(frozen=True, slots=True)
class Grant:
    """`amount` is 0 when there was no room; `left` is what the limit had left for everybody before."""

    amount: Decimal
    left: Decimal


def granted(left: Decimal, least: Decimal, wanted: Decimal) -> Decimal:
    """How much to lease: `wanted` while there is plenty, exactly `least` near the limit, 0 when that is not left.

    So nothing lies idle with one process that another one could use up to the limit.
    """
    if left < least:
        return Decimal(0)
    return max(least, wanted) if left >= _AMPLE * wanted else least


class QuotaStore:
    """What is leased is leased to a holder: a number whose advisory lock is held while its process lives."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self) -> tuple[int, HeldLock]:
        """The number of a new holder, and its lock."""
        row = await self._database.row("SELECT nextval('quota_holder')::integer AS number")
        assert row is not None
        number: int = row["number"]
        return number, await HeldLock.take(self._database.url, _FAMILY, number)

    async def lease(self, holder: int, limit: Limit, number: int, least: Decimal, wanted: Decimal) -> Grant:
        """Lease at least `least`, better `wanted`, of window `number` of the limit, or nothing.

        One process after the other: the row of the window is locked. What dead processes held of it is taken back
        when it is needed. A commit that is lost with the server costs nothing: every lease is void then.
        """
        values = {"scope": limit.scope, "unit": limit.unit, "number": number, "holder": holder, "family": _FAMILY}
        async with self._database.transaction() as transaction:
            used = await _sum(
                transaction,
                "INSERT INTO quota (scope, unit, window_no) VALUES (%(scope)s, %(unit)s, %(number)s)"
                " ON CONFLICT (scope, unit, window_no) DO UPDATE SET used = quota.used"
                " RETURNING used AS sum, set_config('synchronous_commit', 'off', true)",
                values,
            )
            leased = await _sum(transaction, f"SELECT sum(amount) FROM quota_lease WHERE {_ONE}", values)
            left = limit.most - used - leased
            if left < least:
                left += await _sum(
                    transaction,
                    f"WITH void AS (DELETE FROM quota_lease WHERE {_ONE}"
                    " AND pg_try_advisory_xact_lock_shared(%(family)s, holder) RETURNING amount)"
                    " SELECT sum(amount) FROM void",
                    values,
                )
            amount = granted(left, least, wanted)
            if amount:
                await transaction.execute(
                    "INSERT INTO quota_lease AS l (scope, unit, window_no, holder, amount)"
                    " VALUES (%(scope)s, %(unit)s, %(number)s, %(holder)s, %(amount)s)"
                    " ON CONFLICT (scope, unit, window_no, holder)"
                    " DO UPDATE SET amount = l.amount + excluded.amount",
                    {**values, "amount": amount},
                )
        return Grant(amount, left)

    async def used_usd(self, day: int) -> dict[str, Decimal]:
        """What was spent on a day, counted since the epoch, by the scope of each limit that was met."""
        rows = await self._database.rows(
            "SELECT scope, used FROM quota WHERE unit = 'usd' AND window_no = %s", [day]
        )
        return {row["scope"]: row["used"] for row in rows}

    async def book(self, transaction: Transaction, holder: int, used: Amounts, covered: Amounts) -> None:
        """Add what was used, and take what was leased for it from the holder's leases."""
        await transaction.execute(
            "INSERT INTO quota AS q (scope, unit, window_no, used)"
            f" SELECT * FROM {_KEYS_AMOUNTS} AS d (scope, unit, window_no, used) ORDER BY 1, 2, 3"
            " ON CONFLICT (scope, unit, window_no) DO UPDATE SET used = q.used + excluded.used",
            _arrays(list(used), used),
        )
        if covered:
            await _lower(transaction, holder, covered)

    async def give_back(self, holder: int, unused: Amounts, idle: Sequence[Window]) -> None:
        """Lower leases by what is `unused`, and end those that are `idle`."""
        async with self._database.transaction() as transaction:
            if idle:
                await transaction.execute(
                    f"DELETE FROM quota_lease AS l USING {_KEYS} AS d (scope, unit, window_no) WHERE {_IS_OURS}",
                    {**_arrays(idle), "holder": holder},
                )
            if unused:
                await _lower(transaction, holder, unused)

    async def forget(self, holder: int) -> None:
        """End all leases of a holder."""
        await self._database.execute("DELETE FROM quota_lease WHERE holder = %s", [holder])

    async def prune(self, now_s: float) -> None:
        """Delete windows that are long over, and leases of dead processes."""
        oldest = {unit: int(now_s // WINDOW_S[unit]) - kept for unit, kept in _KEPT.items()}
        async with self._database.transaction() as transaction:
            alone = await transaction.row("SELECT pg_try_advisory_xact_lock(%s, 0) AS got", [_FAMILY])
            if alone is None or not alone["got"]:
                return  # another process does it
            for unit, number in oldest.items():
                await transaction.execute("DELETE FROM quota WHERE unit = %s AND window_no < %s", [unit, number])
            await transaction.execute(
                "DELETE FROM quota_lease WHERE pg_try_advisory_xact_lock_shared(%s, holder)", [_FAMILY]
            )


async def _lower(transaction: Transaction, holder: int, amounts: Amounts) -> None:
    await transaction.execute(
        "UPDATE quota_lease AS l SET amount = greatest(l.amount - d.amount, 0) FROM ("
        f"SELECT l.scope, l.unit, l.window_no, d.amount FROM {_KEYS_AMOUNTS} AS d (scope, unit, window_no, amount)"
        f" JOIN quota_lease AS l ON {_IS_OURS} ORDER BY 1, 2, 3 FOR UPDATE OF l) AS d WHERE {_IS_OURS}",
        {**_arrays(list(amounts), amounts), "holder": holder},
    )


async def _sum(transaction: Transaction, sql: str, values: Mapping[str, object]) -> Decimal:
    row = await transaction.row(sql, values)
    return (row["sum"] if row else None) or Decimal(0)


def _arrays(windows: Sequence[Window], amounts: Amounts | None = None) -> dict[str, object]:
    """The columns of some windows, for `unnest`."""
    found: dict[str, object] = {
        "scopes": [scope for scope, _, _ in windows],
        "units": [unit for _, unit, _ in windows],
        "numbers": [number for _, _, number in windows],
    }
    if amounts is not None:
        found["amounts"] = [amounts[window] for window in windows]
    return found
