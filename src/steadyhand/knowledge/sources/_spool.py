"""Contents between the listing of a source and the opening of its items: on disk, for they may be many."""

import asyncio
import os
import tempfile
import threading
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from steadyhand.errors import SourceUnreadable

Open: TypeAlias = Callable[[], Awaitable[bytes]]

_MOST_BYTES = 8 * 2**30


class Spool:
    """A file without a name, which is gone when no item refers to it any more."""

    def __init__(self) -> None:
        file = tempfile.TemporaryFile(prefix="steadyhand-")  # noqa: SIM115 - closed with the last item
        self._file = file.fileno()
        self._size_bytes = 0
        self._lock = threading.Lock()
        weakref.finalize(self, file.close)

    def put(self, content: bytes) -> Open:
        """Keep `content`; what is returned gives it back. Blocks. Raises `SourceUnreadable` when it is too much."""
        with self._lock:
            at = self._size_bytes
            if at + len(content) > _MOST_BYTES:
                raise SourceUnreadable(
                    f"expected at most {_MOST_BYTES // 2**30} GiB from one look at a source; found more",
                    hint="read less of it, or split it into several sources",
                )
            self._size_bytes += len(content)
        self._write(content, at)
        return partial(self._get, at, len(content))

    def _write(self, content: bytes, at: int) -> None:
        left = memoryview(content)
        try:
            while left:
                written = os.pwrite(self._file, left, at)
                left, at = left[written:], at + written
        except OSError as error:
            raise SourceUnreadable(
                f"expected room for what a source lists in {tempfile.gettempdir()}; {error.strerror}",
                hint="make room there, or set TMPDIR to a larger disk",
            ) from None

    async def _get(self, at: int, size_bytes: int) -> bytes:
        return await asyncio.to_thread(os.pread, self._file, size_bytes, at)
