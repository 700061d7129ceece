"""Rows on their way to the database, safe from the death of the process: two files that take turns.

A record is appended with one write before its answer leaves, so that the kernel has it: `kill -9` loses nothing,
and a power cut at most what was written since the last commit, some milliseconds. Whatever a process leaves behind,
the next one that opens the folder brings home.
"""

import errno
import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from steadyhand.errors import DiskFull, NotWritable, StorageError

_log = logging.getLogger(__name__)

_END = b"E\n"  # closes a record: one without it was being written when the process died


class Journal:
    """The journal of one process in `folder`; its files are made when it is opened, or by the first record.

    `name` is the process's own and never used again.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._paths = [folder / f"{name}.{turn}.rows" for turn in "ab"]
        self._files: list[int] = []
        self._sizes = [0, 0]
        self._active = 0

    def open(self) -> None:
        """Make the files, unless they are there. Raises `DiskFull` or `NotWritable`."""
        if self._files:
            return
        new = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND  # not what somebody laid there for us
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            files = [os.open(path, new, 0o600) for path in self._paths]
            for file in files:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _failure(error) from None
        self._files = files

    def append(self, record: bytes) -> None:
        """Returns when the kernel has the record. Raises `DiskFull` or `NotWritable`; then nothing was written."""
        content = record + _END
        self.open()
        file, size = self._files[self._active], self._sizes[self._active]
        try:
            written = os.write(file, content)
        except OSError as error:
            raise _failure(error) from None
        if written < len(content):
            os.ftruncate(file, size)
            raise DiskFull("expected room for the journal of the ledger; the disk is full", hint="make room")
        self._sizes[self._active] = size + written

    def turn(self) -> int:
        """Let later records go to the other file; the number of the one that holds what came before."""
        full, self._active = self._active, 1 - self._active
        return full

    def empty(self, turn: int) -> None:
        """The file's records are in the database."""
        if self._sizes[turn]:
            os.ftruncate(self._files[turn], 0)
            self._sizes[turn] = 0

    def close(self) -> None:
        """Remove the files when nothing is left in them."""
        for path, file, size in zip(self._paths, self._files, self._sizes, strict=False):
            if size == 0:
                path.unlink(missing_ok=True)
            os.close(file)


def left_behind(folder: Path) -> Iterator[tuple[Path, list[bytes]]]:
    """The files of processes that are gone, with their whole records; each is held until the next is asked for.

    What cannot be read, or is another user's, a link or no file at all, is left as it is.
    """
    for path in sorted(folder.glob("*.rows")):
        try:
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, "it is no file of this user")
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as error:
            _log.warning("%s is left as it is: %s", path, error.strerror)
            continue
        with os.fdopen(file, "rb") as opened:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its process lives
            yield path, list(_records(opened.read()))


def _failure(error: OSError) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("expected room for the journal of the ledger; the disk is full", hint="make room")
    return NotWritable(f"expected to write the journal of the ledger; {error.strerror}", hint="check its folder")


def _records(content: bytes) -> Iterator[bytes]:
    *whole, _torn = content.split(b"\n" + _END)
    for record in whole:
        yield record + b"\n"
