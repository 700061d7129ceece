"""One PostgreSQL for the whole test run; every test that asks for a database gets a fresh one."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from databases import copied
from steadyhand.storage import Database, embedded, migrate

pytest_plugins = ("models",)

settings.register_profile("any-speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-speed")  # what a test says does not depend on how busy the machine is


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
    with copied(server.url, template) as url:
        yield url


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
