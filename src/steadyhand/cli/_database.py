"""The workspace's database for commands that look at it as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager

from steadyhand.errors import UsageError
from steadyhand.settings import Settings
from steadyhand.storage import embedded
from steadyhand.workspace import STATE


@contextmanager
def running(configured: Settings, *, alone: bool = False) -> Iterator[str]:
    """The database's URL; the embedded server runs meanwhile. The schema stays as it is. Blocks.

    Raises `UsageError` when another process uses the embedded server and it should be `alone`.
    """
    if configured.database_url:
        yield configured.database_url
        return
    server = embedded.start(configured.root / STATE, configured.database_dir)
    try:
        if alone and server.is_shared():
            raise UsageError(
                f"expected nobody to use the database of {configured.root}; another process does",
                hint="stop `steadyhand up` and what else runs there, or say --force",
            )
        yield server.url
    finally:
        server.release()
