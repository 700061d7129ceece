"""A vendor and an empty database for every file of this folder."""

from collections.abc import AsyncIterator, Iterator

import pytest
from faulty_vendor import Vendor, vending

from databases import copied
from steadyhand.storage import embedded


@pytest.fixture(scope="module")
def house_database(server: embedded.Server, template: str) -> Iterator[str]:
    with copied(server.url, template) as url:
        yield url


@pytest.fixture(scope="module")
async def vendor() -> AsyncIterator[Vendor]:
    async with vending() as running:
        yield running
