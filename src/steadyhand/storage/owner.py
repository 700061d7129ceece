"""As root: the system user that PostgreSQL runs as, and binaries it can reach. Changes no existing permission."""

import os
import pwd
import shutil
import stat
import subprocess
from functools import cache
from pathlib import Path

from steadyhand.errors import DatabaseUnavailable

_USER = "steadyhand"


@cache
def ensure_user() -> str:
    """Name of the system user, made when it is missing."""
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise DatabaseUnavailable(
                f"PostgreSQL cannot run as root, and the system user {_USER!r} could not be made: {error}",
                hint="run as an ordinary user, make that user, or set database_url",
            ) from None
    return _USER


@cache
def reachable(program: Path, home: Path) -> Path:
    """A path of `program` that every user may run: itself, or a copy of its installation below `home`.

    A virtual environment in a private home folder cannot be entered by another user, and opening that folder is
    not ours to do.
    """
    if _is_open(program):
        return program
    installation = program.parent.parent
    copy = home / f"postgresql-{program.stat().st_mtime_ns:x}"
    if not copy.exists():
        fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(installation, fresh, symlinks=True)
        try:
            fresh.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(fresh)
    return copy / "bin" / program.name


def _is_open(program: Path) -> bool:
    """May any user run it?"""
    folders = all(folder.stat().st_mode & stat.S_IXOTH for folder in program.resolve().parents)
    return folders and bool(program.stat().st_mode & stat.S_IXOTH)
