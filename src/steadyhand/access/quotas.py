"""Budgets and rates: set aside before a call, settled after it, exact across processes.

A process uses what it has leased from the database, and asks for more when that is used up: most calls meet no
database. What was used is booked in the transaction that writes the ledger's rows, so `quota.used` is the sum of
what is recorded. What a process had leased and not booked when it was killed is free again at once.

A limit that is lowered counts from the next lease on: until then a process may use the 2 % it holds.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal

from steadyhand.access.account import Account, Held
from steadyhand.access.quota_store import Grant, QuotaStore, Window
from steadyhand.errors import BudgetExceeded, DatabaseUnavailable, RateLimited, SteadyhandError, StorageError
from steadyhand.storage import Database, Transaction
from steadyhand.storage.held_lock import HeldLock
from steadyhand.types.quota import WINDOW_S, Limit, Reservation, Spending

_SHARE = Decimal("0.02")  # of a limit: what a lease has when a call needs less
_SWEEP_S = 1.0  # what was not needed for so long goes back, so that other processes are not starved
_PRUNE_S = 600.0
_REFUSED_S = 0.1  # how long a refusal stands without asking again, so that a flood of calls is none of questions

_ZERO, _ONE = Decimal(0), Decimal(1)

_log = logging.getLogger(__name__)


class Quotas:
    """The limits as one process sees them; it is a `Reserve` and a ledger's `Booking`. `time`: seconds since 1970.

    The first call under a limit opens a connection that tells other processes that this one lives. Use it in one
    event loop, and `close` it after the ledger's writers, before the database.
    """

    def __init__(self, database: Database, time: Callable[[], float]) -> None:
        self._database = database
        self._store = QuotaStore(database)
        self._time = time
        self._accounts: dict[Window, Account] = {}
        self._holding = asyncio.Lock()
        self._holder: tuple[int, HeldLock] | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._prune_at_s = 0.0

    async def __call__(self, limits: tuple[Limit, ...], *, usd: Decimal, tokens: int) -> Reservation:
        """Set aside what a call may use at most, and one request, under every limit at once.

        A call that may take more tokens than a whole window has takes the window's. Raises `BudgetExceeded` or
        `RateLimited`, and `StorageError` when the database had to be asked and did not answer; then nothing is set
        aside.
        """
        now_s = self._time()
        day, minute = int(now_s // WINDOW_S["usd"]), int(now_s // WINDOW_S["tokens"])
        needed = Decimal(tokens)
        held = Held()
        try:
            for limit in limits:
                unit = limit.unit
                if unit == "usd":
                    key: Window = (limit.scope, "usd", day)
                    amount = usd
                else:
                    key = (limit.scope, unit, minute)
                    amount = _ONE if unit == "requests" else min(needed, limit.most)
                account = self._accounts.get(key)
                if account is None:
                    account = self._accounts[key] = Account(key)
                if account.room < amount and amount:
                    await self._lease(account, limit, amount)
                held.add(account, amount)
        except BaseException:
            held.release()
            raise
        return held

    async def book(self, transaction: Transaction, spendings: Sequence[Spending]) -> None:
        """Make spendings true in the transaction that writes their rows, also those of a process that is gone."""
        used = _summed(spendings)
        found = {window: account for window in used if (account := self._accounts.get(window))}
        covered = {window: account.covered(used[window]) for window, account in found.items()}
        number = self._holder[0] if self._holder else 0
        await self._store.book(
            transaction, number, used, {key: amount for key, amount in covered.items() if amount}
        )

    def booked(self, spendings: Sequence[Spending]) -> None:
        """That transaction was committed. What is never booked takes room until `close`."""
        for window, amount in _summed(spendings).items():
            account = self._accounts.get(window)
            if account is not None:
                account.booked(amount)

    async def sweep(self) -> None:
        """Give back what was not needed since the last time. Runs every second once something was leased."""
        await self._check_holder()
        idle = [account for account in self._accounts.values() if account.is_idle()]
        unused = {
            account.window: amount for account in self._accounts.values() if (amount := account.take_unused())
        }
        for account in idle:
            await account.lock.acquire()  # nobody has it: this does not wait, and holds back the next lease
        try:
            if self._holder is not None and (idle or unused):
                await self._store.give_back(self._holder[0], unused, [account.window for account in idle])
        finally:
            for account in idle:
                account.lock.release()
                if account.is_idle():
                    self._accounts.pop(account.window, None)  # another sweep may have been first
        if self._time() >= self._prune_at_s:
            self._prune_at_s = self._time() + _PRUNE_S
            await self._store.prune(self._time())

    async def close(self) -> None:
        """Give everything back and be gone; may be repeated."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        holder, self._holder = self._holder, None
        self._accounts.clear()
        if holder is not None:
            with suppress(StorageError):  # when its lock is free its leases are void, whether they are there or not
                await self._store.forget(holder[0])
            await holder[1].release()

    async def _lease(self, account: Account, limit: Limit, amount: Decimal) -> None:
        """Returns when the account has room. Of the calls that find none, one asks the database and all wait."""
        account.waiting += 1
        try:
            async with account.lock:
                while account.room < amount:
                    least = amount - account.room
                    if self._time() < account.refused_until_s and least > account.refused_left:
                        raise _refusal(limit, amount, amount - least + account.refused_left, self._time())
                    wanted = max(least, _SHARE * limit.most)
                    grant = await self._granted(limit, account.window[2], least, wanted)
                    if not grant.amount:
                        account.refused_until_s, account.refused_left = self._time() + _REFUSED_S, grant.left
                        raise _refusal(limit, amount, amount - least + grant.left, self._time())
                    account.leased(grant.amount, keep=_SHARE * limit.most)
        finally:
            account.waiting -= 1

    async def _granted(self, limit: Limit, number: int, least: Decimal, wanted: Decimal) -> Grant:
        """The database's word, asked again once when it was away."""
        try:
            return await self._store.lease(await self._number(), limit, number, least, wanted)
        except DatabaseUnavailable:
            await self._database.revive()
            await self._check_holder()
            return await self._store.lease(await self._number(), limit, number, least, wanted)

    async def _number(self) -> int:
        """Of this process as a holder of leases."""
        async with self._holding:
            if self._holder is None:
                self._holder = await self._store.hold()
            if self._sweeper is None:
                self._sweeper = asyncio.create_task(self._sweep_until_closed(), name="quotas")
        return self._holder[0]

    async def _check_holder(self) -> None:
        """When the lock is lost, so is everything that was leased. Calls under way are leased for again."""
        holder = self._holder
        if holder is None or await holder[1].is_held():
            return
        await holder[1].release()
        if self._holder is holder:
            _log.warning("the connection that keeps leases of limits broke; they are asked for again")
            self._holder = None
            for account in self._accounts.values():
                account.lose()

    async def _sweep_until_closed(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await self.sweep()
            except StorageError as error:
                _log.warning("what limits have left could not be given back: %s", error)


def _summed(spendings: Sequence[Spending]) -> dict[Window, Decimal]:
    sums: dict[Window, Decimal] = {}
    for spent in spendings:
        window = (spent.scope, spent.unit, spent.window)
        sums[window] = sums.get(window, _ZERO) + spent.amount
    return sums


def _refusal(limit: Limit, amount: Decimal, left: Decimal, now_s: float) -> SteadyhandError:
    """Why a call that may use `amount` is not let through, and when or how it will be."""
    window_s = WINDOW_S[limit.unit]
    wait_s = window_s - now_s % window_s
    left = max(_ZERO, left)
    if limit.unit == "usd":
        return BudgetExceeded(
            f"{limit.scope} has {left:f} of its {limit.most:f} USD a day left; this call may cost {amount:f}",
            hint=f"a new day begins in {wait_s / 3600:.1f} hours (UTC); {_how_to_raise(limit.scope)}",
        )
    return RateLimited(
        f"{limit.scope} has {left:f} of its {limit.most:f} {limit.unit} a minute left; this call needs {amount:f}",
        hint=f"try again in {wait_s:.0f} s; {_how_to_raise(limit.scope)}",
        retry_after_s=wait_s,
    )


def _how_to_raise(scope: str) -> str:
    kind, _, name = scope.partition(":")
    if kind == "key":
        return f"`steadyhand keys limit {name}` raises the limit"
    if kind == "feature":
        return f"budget.per_day_usd of {name} raises the limit"
    return f"[limits.{kind}] in steadyhand.toml raises the limit"
