"""The packages that people use work against the gateway, unchanged but for the address and the key."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import anthropic
import openai
import pytest
from aiohttp import web
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI as LlamaOpenAI
from pydantic import BaseModel
from served_site import Site

from openai_server import Reply, answer, chunks, error_inside, events, refusal, status, whole
from steadyhand.access.keys import KeyLimits

HI: Any = [{"role": "user", "content": "hi"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
CHAT_TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}}
]
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bern"}'}}


class City(BaseModel):
    city: str


@pytest.fixture
async def gpt(site: Site) -> AsyncIterator[openai.AsyncOpenAI]:
    site.model.requests.clear()
    async with openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=site.keys["caller"], max_retries=0) as client:
        yield client


@pytest.fixture
async def claude(site: Site) -> AsyncIterator[anthropic.AsyncAnthropic]:
    site.model.requests.clear()
    async with anthropic.AsyncAnthropic(base_url=site.url, api_key=site.keys["caller"], max_retries=0) as client:
        yield client


def calls_a_tool(thoughts: str = "") -> Reply:
    """A model that asks for the weather, whole or streamed."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if not body.get("stream"):
            said = whole("", "tool_calls")
            said["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [CALL]}
            if thoughts:
                said["choices"][0]["message"]["reasoning_content"] = thoughts
            return web.json_response(said)
        first, *_, last, usage, done = chunks("x", "tool_calls")
        head, tail = {**CALL, "index": 0}, {"index": 0, "function": {"arguments": '"Bern"}'}}
        head["function"] = {"name": "weather", "arguments": '{"city":'}
        deltas: list[dict[str, Any]] = [{"reasoning_content": thoughts}] if thoughts else []
        deltas += [{"tool_calls": [head]}, {"tool_calls": [tail]}]
        pieces = [
            {
                "id": "c1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m-1",
                "choices": [{"index": 0, "delta": it, "finish_reason": None}],
            }
            for it in deltas
        ]
        return await events(
            first, *(b"data: " + json.dumps(it).encode() + b"\n\n" for it in pieces), last, usage, done
        )(request, body)

    return reply


# ---- openai


async def test_chat(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.model.replies[:] = [answer("Hello there.")]
    raw = await gpt.chat.completions.with_raw_response.create(model="fast", messages=HI)
    said = raw.parse()
    assert said.choices[0].message.content == "Hello there."
    assert said.usage is not None
    assert (said.usage.prompt_tokens, said.usage.completion_tokens) == (11, 7)
    assert raw.headers["x-steadyhand-model"] == "test:fast"
    assert raw.headers["cache-control"] == "no-store"
    assert len(raw.headers["x-run-id"]) == 26


async def test_a_chat_stream_ends_with_counts_where_they_are_wanted(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.model.replies[:] = [answer("one two three")]
    stream = await gpt.chat.completions.create(
        model="fast", messages=HI, stream=True, stream_options={"include_usage": True}
    )
    heard = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in heard if chunk.choices) == "one two three"
    assert heard[-1].usage is not None
    assert heard[-1].usage.completion_tokens == 7
    without = await gpt.chat.completions.create(model="fast", messages=HI, stream=True)
    assert [chunk.usage async for chunk in without if chunk.usage] == []


async def test_chat_calls_tools(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.model.replies[:] = [calls_a_tool()]
    said = await gpt.chat.completions.create(model="fast", messages=HI, tools=CHAT_TOOLS)
    (call,) = said.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("weather", '{"city":"Bern"}')
    assert site.model.requests[-1]["tools"] == CHAT_TOOLS
    async with gpt.chat.completions.stream(model="fast", messages=HI, tools=CHAT_TOOLS) as stream:
        final = await stream.get_final_completion()
    (streamed,) = final.choices[0].message.tool_calls or []
    assert streamed.function.arguments == '{"city":"Bern"}'


async def test_chat_parses_structured_output(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.model.replies[:] = [answer('{"city": "Bern"}')]
    said = await gpt.chat.completions.parse(model="fast", messages=HI, response_format=City)
    assert said.choices[0].message.parsed == City(city="Bern")
    assert site.model.requests[-1]["response_format"]["type"] == "json_schema"


async def test_responses(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.model.replies[:] = [answer("Hello there.")]
    said = await gpt.responses.create(model="fast", input="hi", instructions="Be brief.", max_output_tokens=50)
    assert said.output_text == "Hello there."
    assert said.usage is not None
    assert (said.usage.input_tokens, said.usage.input_tokens_details.cached_tokens) == (11, 4)
    sent = site.model.requests[-1]
    assert [turn["role"] for turn in sent["messages"]] == ["system", "user"]
    parsed = site.model.replies[:] = [answer('{"city": "Bern"}')]
    assert parsed
    assert (await gpt.responses.parse(model="fast", input="hi", text_format=City)).output_parsed == City(
        city="Bern"
    )


async def test_responses_stream_every_event_with_a_rising_number(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.model.replies[:] = [answer("one two")]
    async with gpt.responses.stream(model="fast", input="hi") as stream:
        heard = [event async for event in stream]
        final = await stream.get_final_response()
    assert final.output_text == "one two"
    assert [event.sequence_number for event in heard] == list(range(len(heard)))
    assert [event.type.removeprefix("response.") for event in heard] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip


async def test_responses_call_tools_and_take_their_results(site: Site, gpt: openai.AsyncOpenAI) -> None:
    tools: Any = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}]
    site.model.replies[:] = [calls_a_tool("Hm.")]
    async with gpt.responses.stream(model="fast", input="weather?", tools=tools) as stream:
        final = await stream.get_final_response()
    thought, call = final.output
    assert thought.type == "reasoning"
    assert thought.summary[0].text == "Hm."
    assert call.type == "function_call"
    assert (call.name, call.arguments, call.call_id) == ("weather", '{"city":"Bern"}', "call_1")
    site.model.replies[:] = [answer("Rain.")]
    again: Any = [*HI, *(item.to_dict() for item in final.output)]
    again.append({"type": "function_call_output", "call_id": call.call_id, "output": "rain"})
    assert (await gpt.responses.create(model="fast", input=again, tools=tools)).output_text == "Rain."
    assert [turn["role"] for turn in site.model.requests[-1]["messages"]] == ["user", "assistant", "tool"]


async def test_embeddings_as_numbers_and_packed(site: Site, gpt: openai.AsyncOpenAI) -> None:
    for encoding in ("float", "base64", None):
        options: Any = {"encoding_format": encoding} if encoding else {}
        found = await gpt.embeddings.create(model="text-embedding-3-small", input=["a", "bcd"], **options)
        vectors = [row.embedding for row in found.data]
        assert encoding == "base64" or vectors == [[1.0, 1.0], [3.0, 1.0]]
    assert found.usage.prompt_tokens == 6
    with pytest.raises(openai.BadRequestError, match="tokens"):
        await gpt.embeddings.create(model="text-embedding-3-small", input=[[1, 2, 3]])
    with pytest.raises(openai.NotFoundError, match="'answers' is a feature"):
        await gpt.embeddings.create(model="answers", input="a")


async def test_models_are_listed_for_both_packages(
    gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    names = [model.id for model in (await gpt.models.list()).data]
    assert {"fast", "sorter", "answers"} <= set(names)
    assert [model.id async for model in claude.models.list()] == names
    assert (await gpt.models.retrieve("fast")).id == "fast"
    assert (await claude.models.retrieve("fast")).display_name == "fast"
    with pytest.raises(openai.NotFoundError, match="did you mean"):
        await gpt.models.retrieve("fastt")


# ---- anthropic


async def test_messages(site: Site, claude: anthropic.AsyncAnthropic) -> None:
    site.model.replies[:] = [answer("Hello there.", "length")]
    said = await claude.messages.create(model="fast", max_tokens=5, system="Be brief.", messages=HI)
    assert said.content[0].type == "text"
    assert said.content[0].text == "Hello there."
    assert said.stop_reason == "max_tokens"
    assert (said.usage.input_tokens, said.usage.cache_read_input_tokens, said.usage.output_tokens) == (7, 4, 7)


async def test_messages_stream_with_thoughts_and_a_tool(site: Site, claude: anthropic.AsyncAnthropic) -> None:
    tools: Any = [{"name": "weather", "description": "d", "input_schema": SCHEMA}]
    site.model.replies[:] = [calls_a_tool("Let me look.")]
    async with claude.messages.stream(model="fast", max_tokens=500, messages=HI, tools=tools) as stream:
        kinds = [event.type async for event in stream if event.type.startswith(("message", "content"))]
        final = await stream.get_final_message()
    assert kinds == [
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "content_block_start",
        "content_block_delta", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    thought, call = final.content
    assert thought.type == "thinking"
    assert thought.thinking == "Let me look."
    assert call.type == "tool_use"
    assert (call.id, call.name, call.input) == ("call_1", "weather", {"city": "Bern"})
    assert final.stop_reason == "tool_use"
    site.model.replies[:] = [answer("Rain.")]
    result: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]}
    back: Any = [*HI, {"role": "assistant", "content": [part.to_dict() for part in final.content]}, result]
    said = await claude.messages.create(model="fast", max_tokens=50, messages=back, tools=tools)
    assert said.content[0].type == "text"
    sent = site.model.requests[-1]["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "tool"]
    assert (sent[2]["tool_call_id"], sent[2]["content"]) == ("call_1", "rain")


async def test_tokens_are_estimated(claude: anthropic.AsyncAnthropic) -> None:
    counted = await claude.messages.count_tokens(
        model="fast", messages=[{"role": "user", "content": "word " * 300}]
    )
    assert 300 <= counted.input_tokens <= 700


# ---- LangChain and LlamaIndex


async def test_langchain(site: Site, gpt: openai.AsyncOpenAI) -> None:
    @tool
    def weather(city: str) -> str:
        """Tells the weather."""
        return city

    chat = ChatOpenAI(model="gpt-4o-mini", base_url=f"{site.url}/v1", api_key=site.keys["caller"], max_retries=0)  # type: ignore[arg-type]
    site.model.replies[:] = [answer("Hello there.")]
    assert (await chat.ainvoke([HumanMessage("hi")])).text == "Hello there."
    heard = [piece async for piece in chat.astream("hi")]
    assert "".join(piece.text for piece in heard) == "Hello there."
    site.model.replies[:] = [calls_a_tool()]
    called = await chat.bind_tools([weather]).ainvoke("hi")
    assert called.tool_calls[0]["args"] == {"city": "Bern"}  # type: ignore[attr-defined]
    site.model.replies[:] = [answer('{"city": "Bern"}')]
    assert await chat.with_structured_output(City).ainvoke("hi") == City(city="Bern")
    by_responses = ChatOpenAI(
        model="gpt-4o-mini",
        base_url=f"{site.url}/v1",
        api_key=site.keys["caller"],
        use_responses_api=True,
        max_retries=0,
    )  # type: ignore[call-arg, arg-type]
    site.model.replies[:] = [answer("Hello there.")]
    assert (await by_responses.ainvoke("hi")).text == "Hello there."
    assert "".join([piece.text async for piece in by_responses.astream("hi")]) == "Hello there."
    vectors = OpenAIEmbeddings(
        model="text-embedding-3-small",
        base_url=f"{site.url}/v1",
        api_key=site.keys["caller"],
        check_embedding_ctx_length=False,
    )  # type: ignore[call-arg, arg-type]
    assert await vectors.aembed_documents(["a", "bcd"]) == [[1.0, 1.0], [3.0, 1.0]]


async def test_llama_index(site: Site, gpt: openai.AsyncOpenAI) -> None:
    options: Any = {"api_base": f"{site.url}/v1", "api_key": site.keys["caller"], "max_retries": 0}
    llm = LlamaOpenAI(model="gpt-4o-mini", **options)
    site.model.replies[:] = [answer("Hello there.")]
    assert (await llm.achat([ChatMessage(content="hi")])).message.content == "Hello there."
    stream = await llm.astream_chat([ChatMessage(content="hi")])
    assert "".join([piece.delta or "" async for piece in stream]) == "Hello there."
    embedder = OpenAIEmbedding(model="text-embedding-3-small", **options)
    assert await embedder.aget_text_embedding_batch(["a", "bcd"]) == [[1.0, 1.0], [3.0, 1.0]]


# ---- errors, as the packages see them


def fresh() -> str:
    """A model of its own for what fails: one that keeps failing is left alone for a while."""
    return f"test:{uuid4().hex}"


async def test_errors_are_the_packages_own_exceptions(
    site: Site, gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    async def asked(client: Any, model: str = "fast") -> None:
        if isinstance(client, openai.AsyncOpenAI):
            await client.chat.completions.create(model=model, messages=HI)
        else:
            await client.messages.create(model=model, max_tokens=5, messages=HI)

    for client, kinds in ((gpt, openai), (claude, anthropic)):
        with pytest.raises(kinds.NotFoundError, match="no-such-model"):
            await asked(client, "no-such-model")
        with pytest.raises(kinds.AuthenticationError, match="key"):
            await asked(client.with_options(api_key="sh_wrong"))
        with pytest.raises(kinds.PermissionDeniedError, match="reader"):
            await asked(client.with_options(api_key=site.keys["reader"]))
        site.model.replies[:] = [status(500, {"error": {"message": "down"}})]
        with pytest.raises(kinds.InternalServerError):
            await asked(client, fresh())
        site.model.replies[:] = [status(429, {"error": {"message": "slow down"}}, retry_after="1")]
        with pytest.raises(kinds.RateLimitError):
            await asked(client, fresh())


async def test_a_wrong_request_is_a_bad_request(
    site: Site, gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    site.model.replies[:] = [refusal("temperature must be below 2", "temperature")]
    with pytest.raises(openai.BadRequestError, match="temperature must be below 2"):
        await gpt.chat.completions.create(model=fresh(), messages=HI, temperature=9)
    with pytest.raises(openai.BadRequestError, match=r"input\[0\]"):
        await gpt.responses.create(model=fresh(), input=[{"type": "item_reference", "id": "x"}])
    wrong: Any = {"max_tokens": "many"}
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        await claude.messages.create(model="fast", max_tokens=5, messages=HI, extra_body=wrong)


async def test_an_error_inside_of_a_stream_reaches_the_client(
    site: Site, gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    site.model.replies[:] = [error_inside("one two three four", 3, {"message": "gone", "type": "server_error"})]
    with pytest.raises(openai.APIError):
        async for _ in await gpt.chat.completions.create(model=fresh(), messages=HI, stream=True):
            pass
    with pytest.raises(openai.APIError):
        async for _ in await gpt.responses.create(model=fresh(), input="hi", stream=True):
            pass
    with pytest.raises(anthropic.APIError):
        async for _ in await claude.messages.create(model=fresh(), max_tokens=9, messages=HI, stream=True):
            pass


async def test_a_key_of_some_models_gets_no_others_nor_more_than_its_limits(site: Site) -> None:
    limits = KeyLimits(requests_per_minute=2, models=("fast", "text-*"))
    key = await site.workspace.keys.create("narrow", "caller", limits)
    site.model.replies[:] = [answer("Hello there.")]
    async with openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=key, max_retries=0) as narrow:
        assert [it.id for it in (await narrow.models.list()).data] == ["fast", "text-embedding-3-small"]
        for name in ("test:m", "answers"):
            with pytest.raises(openai.PermissionDeniedError, match=name):
                await narrow.chat.completions.create(model=name, messages=HI)

        async def ask_often() -> None:
            for _ in range(5):  # two in this minute, two in the next if it begins meanwhile
                await narrow.chat.completions.create(model="fast", messages=HI)

        with pytest.raises(openai.RateLimitError) as raised:
            await ask_often()
    assert raised.value.code == "rate_limit_exceeded"
    assert int(raised.value.response.headers["retry-after"]) <= 60
