"""Every dialect of clients with every dialect of vendors: what is meant arrives, and the packages read what comes."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import pytest
from faulty_vendor import Vendor
from gateway_house import House, housing, provider
from openai.lib.streaming.chat import ChatCompletionStreamState
from six_vendors import (
    CACHED,
    CALL,
    COUNTS_CACHED,
    CUT,
    IMAGE,
    INPUT,
    LOOK,
    OUTPUT,
    RAIN,
    SCHEMA,
    WIRES,
    Six,
    six_vendors,
)

FIRST = [
    ("system", "Be brief."),
    ("user", "What is the weather there?"),
    ("image", "image/png", IMAGE),
    ("tool", "weather", SCHEMA),
]
SECOND = [*FIRST[:3], ("assistant", LOOK), ("call", *CALL), ("result", CALL[0], "rain"), FIRST[3]]
URL = f"data:image/png;base64,{IMAGE}"
DESCRIBED: Any = {"name": "weather", "description": "The weather of a city."}


@dataclass
class Heard:
    """What a package read of an answer: the text, calls with their arguments, why it ended, tokens, and the turn to
    send back."""

    text: str
    calls: list[tuple[str, str, Any]]
    finish: str
    tokens: tuple[int, int, int]
    turn: list[Any]


@pytest.fixture(scope="module")
async def six() -> AsyncIterator[Six]:
    async with six_vendors() as running:
        yield running


@pytest.fixture(scope="module")
async def house(house_database: str, six: Six, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    settings = "".join(provider(f"by-{dialect.replace('_', '-')}", dialect, six.base_url) for dialect in WIRES)
    async with housing(tmp_path_factory.mktemp("all"), house_database, Vendor(), settings) as running:
        yield running


async def chat(house: House, model: str, turns: list[Any], *, is_streamed: bool) -> Heard:
    first: Any = {"role": "user", "content": [{"type": "text", "text": FIRST[1][1]}, image(chat_url=URL)]}
    asked: Any = {
        "model": model,
        "messages": [{"role": "system", "content": "Be brief."}, first, *turns],
        "tools": [{"type": "function", "function": {**DESCRIBED, "parameters": SCHEMA}}],
        "max_tokens": 77,
        "temperature": 0.5,
    }
    async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key=house.key, max_retries=0) as gpt:
        if is_streamed:
            state = ChatCompletionStreamState()
            async for chunk in await gpt.chat.completions.create(
                **asked, stream=True, stream_options={"include_usage": True}
            ):
                state.handle_chunk(chunk)
            said: Any = state.current_completion_snapshot
        else:
            said = await gpt.chat.completions.create(**asked)
    choice, usage = said.choices[0], said.usage
    calls = [(it.id, it.function.name, json.loads(it.function.arguments)) for it in choice.message.tool_calls or ()]
    finish = {"stop": "stop", "tool_calls": "tool", "length": "length"}[choice.finish_reason]
    tokens = usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens
    turn = choice.message.to_dict(exclude_none=True)
    turn.pop("parsed", None)
    return Heard(choice.message.content or "", calls, finish, tokens, [turn])


async def respond(house: House, model: str, turns: list[Any], *, is_streamed: bool) -> Heard:
    content = [
        {"type": "input_text", "text": FIRST[1][1]},
        {"type": "input_image", "image_url": URL, "detail": "auto"},
    ]
    asked: Any = {
        "model": model,
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": content}, *turns],
        "tools": [{"type": "function", **DESCRIBED, "parameters": SCHEMA, "strict": False}],
        "max_output_tokens": 77,
        "temperature": 0.5,
    }
    async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key=house.key, max_retries=0) as gpt:
        if is_streamed:
            async with gpt.responses.stream(**asked) as stream:
                said: Any = None
                async for event in stream:
                    said = getattr(event, "response", said)
        else:
            said = await gpt.responses.create(**asked)
    calls = [(it.call_id, it.name, json.loads(it.arguments)) for it in said.output if it.type == "function_call"]
    finish = "length" if said.status == "incomplete" else "tool" if calls else "stop"
    usage = said.usage
    tokens = usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens
    items = [it.to_dict(exclude_none=True) for it in said.output]
    for item in items:
        item.pop("parsed_arguments", None)
    return Heard(said.output_text, calls, finish, tokens, items)


async def message(house: House, model: str, turns: list[Any], *, is_streamed: bool) -> Heard:
    source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
    first = {
        "role": "user",
        "content": [{"type": "text", "text": FIRST[1][1]}, {"type": "image", "source": source}],
    }
    asked: Any = {
        "model": model,
        "system": "Be brief.",
        "messages": [first, *turns],
        "tools": [{**DESCRIBED, "input_schema": SCHEMA}],
        "max_tokens": 77,
        "extra_body": {"temperature": 0.5},
    }
    async with anthropic.AsyncAnthropic(base_url=house.url, api_key=house.key, max_retries=0) as claude:
        if is_streamed:
            async with claude.messages.stream(**asked) as stream:
                said: Any = await stream.get_final_message()
        else:
            said = await claude.messages.create(**asked)
    calls = [(it.id, it.name, it.input) for it in said.content if it.type == "tool_use"]
    finish = {"end_turn": "stop", "tool_use": "tool", "max_tokens": "length"}[said.stop_reason]
    usage = said.usage
    cached = usage.cache_read_input_tokens or 0
    tokens = usage.input_tokens + cached, cached, usage.output_tokens
    content = [it.to_dict(exclude_none=True) for it in said.content]
    text = "".join(it.text for it in said.content if it.type == "text")
    return Heard(text, calls, finish, tokens, [{"role": "assistant", "content": content}])


def image(*, chat_url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": chat_url}}


Asks = Callable[..., Awaitable[Heard]]
CLIENTS: dict[str, tuple[Asks, list[Any], Any]] = {
    "openai": (
        chat,
        [{"role": "tool", "tool_call_id": CALL[0], "content": "rain"}],
        {"role": "user", "content": "Go on and on."},
    ),
    "openai_responses": (
        respond,
        [{"type": "function_call_output", "call_id": CALL[0], "output": "rain"}],
        {"role": "user", "content": "Go on and on."},
    ),
    "anthropic": (
        message,
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": CALL[0], "content": "rain"}]}],
        {"role": "user", "content": "Go on and on."},
    ),
}
"""How each asks, how it gives a tool's result, and what it says to be cut short."""


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("vendor", WIRES)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_conversation_with_a_tool_means_the_same_on_both_sides(
    house: House, six: Six, client: str, vendor: str, is_streamed: bool
) -> None:
    ask, result, _ = CLIENTS[client]
    model = f"by-{vendor.replace('_', '-')}:m"
    tokens = INPUT, CACHED if vendor in COUNTS_CACHED else 0, OUTPUT
    six.turns.clear()
    first = await ask(house, model, [], is_streamed=is_streamed)
    assert (first.text, first.calls, first.finish, first.tokens) == (LOOK, [CALL], "tool", tokens)
    second = await ask(house, model, [*first.turn, *result], is_streamed=is_streamed)
    assert (second.text, second.calls, second.finish, second.tokens) == (RAIN, [], "stop", tokens)
    assert six.turns == [FIRST, SECOND]
    assert limits(vendor, six.bodies[-1]) == (77, 0.5)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("vendor", WIRES)
@pytest.mark.parametrize("client", CLIENTS)
async def test_an_answer_that_reached_its_limit_says_so(
    house: House, client: str, vendor: str, is_streamed: bool
) -> None:
    ask, _, more = CLIENTS[client]
    heard = await ask(house, f"by-{vendor.replace('_', '-')}:m", [more], is_streamed=is_streamed)
    assert (heard.text, heard.finish) == (CUT, "length")


@pytest.mark.parametrize("vendor", WIRES)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_vendor_that_answers_whole_is_heard_as_a_stream(
    house: House, six: Six, client: str, vendor: str
) -> None:
    six.answers_whole = True
    heard = await CLIENTS[client][0](house, f"by-{vendor.replace('_', '-')}:m", [], is_streamed=True)
    six.answers_whole = False
    assert (heard.text, heard.calls, heard.finish) == (LOOK, [CALL], "tool")


def limits(vendor: str, body: dict[str, Any]) -> tuple[int, float]:
    """The most tokens of an answer and the temperature, as this vendor is told."""
    named = {
        "openai": lambda: (body["max_tokens"], body["temperature"]),
        "openai_responses": lambda: (body["max_output_tokens"], body["temperature"]),
        "anthropic": lambda: (body["max_tokens"], body["temperature"]),
        "gemini": lambda: (body["generationConfig"]["maxOutputTokens"], body["generationConfig"]["temperature"]),
        "bedrock": lambda: (body["inferenceConfig"]["maxTokens"], body["inferenceConfig"]["temperature"]),
        "ollama": lambda: (body["options"]["num_predict"], body["options"]["temperature"]),
    }
    found: tuple[int, float] = named[vendor]()
    return found
