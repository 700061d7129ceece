"""A stream that its vendor breaks off in the middle reaches the client whole, in every dialect."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest
from aiohttp import web
from served_site import OTHERS, Site

from openai_server import answer, chunks
from steadyhand import plugins
from steadyhand.pipeline.gateway.client import ReplyWriter
from steadyhand.types.message import TextDelta

TEXT = "one two three four five six"
HI: Any = [{"role": "user", "content": "hi"}]


def begun(dialect: str) -> list[bytes]:
    """What a vendor sends before it breaks off in the middle."""
    if dialect == "openai":
        return chunks(TEXT)[:3]
    writer: ReplyWriter = plugins.load("serve.gateway.dialects", dialect).Writer(
        model="m", run_id="upstream", created=1, wants_usage=True
    )
    return [writer.begin(), *(writer.delta(TextDelta(word)) for word in ("one", " two"))]


def breaks_off(dialect: str, then: str, first: str = "m") -> Any:
    """The model `first` breaks off, any other says `then`."""

    async def reply(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if body["model"] != first:
            return await answer(then)(request, body)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in begun(dialect):
            await response.write(event)
        assert request.transport is not None
        request.transport.close()
        return response

    return reply


async def chatted(client: openai.AsyncOpenAI, _: anthropic.AsyncAnthropic) -> str:
    async with client.chat.completions.stream(model="chats-first", messages=HI) as stream:
        return (await stream.get_final_completion()).choices[0].message.content or ""


async def responded(client: openai.AsyncOpenAI, _: anthropic.AsyncAnthropic) -> str:
    async with client.responses.stream(model="responds-first", input="hi") as stream:
        numbers = [event.sequence_number async for event in stream]
        final = await stream.get_final_response()
    assert numbers == sorted(set(numbers))
    return final.output_text


async def messaged(_: openai.AsyncOpenAI, client: anthropic.AsyncAnthropic) -> str:
    async with client.messages.stream(model="claude-first", max_tokens=99, messages=HI) as stream:
        return await stream.get_final_text()


READERS = {"openai": chatted, "openai_responses": responded, "anthropic": messaged}


@pytest.fixture
async def clients(site: Site) -> AsyncIterator[tuple[openai.AsyncOpenAI, anthropic.AsyncAnthropic]]:
    site.model.requests.clear()
    gpt = openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=site.keys["caller"], max_retries=0)
    claude = anthropic.AsyncAnthropic(base_url=site.url, api_key=site.keys["caller"], max_retries=0)
    async with gpt, claude:
        yield gpt, claude


@pytest.mark.parametrize("dialect", READERS)
async def test_the_next_model_goes_on_without_a_repeated_or_lost_character(
    site: Site, clients: tuple[openai.AsyncOpenAI, anthropic.AsyncAnthropic], dialect: str
) -> None:
    site.model.replies[:] = [breaks_off(dialect, TEXT)]
    assert await READERS[dialect](*clients) == TEXT


@pytest.mark.parametrize("dialect", READERS)
async def test_another_answer_ends_with_an_error_and_never_silently(
    site: Site, clients: tuple[openai.AsyncOpenAI, anthropic.AsyncAnthropic], dialect: str
) -> None:
    site.model.replies[:] = [breaks_off(dialect, "Quite another answer.")]
    with pytest.raises((openai.APIError, anthropic.APIError), match="differently"):
        await READERS[dialect](*clients)


async def test_an_answer_that_nobody_is_left_to_go_on_with_ends_with_an_error_of_its_own(site: Site) -> None:
    site.model.replies[:] = [breaks_off("openai", TEXT, first="lone")]
    body = {"model": "chats:lone", "messages": HI, "stream": True}
    async with site.http.post(f"{site.url}/v1/chat/completions", json=body, headers=site.bearer("caller")) as said:
        error = json.loads((await said.text()).strip().rpartition("data: ")[2])["error"]
    assert error["code"] == "provider.stream_broken"
    assert "no model was left" in error["message"]


PATHS = {"openai": "/chat/completions", "openai_responses": "/responses", "anthropic": "/messages"}


@pytest.mark.parametrize("dialect", READERS)
async def test_a_client_that_knows_the_event_is_told_to_begin_anew(site: Site, dialect: str) -> None:
    site.model.replies[:] = [breaks_off(dialect, "Quite another answer.")]
    name = next(name for name, spoken in OTHERS.items() if spoken == dialect)
    body = {"model": f"{name}-first", "messages": HI, "input": "hi", "max_tokens": 99, "stream": True}
    headers = {**site.bearer("caller"), "x-steadyhand-reset": "allow"}
    async with site.http.post(f"{site.url}/v1{PATHS[dialect]}", json=body, headers=headers) as said:
        before, _, after = (await said.text()).partition("event: reset\n")
    assert "two" in before
    data, _, anew = after.partition("\n\n")
    assert json.loads(data.removeprefix("data: "))
    stream = plugins.load("providers.dialects", dialect).Stream()
    stream.feed(anew.encode())
    assert stream.finish().text == "Quite another answer."
