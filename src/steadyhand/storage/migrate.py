"""Brings the schema forward. Migrations are SQL files beside this module, applied in order of their names.

One process migrates at a time: a session lock of PostgreSQL is held, which a killed process gives up by dying.
"""

from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations
from yoyo.backends import DatabaseBackend
from yoyo.migrations import MigrationList

from steadyhand.errors import SchemaNewer, StorageError
from steadyhand.storage import job_schema
from steadyhand.storage.database import CONNECT_TIMEOUT_S, Database
from steadyhand.storage.failures import translated

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x57EAD7  # any number that only we use


def upgrade(url: str) -> list[str]:
    """Apply what is missing; returns the names of what was applied. Blocks.

    Raises `SchemaNewer` when the database was already used by a newer Steadyhand, and changes nothing then.
    """
    scheme, _, place = url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        raise StorageError(  # without the URL, which may hold a password
            "expected database_url to begin with postgresql://; it begins otherwise",
            hint="postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        )
    with translated(), psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as guard:
        if _is_current(guard):
            return []
        guard.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        backend = get_backend(f"postgresql+psycopg://{place}")
        try:
            backend.break_lock()  # left behind by a killed process: we hold the real lock
            return [*_apply(backend, read_migrations(str(_FOLDER))), *job_schema.upgrade(guard)]
        finally:
            backend.connection.close()


def known() -> frozenset[str]:
    """The names of the migrations that this installation brings."""
    return frozenset(path.stem for path in _FOLDER.glob("*.sql"))


async def applied(database: Database) -> frozenset[str]:
    """The names of the migrations that the database went through."""
    rows = await database.rows("SELECT migration_id FROM _yoyo_migration")
    return frozenset(row["migration_id"] for row in rows)


def _is_current(connection: psycopg.Connection) -> bool:
    """Has the database gone through everything that this installation brings, and nothing else? The usual start."""
    try:
        found = connection.execute(
            "SELECT (SELECT array_agg(migration_id) FROM _yoyo_migration),"
            " (SELECT array_agg(change) FROM job_schema)"
        ).fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    assert found is not None
    return set(found[0] or ()) == known() and set(found[1] or ()) == job_schema.known()


def _apply(backend: DatabaseBackend, migrations: MigrationList) -> list[str]:
    missing = backend.to_apply(migrations)  # makes yoyo's own tables when they are not there
    known = {migration.id for migration in migrations}
    done = {row[0] for row in backend.execute("SELECT migration_id FROM _yoyo_migration").fetchall()}
    backend.rollback()
    if done - known:
        raise SchemaNewer(
            f"expected a database up to {max(known)}; found {max(done - known)}, made by a newer Steadyhand",
            hint="upgrade this installation, or restore a backup made before",
        )
    backend.apply_migrations(missing)
    return [migration.id for migration in missing]
