"""A copy of the database in one file, and back. Uses PostgreSQL's own pg_dump and pg_restore."""

import subprocess
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
    options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--no-owner")
    _run(url, "pg_restore", *options, str(source))


def _run(url: str, program: str, *arguments: str) -> None:
    """Run a program on the database. The password goes by a file, because everybody may read a command line."""
    with translated():
        password = str(conninfo_to_dict(url).get("password", ""))
    with NamedTemporaryFile("w", encoding="utf-8", prefix="steadyhand-") as file:
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        file.write(f"*:*:*:*:{escaped}\n")
        file.flush()
        place = make_conninfo(url, password="", passfile=file.name) if password else url
        command = [str(binary(program)), f"--dbname={place}", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise StorageError(f"{program} failed: {done.stderr.strip()}", hint="nothing was changed")
