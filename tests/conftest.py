"""One PostgreSQL for the whole test run; every test that asks for a database gets a fresh one."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from steadyhand.storage import Database, embedded, migrate


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    state = tmp_path_factory.mktemp("server") / ".steadyhand"
    running = embedded.start(state, None)
    yield running
    running.release()
    shutil.rmtree(running.layout.data.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: embedded.Server) -> str:
    """A migrated database that others are copied from."""
    migrate.upgrade(server.url)
    return "steadyhand"


@pytest.fixture
def database_url(server: embedded.Server, template: str) -> Iterator[str]:
    """A fresh database with the current schema."""
    name = f"test_{uuid4().hex[:12]}"
    admin = server.url.replace("/steadyhand?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url.replace("/steadyhand?", f"/{name}?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, max_connections=4)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of development data; tests that need it are skipped where it is absent."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the development data is not here (../shared)")
    return folder
