"""Why a call went to the model it went to is kept with it, also when the moment decided."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from faulty_vendor import Vendor
from gateway_house import House, housing, provider

from steadyhand.access.keys import KeyLimits

ROUTE = '[gateway.models.two]\ntry = ["test:error.first", "test:repeats.1"]\n'


@pytest.fixture(scope="module")
async def house(
    house_database: str, vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    abroad = f'[providers.vendor]\nbase_url = "{vendor.base_url}"\nplace = "eu"\nkey_command = ["echo", "key"]\n'
    settings = provider("test", "openai", vendor.base_url) + abroad + ROUTE
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


async def test_a_price_that_is_not_known_is_asked_for_by_the_models_name(house: House) -> None:
    key = await house.new_key(KeyLimits(usd_per_day=Decimal(5)))
    said = await house.ask("openai", "vendor:repeats.1", key=key)
    assert said.status == 503
    assert "that of vendor:repeats.1 is unknown" in said.json["error"]["message"]
    assert '[catalog."vendor:repeats.1"]' in said.json["error"]["message"]
