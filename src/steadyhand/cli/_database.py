"""The workspace's database for commands that look at it as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager

from steadyhand.settings import Settings
from steadyhand.storage import embedded
from steadyhand.workspace import STATE


@contextmanager
def running(configured: Settings) -> Iterator[str]:
    """The database's URL; the embedded server runs meanwhile. The schema stays as it is. Blocks."""
    if configured.database_url:
        yield configured.database_url
        return
    server = embedded.start(configured.root / STATE, configured.database_dir)
    try:
        yield server.url
    finally:
        server.release()
