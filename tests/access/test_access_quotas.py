"""What limits let through, alone and beside other processes, and what they hold when things go wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.access.account import Account
from steadyhand.access.quota_store import granted
from steadyhand.access.quotas import Quotas
from steadyhand.errors import BudgetExceeded, DatabaseUnavailable, RateLimited
from steadyhand.storage import Database, Transaction
from steadyhand.types.quota import Limit, Reservation, Spending, Unit

DAY = 20_000
NOON_S = DAY * 86_400.0 + 43_200
NOTHING = Decimal(0)


class Clock:
    def __init__(self) -> None:
        self.now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def processes(database: Database, clock: Clock, count: int) -> AsyncIterator[list[Quotas]]:
    """Each leases for itself, as processes do."""
    opened = [Quotas(database, clock) for _ in range(count)]
    yield opened
    for quotas in opened:
        await quotas.close()


@pytest.fixture
async def quotas(database: Database, clock: Clock) -> AsyncIterator[Quotas]:
    async with processes(database, clock, 1) as [only]:
        yield only


@pytest.fixture
async def pair(database: Database, clock: Clock) -> AsyncIterator[list[Quotas]]:
    async with processes(database, clock, 2) as both:
        yield both


class Counting(Database):
    transactions = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self.transactions += 1
        async with super().transaction() as transaction:
            yield transaction


@asynccontextmanager
async def counting(url: str) -> AsyncIterator[Counting]:
    database = Counting(url, max_connections=2)
    await database.open()
    yield database
    await database.close()


def usd(most: float | str, scope: str = "key:a") -> tuple[Limit, ...]:
    return (Limit(scope, "usd", Decimal(most)),)


async def admitted(quotas: Quotas, limits: tuple[Limit, ...], each: str, tries: int) -> list[Reservation]:
    """The calls that were let in, of so many at once."""

    async def one() -> Reservation | None:
        try:
            return await quotas(limits, usd=Decimal(each), tokens=0)
        except (BudgetExceeded, RateLimited):
            return None

    found = await asyncio.gather(*(one() for _ in range(tries)))
    return [reservation for reservation in found if reservation is not None]


async def book(quotas: Quotas, database: Database, spendings: tuple[Spending, ...]) -> None:
    async with database.transaction() as transaction:
        await quotas.book(transaction, spendings)
    quotas.booked(spendings)


async def used(database: Database) -> Decimal:
    row = await database.row("SELECT coalesce(sum(used), 0) AS sum FROM quota")
    assert row is not None
    return Decimal(row["sum"])


async def leased(database: Database) -> Decimal:
    row = await database.row("SELECT coalesce(sum(amount), 0) AS sum FROM quota_lease")
    assert row is not None
    return Decimal(row["sum"])


async def cut_off(database: Database) -> None:
    """End the connection by which others see that the process that holds all leases lives."""
    await database.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND objid IN (SELECT holder FROM quota_lease WHERE amount > 0)"
    )


async def test_as_many_calls_are_let_in_as_the_budget_is_worth(quotas: Quotas) -> None:
    assert len(await admitted(quotas, usd(1), "0.1", 64)) == 10


async def test_two_processes_share_a_budget_to_the_last_call(pair: list[Quotas]) -> None:
    found = await asyncio.gather(*(admitted(quotas, usd(1), "0.1", 32) for quotas in pair))
    assert sum(map(len, found)) == 10


async def test_what_a_call_gave_back_the_next_one_may_use(quotas: Quotas) -> None:
    for reservation in await admitted(quotas, usd(1), "0.5", 2):
        reservation.release()
    for reservation in await admitted(quotas, usd(1), "0.5", 2):
        reservation.settle(usd=Decimal("0.1"), tokens=0)
    assert len(await admitted(quotas, usd(1), "0.4", 8)) == 2
    with pytest.raises(BudgetExceeded, match=r"key:a has 0 of its 1 USD a day left; this call may cost 0\.1"):
        await quotas(usd(1), usd=Decimal("0.1"), tokens=0)


async def test_when_one_limit_has_no_room_nothing_is_set_aside_under_the_others(quotas: Quotas) -> None:
    key, everybody = usd(5), usd(1, "workspace")
    for _ in range(3):
        with pytest.raises(BudgetExceeded, match="workspace"):
            await quotas(key + everybody, usd=Decimal(2), tokens=0)
    assert len(await admitted(quotas, key, "1", 9)) == 5


async def test_what_was_used_is_booked_with_the_rows_and_leaves_the_lease(
    quotas: Quotas, database: Database
) -> None:
    limits = (*usd(1), Limit("workspace", "tokens", Decimal(1000)), Limit("user:a/b", "requests", Decimal(9)))
    reservation = await quotas(limits, usd=Decimal("0.3"), tokens=500)
    spendings = reservation.settle(usd=Decimal("0.2"), tokens=120)
    assert spendings == (
        Spending("key:a", "usd", DAY, Decimal("0.2")),
        Spending("workspace", "tokens", DAY * 1440 + 720, Decimal(120)),
        Spending("user:a/b", "requests", DAY * 1440 + 720, Decimal(1)),
    )
    assert await used(database) == 0
    before = await leased(database)
    await book(quotas, database, spendings)
    assert await used(database) == Decimal("121.2")
    assert await leased(database) == before - Decimal("121.2")
    assert len(await admitted(quotas, usd(1), "0.1", 20)) == 8


async def test_what_a_transaction_that_failed_had_booked_counts_once(quotas: Quotas, database: Database) -> None:
    spendings = (await quotas(usd(1), usd=Decimal("0.5"), tokens=0)).settle(usd=Decimal("0.5"), tokens=0)
    with suppress(ZeroDivisionError):
        async with database.transaction() as transaction:
            await quotas.book(transaction, spendings)
            raise ZeroDivisionError
    await book(quotas, database, spendings)
    assert (await used(database), await leased(database)) == (Decimal("0.5"), 0)
    assert len(await admitted(quotas, usd(1), "0.1", 20)) == 5


async def test_a_call_that_costs_more_than_it_reserved_takes_nothing_from_others(
    quotas: Quotas, database: Database
) -> None:
    dear, other = await admitted(quotas, usd(1), "0.2", 2)
    spendings = dear.settle(usd=Decimal(3), tokens=0)
    await book(quotas, database, spendings)
    assert (await used(database), await leased(database)) == (3, Decimal("0.2"))
    assert await admitted(quotas, usd(1), "0.01", 3) == []
    await book(quotas, database, other.settle(usd=Decimal("0.1"), tokens=0))
    assert await used(database) == Decimal("3.1")


async def test_spendings_of_a_process_that_is_gone_are_booked_too(quotas: Quotas, database: Database) -> None:
    await admitted(quotas, usd(1), "0.2", 2)
    before = await leased(database)
    await book(quotas, database, (Spending("key:a", "usd", DAY, Decimal("0.3")),))
    assert (await used(database), await leased(database)) == (Decimal("0.3"), before)


async def test_two_writers_that_book_the_same_limits_in_other_orders_do_not_meet(
    pair: list[Quotas], database: Database
) -> None:
    scopes = [f"user:a/{number}" for number in range(30)]
    spendings = [
        tuple(Spending(scope, "usd", DAY, Decimal(1)) for scope in order) for order in (scopes, scopes[::-1])
    ]
    for _ in range(10):
        await asyncio.gather(*(book(one, database, what) for one, what in zip(pair, spendings, strict=True)))
    assert await used(database) == 600


async def test_what_lies_idle_goes_back_to_others(pair: list[Quotas], database: Database, clock: Clock) -> None:
    busy, other = pair
    [reservation] = await admitted(busy, usd(100), "90", 1)
    reservation.release()
    assert await admitted(other, usd(100), "50", 1) == []
    await busy.sweep()  # it was needed until a moment ago
    await busy.sweep()
    assert await leased(database) == 0
    clock.now_s += 1
    assert len(await admitted(other, usd(100), "50", 2)) == 2


async def test_what_a_burst_had_needed_goes_back_while_calls_go_on(quotas: Quotas, database: Database) -> None:
    *burst, steady = await admitted(quotas, usd(100), "3", 20)
    for reservation in burst:
        reservation.release()
    await quotas.sweep()
    await admitted(quotas, usd(100), "1", 1)
    await quotas.sweep()
    assert await leased(database) == Decimal(3 + 1 + 2)  # two calls, and the 2 % that an account in use keeps
    steady.release()


async def test_a_lease_that_is_given_back_is_not_used_meanwhile(quotas: Quotas, database: Database) -> None:
    for _ in range(50):
        [reservation] = await admitted(quotas, usd(10), "1", 1)
        reservation.release()
        await quotas.sweep()
        _, found = await asyncio.gather(quotas.sweep(), admitted(quotas, usd(10), "1", 1))
        assert await leased(database) >= 1
        found[0].release()


async def test_leases_of_a_process_that_died_are_free_at_once(
    pair: list[Quotas], database: Database, clock: Clock
) -> None:
    dead, alive = pair
    assert len(await admitted(dead, usd(1), "0.1", 10)) == 10
    assert await admitted(alive, usd(1), "0.1", 1) == []
    await cut_off(database)
    clock.now_s += 1  # longer than a refusal stands
    assert len(await admitted(alive, usd(1), "0.1", 64)) == 10


async def test_a_process_that_lost_its_connection_leases_again_for_what_is_under_way(
    pair: list[Quotas], database: Database
) -> None:
    broken, other = pair
    first, *_ = await admitted(broken, usd(1), "0.1", 4)
    await cut_off(database)
    await broken.sweep()
    assert len(await admitted(broken, usd(1), "0.1", 1)) == 1
    assert len(await admitted(other, usd(1), "0.1", 64)) == 5
    await book(broken, database, first.settle(usd=Decimal("0.1"), tokens=0))
    assert (await used(database), await leased(database)) == (Decimal("0.1"), Decimal("0.9"))


async def test_closing_leaves_nothing_held(database: Database, clock: Clock) -> None:
    async with processes(database, clock, 1) as [quotas]:
        await admitted(quotas, usd(1), "0.3", 2)
        assert await leased(database) > 0
    assert await leased(database) == 0


async def test_a_minute_that_is_used_up_says_when_the_next_one_begins(quotas: Quotas, clock: Clock) -> None:
    limits = (Limit("key:a", "requests", Decimal(60)),)
    clock.now_s += 15
    assert len(await admitted(quotas, limits, "1", 100)) == 60
    with pytest.raises(RateLimited, match="key:a has 0 of its 60 requests a minute left") as refused:
        await quotas(limits, usd=NOTHING, tokens=0)
    assert refused.value.retry_after_s == 45
    clock.now_s += 45
    assert len(await admitted(quotas, limits, "1", 100)) == 60


async def test_a_call_across_midnight_is_booked_on_the_day_it_began(quotas: Quotas, clock: Clock) -> None:
    reservation = await quotas(usd(1), usd=Decimal(1), tokens=0)
    clock.now_s += 86_400
    assert len(await admitted(quotas, usd(1), "1", 3)) == 1
    assert [spent.window for spent in reservation.settle(usd=Decimal(1), tokens=0)] == [DAY]


async def test_a_call_that_may_need_more_tokens_than_a_minute_has_gets_the_whole_minute(quotas: Quotas) -> None:
    limits = (Limit("key:a", "tokens", Decimal(1000)),)
    await quotas(limits, usd=NOTHING, tokens=5000)
    with pytest.raises(RateLimited):
        await quotas(limits, usd=NOTHING, tokens=1)


async def test_what_costs_nothing_is_let_in_when_the_money_is_spent(quotas: Quotas) -> None:
    await admitted(quotas, usd(1), "1", 1)
    (await quotas(usd(1), usd=NOTHING, tokens=0)).release()


async def test_a_flood_of_refused_calls_does_not_ask_the_database(database_url: str, clock: Clock) -> None:
    async with counting(database_url) as asked, processes(asked, clock, 1) as [quotas]:
        await admitted(quotas, usd(1), "0.9", 1)
        asked.transactions = 0
        assert await admitted(quotas, usd(1), "0.5", 500) == []
        assert asked.transactions == 1
        assert len(await admitted(quotas, usd(1), "0.1", 1)) == 1  # a smaller one has room
        clock.now_s += 1
        assert await admitted(quotas, usd(1), "0.5", 500) == []
        assert asked.transactions == 3


async def test_calls_that_find_no_lease_ask_once_together(database_url: str, clock: Clock) -> None:
    async with counting(database_url) as asked, processes(asked, clock, 1) as [quotas]:
        assert len(await admitted(quotas, usd(1000), "0.1", 64)) == 64
        assert asked.transactions == 1


async def test_a_call_that_is_broken_off_while_it_waits_holds_nothing(quotas: Quotas, database: Database) -> None:
    for delay_s in (0, 0.0002, 0.0005, 0.001, 0.002, 0.004):
        task = asyncio.create_task(quotas(usd(9, "workspace") + usd(1), usd=Decimal(1), tokens=0))
        await asyncio.sleep(delay_s)
        task.cancel()
        [ended] = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(ended, BaseException):
            ended.release()
    for _ in range(2):
        await quotas.sweep()
    assert await leased(database) == 0
    assert len(await admitted(quotas, usd(1), "1", 2)) == 1


async def test_without_a_database_nothing_is_let_in_beyond_the_lease(
    quotas: Quotas, database: Database, database_url: str
) -> None:
    assert len(await admitted(quotas, usd(100), "1", 1)) == 1
    await database.close()
    assert len(await admitted(quotas, usd(100), "1", 1)) == 1  # the lease was of 2 %
    with pytest.raises(DatabaseUnavailable):
        await quotas(usd(100), usd=Decimal(1), tokens=0)


async def test_windows_that_are_long_over_are_forgotten(quotas: Quotas, database: Database, clock: Clock) -> None:
    ages: list[tuple[Unit, int]] = [("usd", 41), ("usd", 39), ("requests", 11), ("tokens", 9)]
    for unit, age in ages:
        number = (DAY if unit == "usd" else DAY * 1440 + 720) - age
        await book(quotas, database, (Spending("workspace", unit, number, Decimal(1)),))
    await quotas.sweep()
    rows = await database.rows("SELECT unit FROM quota ORDER BY unit")
    assert [row["unit"] for row in rows] == ["tokens", "usd"]


amounts = st.decimals(min_value=0, max_value=100, places=3)


@given(left=st.decimals(min_value=-100, max_value=100, places=3), least=amounts, wanted=amounts)
def test_a_lease_is_enough_or_nothing_and_never_more_than_is_left(
    left: Decimal, least: Decimal, wanted: Decimal
) -> None:
    amount = granted(left, least, wanted)
    assert amount == 0 or least <= amount <= max(left, least)
    assert amount <= max(left, NOTHING)
    assert (amount == 0) == (left < least or least == wanted == 0 or (least == 0 and left < 8 * wanted))


Deed = tuple[str, int]
deeds = st.lists(st.tuples(st.sampled_from(["call", "settle", "book", "sweep"]), st.integers(0, 9)), max_size=60)


@given(deeds)
def test_what_is_leased_is_always_what_calls_hold_and_have_spent(steps: list[Deed]) -> None:
    """The database's side is played along: what it has as leased is never less than what is owed."""
    account, most = Account(("key:a", "usd", DAY)), Decimal(20)
    lease = booked = spent = NOTHING
    calls: list[Decimal] = []
    for kind, number in steps:
        amount = Decimal(number)
        if kind == "call":
            least = amount - account.room
            if least > 0:
                grant = granted(most - booked - lease, least, least)
                if not grant:
                    continue
                account.leased(grant, keep=Decimal("0.4"))
                lease += grant
            account.reserve(amount)
            calls.append(amount)
        elif kind == "settle" and calls:
            reserved = calls.pop()
            account.settle(reserved, min(amount, reserved))
            spent += min(amount, reserved)
        elif kind == "book":
            part = min(spent, amount)
            lease -= account.covered(part)
            account.booked(part)
            booked, spent = booked + part, spent - part
        elif kind == "sweep":
            lease -= account.take_unused()
        assert account.room >= 0
        assert lease == account.room + sum(calls) + spent
        assert booked + lease <= most
