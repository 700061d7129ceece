"""Fresh databases on the server of the test run."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg


@contextmanager
def copied(server_url: str, template: str) -> Iterator[str]:
    """The address of a database that is a copy of `template`, gone afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    admin = server_url.replace("/steadyhand?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server_url.replace("/steadyhand?", f"/{name}?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
