"""One served workspace for all tests of the HTTP doors."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from served_site import Site, write

from databases import copied
from openai_server import answer, serving
from served import served
from steadyhand.storage import embedded
from steadyhand.workspace import AsyncWorkspace


@pytest.fixture(scope="session")
def site_database(server: embedded.Server, template: str) -> Iterator[str]:
    with copied(server.url, template) as url:
        yield url


@pytest.fixture(scope="session")
async def site(
    site_database: str,
    models_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    async with serving(answer("{}")) as model:
        root = tmp_path_factory.mktemp("site")
        write(root, site_database, models_folder, model.base_url)
        async with await AsyncWorkspace.open(root) as workspace:
            async for _ in workspace.sync("notes"):
                pass
            keys = {
                role: await workspace.keys.create(f"the {role}", role) for role in ("admin", "caller", "reader")
            }
            async with served(workspace) as url, aiohttp.ClientSession() as session:
                yield Site(url, root, workspace, model, keys, session)
