"""A copy of the database in one file, and back. Uses PostgreSQL's own pg_dump and pg_restore."""

import subprocess
from pathlib import Path

import psycopg

from steadyhand.errors import NotFound, StorageError
from steadyhand.storage.embedded import binary
from steadyhand.storage.failures import translated


def backup(url: str, target: Path) -> None:
    """Write a consistent copy to `target`; the server keeps working meanwhile. Blocks."""
    fresh = target.with_name(f"{target.name}.part")
    options = ("--format=custom", "--no-owner", "--exclude-extension=vector")  # it belongs to the server
    _run("pg_dump", *options, f"--file={fresh}", f"--dbname={url}")
    fresh.rename(target)


def restore(url: str, source: Path) -> None:
    """Replace the database's content by that of a backup, in one transaction: all of it or nothing. Blocks."""
    if not source.is_file():
        raise NotFound(f"expected a backup file; {source} is none", hint="steadyhand db backup FILE makes one")
    with translated(), psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--no-owner")
    _run("pg_restore", *options, f"--dbname={url}", str(source))


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([binary(program), *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise StorageError(f"{program} failed: {done.stderr.strip()}", hint="nothing was changed")
