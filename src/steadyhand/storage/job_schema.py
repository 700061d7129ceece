"""The tables of the job library, as its installed version ships them, and brought forward when it is upgraded.

A new database gets the library's whole schema. Later versions bring SQL files of changes; those that a database has
not seen are applied in the order of their names, each in a transaction.
"""

from importlib.util import find_spec
from pathlib import Path

import psycopg

from steadyhand.errors import SchemaNewer, StorageError

_LIBRARY = "procrastinate"


def upgrade(connection: psycopg.Connection) -> list[str]:
    """Apply what is missing; returns the names. The caller holds the lock of migrations. Blocks.

    Raises `SchemaNewer` when the database has changes that the installed library does not know.
    """
    folder = _folder()
    changes = sorted((folder / "migrations").glob("*.sql"), key=lambda path: path.stem)
    known = [path.stem for path in changes]
    with connection.transaction():
        connection.execute("CREATE TABLE IF NOT EXISTS job_schema (change text PRIMARY KEY)")
    done = {str(row[0]) for row in connection.execute("SELECT change FROM job_schema").fetchall()}
    if unknown := sorted(done - set(known)):
        raise SchemaNewer(
            f"expected jobs as {_LIBRARY} has them up to {known[-1]}; found {unknown[-1]}, made by a newer one",
            hint=f"upgrade this installation: pip install --upgrade {_LIBRARY}",
        )
    if not done:
        _apply(connection, folder / "schema.sql", known)
        return known
    missing = [path for path in changes if path.stem not in done]
    for path in missing:
        _apply(connection, path, [path.stem])
    return [path.stem for path in missing]


def known() -> frozenset[str]:
    """The names of the changes that the installed library brings."""
    return frozenset(path.stem for path in (_folder() / "migrations").glob("*.sql"))


def _apply(connection: psycopg.Connection, script: Path, names: list[str]) -> None:
    with connection.transaction():
        connection.execute(script.read_bytes())
        connection.cursor().executemany("INSERT INTO job_schema (change) VALUES (%s)", [(name,) for name in names])


def _folder() -> Path:
    """Where the library's SQL lies. It is found without an import: most commands start no job."""
    spec = find_spec(_LIBRARY)
    if spec is None or not spec.submodule_search_locations:
        raise StorageError(f"expected the package {_LIBRARY}; it is not installed", hint="install steadyhand again")
    return Path(spec.submodule_search_locations[0]) / "sql"
