"""A client that leaves ends the vendor's work, and is billed for what has come."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import pytest
from faulty_vendor import PATHS, TEXT, Vendor
from gateway_house import House, housing, provider, question

from steadyhand.access.keys import KeyLimits

PRICED = ["test:stalls.1", "test:hang.1", "other:stalls.1", "other:hang.1"]
LIMITS = KeyLimits(Decimal(1), 1_000, 1_000_000)


@pytest.fixture(scope="module")
async def house(
    house_database: str, vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    prices = "".join(f'[catalog."{model}"]\ninput_usd = 1\noutput_usd = 2\n' for model in PRICED)
    settings = (
        provider("test", "openai", vendor.base_url) + provider("other", "anthropic", vendor.base_url) + prices
    )
    async with housing(tmp_path_factory.mktemp("leaving"), house_database, vendor, settings) as running:
        yield running


@pytest.mark.parametrize("name", ["test", "other"])
@pytest.mark.parametrize("dialect", PATHS)
async def test_of_a_stream_what_was_sent_is_billed(house: House, dialect: str, name: str) -> None:
    key = await house.new_key(LIMITS)
    house.vendor.left.clear()
    house.vendor.sent_tokens.clear()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as leaving:
        body = {**question(dialect, f"{name}:stalls.1"), "stream": True}
        async with leaving.post(f"{house.url}/v1{PATHS[dialect]}", json=body) as said:
            async with asyncio.timeout(5):
                while b"theta-3" not in await said.content.readany():
                    continue
            said.close()
    async with asyncio.timeout(5):
        await house.vendor.left.wait()
    (run,) = await house.rows(1, key)
    (call,) = run["calls"]
    assert (run["status"], run["error_code"]) == ("failed", "run.cancelled")
    assert (call["answer"], call["error"]) == (TEXT[: TEXT.index(" alpha-4")], "broken off")
    assert call["output_tokens"] == house.vendor.sent_tokens["stalls.1"] == 32
    assert run["cost_usd"] == Decimal(call["input_tokens"] + 2 * 32) / 1_000_000 > 0
    assert await house.set_aside() == 0


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("name", ["test", "other"])
@pytest.mark.parametrize("dialect", PATHS)
async def test_before_the_first_word_the_request_is_billed(
    house: House, dialect: str, name: str, is_streamed: bool
) -> None:
    key = await house.new_key(LIMITS)
    house.vendor.left.clear()
    house.vendor.asked.clear()
    body = {**question(dialect, f"{name}:hang.1"), "stream": is_streamed}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as leaving:
        asking = asyncio.create_task(leaving.post(f"{house.url}/v1{PATHS[dialect]}", json=body))
        await house.vendor.asked.wait()
        asking.cancel()
    async with asyncio.timeout(5):
        await house.vendor.left.wait()
    (run,) = await house.rows(1, key)
    (call,) = run["calls"]
    assert (run["error_code"], call["error"], call["output_tokens"]) == ("run.cancelled", "broken off", 0)
    assert run["cost_usd"] == Decimal(call["input_tokens"]) / 1_000_000 > 0
    assert await house.set_aside() == 0
