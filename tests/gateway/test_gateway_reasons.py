"""Why a call went to the model it went to is kept with it, also when the moment decided."""

from collections.abc import AsyncIterator

import pytest
from faulty_vendor import Vendor
from gateway_house import House, housing, provider

ROUTE = '[gateway.models.two]\ntry = ["test:error.first", "test:repeats.1"]\n'


@pytest.fixture(scope="module")
async def house(
    house_database: str, vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    settings = provider("test", "openai", vendor.base_url) + ROUTE
    async with housing(tmp_path_factory.mktemp("reasons"), house_database, vendor, settings) as running:
        yield running


async def test_a_model_that_is_left_alone_is_told_with_the_call(house: House) -> None:
    key = await house.new_key()
    for _ in range(4):
        assert (await house.ask("openai", "two", key=key)).status == 200
    first, *_, last = await house.rows(4, key)
    assert "keeps failing" not in first["routing"]
    assert [call["model"] for call in first["calls"]] == ["test:error.first", "test:repeats.1"]
    assert "; test:error.first keeps failing and is asked again in" in last["routing"]
    assert [call["model"] for call in last["calls"]] == ["test:repeats.1"]


async def test_a_model_that_is_switched_off_is_told_with_the_call(house: House) -> None:
    key = await house.new_key()
    await house.workspace.switches.off("test:error.first", reason="wrong totals", by="anna")
    house.workspace.conditions.switches.replace(await house.workspace.switches.all())
    assert (await house.ask("openai", "two", key=key, stream=True)).status == 200
    [run] = await house.rows(1, key)
    assert run["routing"].endswith("; test:error.first: anna switched test:error.first off: wrong totals")
