"""An equal request of one key gets the same answer for a while; nothing else does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from faulty_vendor import PATHS, TEXT, Vendor
from gateway_house import House, Said, housing, provider
from test_gateway_faults import streamed, text_of

SETTINGS = """
[gateway.models.kept]
try = ["test:answers.1"]
cache_s = 3600
[gateway.models.also-kept]
try = ["test:answers.1"]
cache_s = 3600
[gateway.models.asked-anew]
try = ["test:answers.1"]
[gateway.models.breaks]
try = ["test:cut.1", "test:repeats.1"]
cache_s = 3600
"""
CREDENTIAL = "sk-proj-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
async def house(
    house_database: str, vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    settings = provider("test", "openai", vendor.base_url) + SETTINGS
    async with housing(tmp_path_factory.mktemp("repeats"), house_database, vendor, settings) as running:
        yield running


async def asked(house: House, dialect: str = "openai", name: str = "kept", **more: Any) -> tuple[Said, int]:
    """The answer, and how many vendors were asked for it."""
    house.vendor.calls.clear()
    said = await house.ask(dialect, name, **more)
    assert said.status == 200
    return said, sum(house.vendor.calls.values())


@pytest.mark.parametrize("first_is_streamed", [False, True])
@pytest.mark.parametrize("dialect", PATHS)
async def test_streams_and_whole_answers_share_what_is_kept(
    house: House, dialect: str, first_is_streamed: bool
) -> None:
    key = await house.new_key()
    first, calls = await asked(house, dialect, key=key, stream=first_is_streamed)
    assert calls == 1
    for is_streamed in (True, False, True):
        again, calls = await asked(house, dialect, key=key, stream=is_streamed)
        assert calls == 0
        assert (streamed(dialect, again) if is_streamed else text_of(dialect, again)) == TEXT
        assert again.headers["x-steadyhand-model"] == "cache:kept"
        assert again.headers["x-run-id"] != first.headers["x-run-id"]
    runs = await house.rows(4, key)
    assert [(run["model"], run["attempts"], run["cost_usd"]) for run in runs[1:]] == [("cache:kept", 0, 0)] * 3


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("also-kept", {}),
        ("asked-anew", {}),
        ("kept", {"temperature": 1}),
        ("kept", {"max_tokens": 5}),
        ("kept", {"messages": [{"role": "user", "content": "Hello"}]}),
        ("kept", {"something": "new"}),
        ("kept", {"_openai_beta": "assistants=v2"}),
    ],
)  # fmt: skip
async def test_nothing_is_kept_for_another_request(house: House, name: str, more: dict[str, Any]) -> None:
    key = await house.new_key()
    assert (await asked(house, key=key))[1] == 1
    assert (await asked(house, name=name, key=key, **more))[1] == 1
    assert (await asked(house, key=key))[1] == 0


async def test_nothing_is_kept_for_another_key_or_dialect(house: House) -> None:
    one, other = await house.new_key(), await house.new_key()
    assert (await asked(house, "openai", key=one))[1] == 1
    assert (await asked(house, "openai", key=other))[1] == 1
    assert (await asked(house, "anthropic", key=one))[1] == 1


async def test_a_request_with_a_secret_is_never_kept(house: House) -> None:
    key = await house.new_key()
    told = [{"role": "user", "content": f"my key is {CREDENTIAL}"}]
    assert [(await asked(house, key=key, messages=told))[1] for _ in range(2)] == [1, 1]


async def test_a_stream_that_two_models_gave_is_kept_as_one_answer(house: House) -> None:
    key = await house.new_key()
    broken, calls = await asked(house, name="breaks", key=key, stream=True)
    assert (streamed("openai", broken), calls) == (TEXT, 2)
    again, calls = await asked(house, name="breaks", key=key)
    assert (text_of("openai", again), calls) == (TEXT, 0)
