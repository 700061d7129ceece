"""Keys are seen once, stored as hashes, carry their limits, and end when they are revoked."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from steadyhand.access.keys import UNLIMITED, KeyLimits, Keys
from steadyhand.access.limits import Limits
from steadyhand.access.quotas import Quotas
from steadyhand.access.roles import may
from steadyhand.access.sessions import LIFETIME, Sessions
from steadyhand.errors import BudgetExceeded, NotFound, Unauthenticated
from steadyhand.settings import LimitSettings, LimitsSettings
from steadyhand.storage import Database
from steadyhand.types.quota import Limit, Spending
from steadyhand.types.run import Principal


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database, os.urandom, _now)


@pytest.fixture
def sessions(database: Database, keys: Keys) -> Sessions:
    return Sessions(database, keys, os.urandom, _now)


def _now() -> datetime:
    return datetime.now(UTC)


async def test_a_key_names_its_holder_and_role(keys: Keys) -> None:
    key = await keys.create("shop", "caller")
    principal = await keys.principal(key)
    assert (principal.name, principal.role) == ("shop", "caller")
    assert key.startswith("sh_")
    assert len(key) == 46


async def test_the_database_does_not_hold_the_key(keys: Keys, database: Database) -> None:
    key = await keys.create("shop", "caller")
    rows = await database.rows("SELECT k::text AS line FROM access_key k")
    assert not any(key in row["line"] for row in rows)


async def test_the_first_key_is_made_once(keys: Keys) -> None:
    first = await keys.create_first()
    assert first is not None
    assert (await keys.principal(first)).role == "admin"
    assert await keys.create_first() is None


@pytest.mark.parametrize("wrong", ["", "sh_", "sh_" + "A" * 43, "\0", "é" * 50, "\ud800"])
async def test_a_wrong_key_is_refused(keys: Keys, wrong: str) -> None:
    await keys.create("shop", "caller")
    with pytest.raises(Unauthenticated):
        await keys.principal(wrong)


async def test_a_revoked_key_ends_with_its_sessions(keys: Keys, sessions: Sessions) -> None:
    key = await keys.create("shop", "admin")
    token = await sessions.open(key)
    assert (await sessions.principal(token)).name == "shop"
    await keys.revoke(key[:10])
    for attempt in (keys.principal(key), sessions.principal(token)):
        with pytest.raises(Unauthenticated):
            await attempt
    with pytest.raises(NotFound):
        await keys.revoke(key[:10])


async def test_a_key_and_its_sessions_carry_what_it_may_use(keys: Keys, sessions: Sessions) -> None:
    key = await keys.create("shop", "admin", KeyLimits(Decimal("2.5"), 60, None, ("openai:*",)))
    expected = (Limit(f"key:{key[:10]}", "usd", Decimal("2.5")), Limit(f"key:{key[:10]}", "requests", Decimal(60)))
    token = await sessions.open(key)
    for principal in (await keys.principal(key), await sessions.principal(token)):
        assert (principal.limits, principal.models) == (expected, ("openai:*",))
    await keys.limit(key[:10], KeyLimits(tokens_per_minute=9))
    assert await keys.limits(key[:10]) == KeyLimits(tokens_per_minute=9)
    assert (await keys.principal(key)).limits == (Limit(f"key:{key[:10]}", "tokens", Decimal(9)),)
    for attempt in (keys.limits("sh_nobody"), keys.limit("sh_nobody", UNLIMITED)):
        with pytest.raises(NotFound):
            await attempt


async def test_a_list_of_keys_says_what_each_spent_today(keys: Keys, database: Database) -> None:
    spender, other = [(await keys.create(name, "caller"))[:10] for name in ("spender", "other")]
    quotas = Quotas(database, time.time)
    today = int(time.time() // 86_400)
    async with database.transaction() as transaction:
        for day, amount in ((today, 3), (today - 1, 5)):
            await quotas.book(transaction, [Spending(f"key:{spender}", "usd", day, Decimal(amount))])
    assert {key.id: key.used_usd for key in await keys.list()} == {spender: 3, other: None}


OWNER, SHOP = Principal("owner", "admin"), Principal("shop", "caller", "k", (Limit("key:k", "usd", Decimal(9)),))


def test_a_keys_own_limits_go_before_the_usual_ones_and_users_and_everybody_have_theirs() -> None:
    limits = Limits(
        LimitsSettings(
            workspace=LimitSettings(tokens_per_minute=1_000_000),
            key=LimitSettings(usd_per_day=Decimal(1), requests_per_minute=60),
            user=LimitSettings(requests_per_minute=5),
        )
    )
    assert limits(SHOP, "ann") == (
        Limit("key:k", "usd", Decimal(9)),
        Limit("key:k", "requests", Decimal(60)),
        Limit("user:k/ann", "requests", Decimal(5)),
        Limit("workspace", "tokens", Decimal(1_000_000)),
    )
    assert limits(OWNER, "ann") == (Limit("workspace", "tokens", Decimal(1_000_000)),)
    assert limits(SHOP) == limits(SHOP, "ann")[:2] + limits(OWNER)


@pytest.mark.parametrize("name", ["ann", "zoë smith", "x" * 5_000, "nul\0", "half \ud800", "tab\t", "a/b"])
async def test_whatever_a_client_calls_its_user_has_limits_of_its_own(database: Database, name: str) -> None:
    limits = Limits(LimitsSettings(user=LimitSettings(usd_per_day=Decimal(1))))
    quotas = Quotas(database, time.time)
    await quotas(limits(SHOP, name), usd=Decimal(1), tokens=0)
    with pytest.raises(BudgetExceeded):
        await quotas(limits(SHOP, name), usd=Decimal(1), tokens=0)
    await quotas(limits(SHOP, name + "x"), usd=Decimal(1), tokens=0)
    await quotas.close()


def test_the_limits_of_a_caller_are_the_same_object_until_they_change() -> None:
    limits = Limits(LimitsSettings())
    again = replace(SHOP, limits=(replace(SHOP.limits[0]),))
    assert limits(SHOP) is limits(SHOP) is limits(again)
    assert limits(replace(SHOP, limits=())) == ()
    assert Limits(LimitsSettings())(OWNER, "ann") == ()


async def test_a_session_ends_by_time_and_by_signing_out(database: Database, keys: Keys) -> None:
    now = datetime.now(UTC)
    sessions = Sessions(database, keys, os.urandom, lambda: now)
    token = await sessions.open(await keys.create("shop", "admin"))
    later = Sessions(database, keys, os.urandom, lambda: now + LIFETIME + timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        await later.principal(token)
    await sessions.close(token)
    with pytest.raises(Unauthenticated):
        await sessions.principal(token)


def test_a_role_may_do_only_what_is_listed() -> None:
    assert may(Principal("a", "admin"), "administer")
    assert may(Principal("c", "caller"), "call")
    assert not may(Principal("c", "caller"), "read")
    assert not may(Principal("r", "reader"), "call")
    assert not may(Principal("r", "reader"), "ingest")


async def test_a_key_and_its_sessions_see_the_documents_of_its_labels(keys: Keys, sessions: Sessions) -> None:
    key = await keys.create("payroll", "caller", labels=["hr", "finance"])
    token = await sessions.open(key)
    for principal in (await keys.principal(key), await sessions.principal(token)):
        assert principal.sees == {"everyone", "hr", "finance"}
    [listed] = await keys.list()
    assert listed.labels == ("finance", "hr")
    await keys.label(key[:10], ["legal"])
    assert (await sessions.principal(token)).sees == {"everyone", "legal"}
    with pytest.raises(NotFound):
        await keys.label("sh_nobody", ["hr"])


async def test_a_key_without_labels_sees_what_everybody_sees_and_an_admin_all(keys: Keys) -> None:
    assert (await keys.principal(await keys.create("shop", "caller"))).sees == {"everyone"}
    assert (await keys.principal(await keys.create("boss", "admin"))).sees is None
