"""Keys are seen once, stored as hashes, and end when they are revoked."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from steadyhand.access.keys import SESSION_LIFETIME, Keys
from steadyhand.access.roles import may
from steadyhand.errors import NotFound, Unauthenticated
from steadyhand.storage import Database
from steadyhand.types.run import Principal


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database, os.urandom, lambda: datetime.now(UTC))


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


async def test_a_revoked_key_ends_with_its_sessions(keys: Keys) -> None:
    key = await keys.create("shop", "admin")
    token = await keys.open_session(key)
    assert (await keys.session(token)).name == "shop"
    await keys.revoke(key[:10])
    for attempt in (keys.principal(key), keys.session(token)):
        with pytest.raises(Unauthenticated):
            await attempt
    with pytest.raises(NotFound):
        await keys.revoke(key[:10])


async def test_a_session_ends_by_time_and_by_signing_out(database: Database) -> None:
    now = datetime.now(UTC)
    keys = Keys(database, os.urandom, lambda: now)
    token = await keys.open_session(await keys.create("shop", "admin"))
    later = Keys(database, os.urandom, lambda: now + SESSION_LIFETIME + timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        await later.session(token)
    await keys.close_session(token)
    with pytest.raises(Unauthenticated):
        await keys.session(token)


def test_a_role_may_do_only_what_is_listed() -> None:
    assert may(Principal("a", "admin"), "administer")
    assert may(Principal("c", "caller"), "call")
    assert not may(Principal("c", "caller"), "read")
    assert not may(Principal("r", "reader"), "call")
    assert not may(Principal("r", "reader"), "ingest")
