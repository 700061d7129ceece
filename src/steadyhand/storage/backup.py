"""A copy of the database in one file, and back. Uses PostgreSQL's own pg_dump, pg_restore and psql."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from steadyhand.errors import NotFound, NotWritable, StorageError
from steadyhand.storage.embedded import binary
from steadyhand.storage.failures import translated


def backup(url: str, target: Path) -> None:
    """Write a consistent copy to `target`, for its owner only; the server keeps working meanwhile. Blocks."""
    fresh = target.with_name(f"{target.name}.part")
    try:
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
    except OSError as error:
        raise NotWritable(f"{target} cannot be written: {error.strerror}", hint="name another file") from None
    options = ("--format=custom", "--no-owner", "--exclude-extension=vector")  # it belongs to the server
    _run(url, "pg_dump", *options, f"--file={fresh}")
    fresh.rename(target)


def restore(url: str, source: Path) -> None:
    """Replace the database's content by that of a backup, in one transaction: all of it or nothing. Blocks."""
    if not source.is_file():
        raise NotFound(f"expected a backup file; {source} is none", hint="steadyhand db backup FILE makes one")
    with translated(), psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    with _access(url) as place:
        psql = [str(binary("psql")), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={place}"]
        applied = subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _feed(applied, source)


def _feed(psql: "subprocess.Popen[bytes]", source: Path) -> None:
    """Have `psql` replace everything in one transaction, which is committed only when the backup was read whole."""
    options = ("--clean", "--if-exists", "--exit-on-error", "--no-owner", "--file=-")
    reading = subprocess.Popen(
        [str(binary("pg_restore")), *options, str(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert psql.stdin is not None
    assert reading.stdout is not None
    with suppress(BrokenPipeError):  # psql says why it stopped reading
        psql.stdin.write(b"BEGIN;" + _WITHOUT_PARTITIONS)
        shutil.copyfileobj(reading.stdout, psql.stdin)
    reading.stdout.close()
    _, refused = reading.communicate()
    is_whole = reading.returncode == 0
    _, failed = psql.communicate(b"COMMIT;" if is_whole else b"")
    if psql.returncode != 0 or not is_whole:
        program, said = ("psql", failed) if psql.returncode != 0 else ("pg_restore", refused)
        raise _failure(program, said.decode(errors="replace"))


# What pg_restore --clean writes cannot take a partitioned table apart: the keys of its parts are inherited.
_WITHOUT_PARTITIONS = b"""
SET client_min_messages = warning;
DO $$
DECLARE found regclass;
BEGIN
    FOR found IN SELECT oid FROM pg_class WHERE relkind = 'p' AND relnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('DROP TABLE %s CASCADE', found);
    END LOOP;
END $$;
"""


def _run(url: str, program: str, *arguments: str) -> None:
    with _access(url) as place:
        command = [str(binary(program)), f"--dbname={place}", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise _failure(program, done.stderr)


@contextmanager
def _access(url: str) -> Iterator[str]:
    """How a program reaches the database. A password goes by a file: everybody may read a command line."""
    with translated():
        password = str(conninfo_to_dict(url).get("password", ""))
    with NamedTemporaryFile("w", encoding="utf-8", prefix="steadyhand-") as file:
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        file.write(f"*:*:*:*:{escaped}\n")
        file.flush()
        yield make_conninfo(url, password="", passfile=file.name) if password else url


def _failure(program: str, said: str) -> StorageError:
    return StorageError(f"{program} failed: {said.strip()}", hint="nothing was changed")
