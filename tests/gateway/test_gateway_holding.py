"""What holds for every call of the gateway: budgets, the models of a key, switches, and where data may go."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from faulty_vendor import INPUT, OUTPUT, PATHS, Vendor
from gateway_house import House, Said, housing, provider

from steadyhand.access.keys import KeyLimits

NAMES = {"openai": "chats", "anthropic": "claude", "openai_responses": "responds"}
MODELS = [f"{name}:{model}" for name in NAMES.values() for model in ("answers.1", "error.1", "bad.1", "cut.1")]
CREDENTIAL = "sk-proj-abcdefghijklmnopqrstuvwxyz"
SETTINGS = """
[providers.cloud]
dialect = "openai"
base_url = "{url}"
place = "us"
clearance = "internal"
key_variable = ""
[gateway.models.mixed]
try = ["cloud:answers.cloud", "chats:answers.local"]
[gateway.models.only-cloud]
try = ["cloud:answers.cloud"]
"""


@pytest.fixture(scope="module")
async def house(
    house_database: str, vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    prices = "".join(
        f'[catalog."{model}"]\ninput_usd = 1000\noutput_usd = 1000\nmax_output_tokens = 200\n' for model in MODELS
    )
    providers = "".join(provider(name, dialect, vendor.base_url) for dialect, name in NAMES.items())
    settings = providers + prices + SETTINGS.format(url=vendor.base_url)
    async with housing(tmp_path_factory.mktemp("holding"), house_database, vendor, settings) as running:
        yield running


COST = Decimal(INPUT + OUTPUT) / 1_000
"""Of one answer, in US dollars."""


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("dialect", PATHS)
async def test_a_budget_lets_in_what_it_is_worth_and_says_so_in_the_callers_dialect(
    house: House, dialect: str, is_streamed: bool
) -> None:
    key = await house.new_key(KeyLimits(usd_per_day=3 * COST + Decimal("0.1")))
    model = f"{NAMES[dialect]}:answers.1"
    said = [await house.ask(dialect, model, key=key, stream=is_streamed) for _ in range(6)]
    good = [one for one in said if one.status == 200]
    assert 2 <= len(good) <= 3
    for refused in said[len(good) :]:
        assert_refused(dialect, refused)
    assert await house.set_aside() == 0
    runs = await house.rows(6, key)
    assert [run["cost_usd"] for run in runs[: len(good)]] == [COST] * len(good)
    assert [run["error_code"] for run in runs[len(good) :]] == ["budget.exceeded"] * (6 - len(good))
    row = await house.workspace.database.row("SELECT used FROM quota WHERE scope = %s", [f"key:{key[:10]}"])
    assert row is not None
    assert row["used"] == COST * len(good)


def assert_refused(dialect: str, refused: Said) -> None:
    error = refused.json["error"]
    assert refused.headers["x-should-retry"] == "false"
    if dialect == "anthropic":
        assert (refused.status, error["type"]) == (402, "billing_error")
    else:
        assert (refused.status, error["type"]) == (429, "insufficient_quota")


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("fault", ["error", "bad", "cut"])
@pytest.mark.parametrize("dialect", PATHS)
async def test_a_call_that_fails_gives_back_what_it_had_reserved(
    house: House, dialect: str, fault: str, is_streamed: bool
) -> None:
    key = await house.new_key(KeyLimits(Decimal(100), 1_000, 1_000_000))
    await house.ask(dialect, f"{NAMES[dialect]}:{fault}.1", key=key, stream=is_streamed)
    (run,) = await house.rows(1, key)
    assert await house.set_aside() == 0
    row = await house.workspace.database.row(
        "SELECT coalesce(sum(used), 0) AS sum FROM quota WHERE scope = %s AND unit = 'usd'", [f"key:{key[:10]}"]
    )
    assert row is not None
    assert row["sum"] == run["cost_usd"]


@pytest.mark.parametrize(
    "more",
    [
        {"messages": 7, "input": 7},
        {"messages": [{"role": "ghost", "content": "x"}], "input": [{"type": "item_reference", "id": "x"}]},
    ],
)
@pytest.mark.parametrize("dialect", PATHS)
async def test_a_request_that_cannot_be_translated_gives_back_what_it_had_reserved(
    house: House, dialect: str, more: dict[str, Any]
) -> None:
    key = await house.new_key(KeyLimits(Decimal(100), 1_000, 1_000_000))
    other = next(name for spoken, name in NAMES.items() if spoken != dialect)
    for is_streamed in (False, True):
        wrong = more if dialect == "openai_responses" else {"messages": more["messages"]}
        said = await house.ask(dialect, f"{other}:answers.1", key=key, stream=is_streamed, **wrong)
        assert said.status == 400
    runs = await house.rows(2, key)
    assert [(run["status"], run["error_code"], run["cost_usd"]) for run in runs] == [
        ("refused", "input.invalid", 0)
    ] * 2
    assert await house.set_aside() == 0


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("dialect", PATHS)
async def test_a_key_of_some_models_gets_no_other(house: House, dialect: str, is_streamed: bool) -> None:
    key = await house.new_key(KeyLimits(models=("mix*",)))
    house.vendor.calls.clear()
    refused = await house.ask(dialect, "only-cloud", key=key, stream=is_streamed)
    assert (refused.status, sum(house.vendor.calls.values())) == (403, 0)
    assert (await house.ask(dialect, "mixed", key=key, stream=is_streamed)).status == 200
    with_alias = await house.ask(dialect, "cloud:answers.cloud", key=key, stream=is_streamed)
    assert with_alias.status == 403


async def test_what_is_switched_off_is_not_asked_from_five_seconds_later(house: House) -> None:
    target = "cloud:answers.cloud"
    assert (await house.ask("openai", "mixed")).headers["x-steadyhand-model"] == target
    await house.workspace.switches.off(target, reason="it leaks", by="test")
    try:
        async with asyncio.timeout(5):
            while (await house.ask("openai", "mixed")).headers["x-steadyhand-model"] == target:
                await asyncio.sleep(0.05)
        house.vendor.calls.clear()
        for dialect in PATHS:
            for is_streamed in (False, True):
                said = await house.ask(dialect, "only-cloud", stream=is_streamed)
                assert said.status == (529 if dialect == "anthropic" else 503)
                assert "it leaks" in said.json["error"]["message"]
        assert not house.vendor.calls
    finally:
        await house.workspace.switches.on(target)
    async with asyncio.timeout(5):
        while (await house.ask("openai", "only-cloud")).status != 200:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("dialect", PATHS)
async def test_a_secret_does_not_go_to_the_cloud(house: House, dialect: str, is_streamed: bool) -> None:
    house.vendor.calls.clear()
    told = f"my key is {CREDENTIAL}"
    words = {"input": told} if dialect == "openai_responses" else {"messages": [{"role": "user", "content": told}]}
    said = await house.ask(dialect, "mixed", stream=is_streamed, **words)
    assert (said.status, said.headers["x-steadyhand-model"]) == (200, "chats:answers.local")
    refused = await house.ask(dialect, "only-cloud", stream=is_streamed, **words)
    assert (refused.status, house.vendor.calls) == (529 if dialect == "anthropic" else 503, {"answers.local": 1})
