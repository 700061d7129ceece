"""A second model is asked beside one that is slow: the winner answers, the loser is broken off and noted."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from faulty_vendor import PATHS, Vendor
from gateway_house import House, housing, provider

SETTINGS = """
[gateway.models.slow-first]
try = ["test:hang.1", "test:answers.1"]
hedge_s = 0.05
[gateway.models.slow-other]
try = ["other:hang.2", "other:answers.2"]
hedge_s = 0.05
[gateway.models.quick]
try = ["test:answers.3", "test:hang.3"]
hedge_s = 30
[gateway.models.both-fail]
try = ["test:hang.4", "test:error.4"]
hedge_s = 0.05
attempt_s = 0.3
"""


@pytest.fixture(scope="module")
async def house(
    house_database: str, vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    settings = provider("test", "openai", vendor.base_url) + provider("other", "anthropic", vendor.base_url)
    async with housing(tmp_path_factory.mktemp("hedging"), house_database, vendor, settings + SETTINGS) as running:
        yield running


@pytest.mark.parametrize(("name", "number"), [("slow-first", 1), ("slow-other", 2)])
@pytest.mark.parametrize("dialect", PATHS)
async def test_the_winner_answers_and_the_loser_is_broken_off(
    house: House, dialect: str, name: str, number: int
) -> None:
    key = await house.new_key()
    house.vendor.calls.clear()
    house.vendor.left.clear()
    said = await house.ask(dialect, name, key=key)
    assert (said.status, b"theta-7" in said.body) == (200, True)
    assert said.headers["x-steadyhand-model"].endswith(f":answers.{number}")
    async with asyncio.timeout(5):
        await house.vendor.left.wait()
    assert house.vendor.calls == {f"hang.{number}": 1, f"answers.{number}": 1}
    (run,) = await house.rows(1, key)
    assert (run["status"], run["attempts"]) == ("answered", 2)
    notes = {call["model"].partition(":")[2]: call["error"] for call in run["calls"]}
    assert notes == {f"answers.{number}": "", f"hang.{number}": "broken off"}


async def test_nobody_is_asked_beside_one_that_is_quick(house: House) -> None:
    house.vendor.calls.clear()
    assert (await house.ask("openai", "quick")).status == 200
    assert house.vendor.calls == {"answers.3": 1}


async def test_when_all_fail_the_last_failure_is_told(house: House) -> None:
    said = await house.ask("openai", "both-fail")
    assert said.status in (502, 504)
    assert said.json["error"]["steadyhand"]["code"].startswith("provider.")
