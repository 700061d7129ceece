"""Whatever the first vendor does, the client gets a whole and correct answer once, or is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import anthropic
import openai
import pytest
from faulty_vendor import ELSE, INPUT, JSON_FAULTS, OUTPUT, PATHS, STREAM_FAULTS, TEXT, Vendor
from gateway_house import House, Said, housing, provider

FRESH = 5  # routes to models that nobody has asked yet, so that every request meets the fault
MODES = ("repeats", "goes-on", "other")
"""What the second model does: says all of it again, continues what it is shown, says something else."""

HI: Any = [{"role": "user", "content": "hello"}]
RESET = {"_x_steadyhand_reset": "allow"}


def routes() -> Iterator[str]:
    for dialect in PATHS:
        for fault in {*JSON_FAULTS, *STREAM_FAULTS}:
            for mode in MODES:
                second = {"repeats": "test:repeats.1", "goes-on": "prefills:goes-on.1", "other": "test:other.1"}[
                    mode
                ]
                for number in range(FRESH):
                    yield (
                        f'[gateway.models."{dialect}/{fault}/{mode}/{number}"]\nattempt_s = 0.3\n'
                        f'try = ["{dialect}:{fault}.{mode}-{number}", "{second}"]\n'
                    )


@pytest.fixture(scope="module")
async def house(
    house_database: str, vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    url = vendor.base_url
    settings = [
        *(provider(dialect, dialect, url) for dialect in PATHS),
        provider("test", "openai", url),
        provider("prefills", "openai", url, 'prefill = "plain"'),
        *routes(),
        '[gateway.models.silent]\nattempt_s = 0.3\ntry = ["test:hang.silent", "test:repeats.1"]\n',
        '[gateway.models.dead]\ntry = ["test:error.dead", "test:repeats.1"]\n',
    ]
    async with housing(tmp_path_factory.mktemp("faults"), house_database, vendor, "".join(settings)) as running:
        yield running


_numbers = {
    (dialect, mode, fault): count()
    for dialect in PATHS
    for mode in MODES
    for fault in {*JSON_FAULTS, *STREAM_FAULTS}
}


def fresh(dialect: str, fault: str, mode: str = "repeats") -> str:
    """A name whose first model has this fault and was not asked before."""
    return f"{dialect}/{fault}/{mode}/{next(_numbers[dialect, mode, fault])}"


def first_of(name: str) -> str:
    """The name by which the vendor knows the first model."""
    _, fault, mode, number = name.split("/")
    return f"{fault}.{mode}-{number}"


@pytest.mark.parametrize("fault", JSON_FAULTS)
@pytest.mark.parametrize("dialect", PATHS)
async def test_a_whole_answer_is_complete_and_correct(house: House, dialect: str, fault: str) -> None:
    name = fresh(dialect, fault)
    house.vendor.calls.clear()
    said = await house.ask(dialect, name)
    assert (said.status, text_of(dialect, said)) == (200, TEXT)
    assert said.headers["x-steadyhand-model"] == "test:repeats.1"
    assert house.vendor.calls == {first_of(name): 1, "repeats.1": 1}


@pytest.mark.parametrize("fault", STREAM_FAULTS)
@pytest.mark.parametrize("dialect", PATHS)
async def test_a_stream_is_complete_and_correct(house: House, dialect: str, fault: str) -> None:
    name = fresh(dialect, fault)
    house.vendor.calls.clear()
    said = await house.ask(dialect, name, stream=True)
    assert (said.status, streamed(dialect, said)) == (200, TEXT)
    assert house.vendor.calls == {first_of(name): 1, "repeats.1": 1}


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_silent_vendor_of_another_dialect_is_waited_for_no_longer_than_others(
    house: House, is_streamed: bool
) -> None:
    async with asyncio.timeout(5):
        said = await house.ask("anthropic", "silent", stream=is_streamed)
    assert said.status == 200
    assert (streamed if is_streamed else text_of)("anthropic", said) == TEXT


@pytest.mark.parametrize("mode", ["repeats", "goes-on"])
@pytest.mark.parametrize("fault", ["cut", "cut-paced"])
@pytest.mark.parametrize("dialect", PATHS)
async def test_the_vendors_packages_read_a_stream_that_was_cut_as_one_answer(
    house: House, dialect: str, fault: str, mode: str
) -> None:
    assert await by_package(house, dialect, fresh(dialect, fault, mode)) == TEXT


@pytest.mark.parametrize("dialect", PATHS)
async def test_another_answer_behind_a_cut_is_an_error_or_a_new_beginning(house: House, dialect: str) -> None:
    with pytest.raises((openai.APIError, anthropic.APIError), match="differently"):
        await by_package(house, dialect, fresh(dialect, "cut", "other"))
    said = await house.ask(dialect, fresh(dialect, "cut", "other"), stream=True, **RESET)
    before, _, anew = said.body.partition(b"event: reset\n")
    assert b"alpha-0" in before
    assert b"alpha-0" not in anew
    assert streamed(dialect, Said(200, {}, anew.partition(b"\n\n")[2])) == ELSE


async def test_a_dead_vendor_costs_next_to_no_calls(house: House) -> None:
    house.vendor.calls.clear()
    for _ in range(20):
        answers = await asyncio.gather(*(house.ask("openai", "dead") for _ in range(10)))
        assert {text_of("openai", said) for said in answers} == {TEXT}
    assert house.vendor.calls["repeats.1"] == 200
    assert sum(house.vendor.calls.values()) <= 240


@pytest.mark.parametrize("dialect", PATHS)
async def test_what_a_cut_stream_cost_is_billed_to_the_token(house: House, dialect: str) -> None:
    name, key = fresh(dialect, "cut", "repeats"), await house.new_key()
    house.vendor.sent_tokens.clear()
    await house.ask(dialect, name, key=key, stream=True)
    (run,) = await house.rows(1, key)
    broken, second = run["calls"]
    assert (run["status"], run["attempts"], run["model"]) == ("answered", 2, "test:repeats.1")
    assert abs(broken["output_tokens"] - house.vendor.sent_tokens[first_of(name)]) <= 1
    assert broken["is_estimated"]
    assert (second["input_tokens"], second["output_tokens"]) == (INPUT, OUTPUT)
    assert broken["answer"] == TEXT[: len(broken["answer"])] != ""
    assert second["answer"] == TEXT


def text_of(dialect: str, said: Said) -> str:
    found = said.json
    if dialect == "openai":
        return str(found["choices"][0]["message"]["content"])
    content = found["output"][0]["content"] if dialect == "openai_responses" else found["content"]
    return "".join(part["text"] for part in content)


def streamed(dialect: str, said: Said) -> str:
    """The text of a stream that has its end, and no error."""
    lines = [line[6:] for line in said.body.decode().split("\n") if line.startswith("data: ")]
    if dialect == "openai":
        assert lines.pop() == "[DONE]"
    events = [json.loads(line) for line in lines]
    assert not any(event.get("error") for event in events), events
    if dialect == "openai":
        chosen = [choice for event in events for choice in event["choices"]]
        assert [choice["finish_reason"] for choice in chosen if choice["finish_reason"]] == ["stop"]
        return "".join(choice["delta"].get("content") or "" for choice in chosen)
    ends = {"openai_responses": "response.completed", "anthropic": "message_stop"}
    assert [event["type"] for event in events].count(ends[dialect]) == 1
    assert events[-1]["type"] == ends[dialect]
    if dialect == "openai_responses":
        return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    return "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")


async def by_package(house: House, dialect: str, model: str) -> str:
    """What the vendor's own package makes of the stream."""
    if dialect == "anthropic":
        async with (
            anthropic.AsyncAnthropic(base_url=house.url, api_key=house.key, max_retries=0) as claude,
            claude.messages.stream(model=model, max_tokens=999, messages=HI) as message,
        ):
            return await message.get_final_text()
    async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key=house.key, max_retries=0) as gpt:
        if dialect == "openai":
            async with gpt.chat.completions.stream(model=model, messages=HI) as chat:
                return (await chat.get_final_completion()).choices[0].message.content or ""
        async with gpt.responses.stream(model=model, input="hello") as response:
            return (await response.get_final_response()).output_text
