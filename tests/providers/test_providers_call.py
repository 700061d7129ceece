"""Calls to models over a real connection: what arrives, what is given up, and that no key leaks."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import numpy as np
import openai
import pytest
from raw_server import playing, saying, whole

import openai_server as upstream
from openai_server import OpenAIServer, serving
from steadyhand import plugins
from steadyhand.errors import (
    InvalidInput,
    ProviderError,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from steadyhand.providers.call import Completer
from steadyhand.providers.secrets import Secrets
from steadyhand.providers.transport import Limits, Transport
from steadyhand.types.ids import ModelId
from steadyhand.types.json import JsonSchema
from steadyhand.types.message import Message, TextDelta, Tool
from steadyhand.types.model import (
    Completion,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    Model,
    Provider,
    Task,
    Usage,
)
from steadyhand.types.text import Segment

KEY = "sk-very-secret-0123456789"
LIMITS = Limits(connect_s=2, first_byte_s=2, idle_s=0.2, body_bytes=100_000)


class NoEmbedding:
    id = "none"

    def __call__(self, texts: object) -> np.ndarray:
        raise AssertionError("nothing is embedded here")


@asynccontextmanager
async def completing(limits: Limits = LIMITS, key: str = KEY) -> AsyncIterator[Completer]:
    secrets = Secrets(lambda variable: key if variable == "TEST_KEY" else "")
    completer = Completer(Transport(limits, secrets=secrets), NoEmbedding())
    try:
        yield completer
    finally:
        await completer.close()


def model_of(server: OpenAIServer, **changes: str) -> Model:
    return model_at(replace(server.provider(), **changes))


def model_at(provider: Provider, name: str = "m") -> Model:
    return Model(
        id=ModelId(f"{provider.name}:{name}"), provider=provider, name=name, price=None, context_tokens=None
    )


def asking(timeout_s: float = 5.0, **changes: object) -> CompletionRequest:
    question = Segment("How are you?", "caller", "untrusted", "public")
    request = CompletionRequest(
        messages=(Message("user", (question,)),),
        task=Task(input={}, query="", output_schema={}),
        output_schema=None,
        timeout_s=timeout_s,
    )
    return replace(request, **changes)


async def test_a_streamed_answer_arrives_whole_with_its_usage_and_time_to_the_first_token() -> None:
    async with serving(upstream.answer("Grüße aus Zürich 👋")) as server, completing() as complete:
        completion = await complete(model_of(server), asking())
    assert (completion.text, completion.finish, completion.model) == ("Grüße aus Zürich 👋", "stop", "m-1")
    assert completion.usage == Usage(11, 7, 4)
    assert completion.first_token_s is not None
    assert server.requests[0]["stream"] is True


async def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    async with serving(upstream.always_whole("all at once")) as server, completing() as complete:
        completion = await complete(model_of(server), asking())
    assert (completion.text, completion.first_token_s) == ("all at once", None)


async def test_tokens_nobody_counted_are_estimated_and_marked() -> None:
    async with serving(upstream.answer("some words", usage=None)) as server, completing() as complete:
        usage = (await complete(model_of(server), asking())).usage
    assert usage.is_estimated
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0


async def test_connections_are_used_again() -> None:
    async with serving(upstream.answer("hello")) as server, completing() as complete:
        for _ in range(5):
            await complete(model_of(server), asking())
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (upstream.status(500, {"error": {"message": "boom"}}), ProviderUnavailable),
        (upstream.status(429, {"error": {"message": "slow down"}}, retry_after="0"), ProviderRateLimited),
        (upstream.stalled("one two three", after=2), ProviderTimeout),
        (upstream.cut("one two three", after=2, is_clean=True), ProviderUnavailable),
        (upstream.cut("one two three", after=2, is_clean=False), ProviderUnavailable),
        (upstream.error_inside("one two", 2, {"message": "overloaded", "code": 503}), ProviderUnavailable),
        (upstream.status(200, "<html>login</html>", content_type="text/html"), ProviderProtocol),
        (upstream.events(b"data: {nonsense\n\n"), ProviderProtocol),
        (upstream.events(b""), ProviderUnavailable),
    ],
)
async def test_a_fault_is_told_at_once_and_never_shortens_an_answer(
    fault: upstream.Reply, kind: type[ProviderError]
) -> None:
    """Whether it is tried again is decided elsewhere: every attempt has a row of its own."""
    async with serving(fault) as server, completing() as complete:
        with pytest.raises(kind, match=r"^test:m: (?!test:m)") as raised:
            await complete(model_of(server), asking())
        assert len(server.requests) == 1
    assert type(raised.value) is kind


@pytest.mark.parametrize("code", [400, 401, 403, 404])
async def test_a_refusal_is_not_tried_again_and_carries_what_the_vendor_said(code: int) -> None:
    async with serving(upstream.refusal("the vendor says no", code=code)) as server, completing() as complete:
        with pytest.raises(ProviderRefused, match="the vendor says no"):
            await complete(model_of(server), asking())
        assert len(server.requests) == 1


async def test_a_rate_limit_says_how_long_it_holds() -> None:
    limited = upstream.status(429, {"error": {"message": "later"}}, retry_after="60")
    async with serving(limited) as server, completing() as complete:
        with pytest.raises(ProviderRateLimited) as raised:
            await complete(model_of(server), asking(timeout_s=5))
    assert raised.value.retry_after_s == 60


async def test_a_slow_model_is_given_up_in_time() -> None:
    async with serving(upstream.slow(30)) as server, completing() as complete:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ProviderTimeout):
            await complete(model_of(server), asking(timeout_s=0.3))
        assert loop.time() - began < 5
        await asyncio.wait_for(server.abandoned.wait(), 5)


async def test_cancelling_a_call_lets_go_of_the_provider() -> None:
    async with serving(upstream.slow(30)) as server, completing() as complete:
        call = asyncio.create_task(complete(model_of(server), asking(timeout_s=30)))
        await asyncio.wait_for(server.asked.wait(), 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(server.abandoned.wait(), 5)


async def test_an_end_mark_ends_the_call_though_the_connection_stays_open() -> None:
    async with serving(upstream.left_open("done")) as server, completing() as complete:
        assert (await complete(model_of(server), asking(timeout_s=2))).text == "done"


async def test_an_endless_answer_is_cut_off() -> None:
    flood = upstream.events(*upstream.chunks("word " * 3000)[:-3])
    async with serving(flood) as server, completing() as complete:
        with pytest.raises(ProviderProtocol, match="at most 100000 bytes"):
            await complete(model_of(server), asking())


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with serving() as server:
        gone = model_of(server)
    async with completing() as complete:
        with pytest.raises(ProviderUnavailable):
            await complete(gone, asking())


@pytest.mark.parametrize(
    "address", ["http://me:hunter2@127.0.0.1:1/v1", f"http://me:hunter2@{'a' * 70}.example/v1"]
)
@pytest.mark.parametrize("key_variable", ["", "KEY"])
async def test_an_address_that_cannot_be_used_is_unavailable_and_its_password_is_not_shown(
    address: str, key_variable: str
) -> None:
    provider = Provider(
        name="p",
        dialect="openai",
        base_url=address,
        key_variable=key_variable,
        place="local",
        clearance="restricted",
    )
    completer = Completer(Transport(secrets=Secrets(lambda variable: "k")), np.array)
    with pytest.raises(ProviderUnavailable) as caught:
        await completer(model_at(provider), asking())
    await completer.close()
    assert "hunter2" not in str(caught.value)


async def test_a_refused_parameter_is_left_out_and_remembered() -> None:
    schema = {"type": "object", "properties": {}, "required": []}
    refusals = [
        upstream.refusal("This response_format type is unavailable now"),
        upstream.refusal("Unsupported parameter", param="max_tokens"),
        upstream.refusal("Extra inputs are not permitted: stream_options", code=422),
    ]
    async with serving(*refusals, upstream.answer("{}")) as server, completing() as complete:
        model, request = model_of(server), asking(output_schema=schema)
        assert (await complete(model, request)).text == "{}"
        assert (await complete(model, request)).text == "{}"
        assert len(server.requests) == 5
    last = server.requests[-1]
    assert last["response_format"] == {"type": "json_object"}
    assert "max_completion_tokens" in last
    assert "stream_options" not in last


async def test_a_parameter_that_cannot_be_left_out_is_refused_after_one_more_try() -> None:
    refusal = upstream.refusal("temperature must be hot", param="temperature")
    async with serving(refusal) as server, completing() as complete:
        with pytest.raises(ProviderRefused, match="must be hot"):
            await complete(model_of(server), asking())
        assert len(server.requests) == 2


async def test_a_missing_key_is_said_before_anything_is_sent() -> None:
    async with serving() as server, completing(key="") as complete:
        with pytest.raises(ProviderRefused, match="TEST_KEY") as raised:
            await complete(model_at(server.provider("TEST_KEY")), asking())
        assert server.requests == []
    assert "steadyhand doctor" in raised.value.hint


async def test_a_key_goes_to_its_provider_and_to_nobody_it_points_at() -> None:
    async with serving() as elsewhere:
        moved = upstream.status(307, "", location=f"{elsewhere.base_url}/chat/completions")
        async with serving(moved) as server, completing() as complete:
            with pytest.raises(ProviderRefused, match="307") as raised:
                await complete(model_at(server.provider("TEST_KEY")), asking())
        assert server.headers[0]["authorization"] == f"Bearer {KEY}"
        assert elsewhere.requests == []
    assert "redirect" in raised.value.hint


@pytest.mark.parametrize(
    "reply",
    [
        upstream.refusal(f"Incorrect API key provided: {KEY}", code=401),
        upstream.refusal("Incorrect API key provided: sk-very-*********6789", code=401),
        upstream.status(500, f"cannot log in with {KEY}"),
        upstream.status(200, f"<p>{KEY}</p>", content_type="text/html"),
        upstream.error_inside("one", 1, {"message": f"bad key {KEY}", "code": 401}),
    ],
)
async def test_a_key_appears_in_no_error_and_no_log(
    reply: upstream.Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(reply) as server, completing() as complete:
        with pytest.raises(ProviderError) as raised:
            await complete(model_at(server.provider("TEST_KEY")), asking())
        shown = "".join(traceback.format_exception(raised.value)) + repr(vars(complete)) + caplog.text
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    for part in (KEY, "6789"):
        assert part not in shown + raised.value.hint


async def test_a_key_that_no_header_can_carry_is_refused_without_being_shown() -> None:
    async with serving() as server, completing(key="schlüssel\nwert") as complete:
        with pytest.raises(ProviderRefused, match="printable ASCII") as raised:
            await complete(model_at(server.provider("TEST_KEY")), asking())
    assert "wert" not in "".join(traceback.format_exception(raised.value))


async def test_an_answer_that_is_not_streamed_is_asked_for_whole() -> None:
    async with serving(upstream.answer("whole")) as server, completing() as complete:
        completion = await complete(model_of(server), asking(), is_streamed=False)
    assert (completion.text, completion.first_token_s) == ("whole", None)
    assert "stream" not in server.requests[0]


async def test_an_answer_that_is_not_streamed_may_take_all_its_time() -> None:
    async with serving(upstream.slow(0.2)) as server, completing(Limits(first_byte_s=0.05)) as complete:
        assert (await complete(model_of(server), asking(), is_streamed=False)).text == "late"


async def test_a_stream_gives_every_piece_and_then_the_whole() -> None:
    async with serving(upstream.answer("Grüße aus Zürich 👋")) as server, completing() as complete:
        *deltas, last = [piece async for piece in complete.stream(model_of(server), asking())]
        assert len(server.connections) == 1
    assert [delta.text for delta in deltas] == ["Grüße", " aus", " Zürich", " 👋"]
    assert isinstance(last, Completion)
    assert (last.text, last.usage) == ("Grüße aus Zürich 👋", Usage(11, 7, 4))


async def test_an_answer_that_comes_whole_though_a_stream_was_asked_for_is_given_in_pieces_too() -> None:
    async with serving(upstream.always_whole("all at once")) as server, completing() as complete:
        *deltas, last = [piece async for piece in complete.stream(model_of(server), asking())]
    assert deltas == [TextDelta("all at once")]
    assert isinstance(last, Completion)


async def test_pieces_come_before_a_stream_breaks_and_then_its_error() -> None:
    async with serving(upstream.cut("one two three", after=3, is_clean=False)) as server, completing() as complete:
        pieces = complete.stream(model_of(server), asking())
        assert [(await anext(pieces)).text for _ in range(2)] == ["one", " two"]
        with pytest.raises(ProviderUnavailable, match=r"^test:m: (?!test:m)"):
            await anext(pieces)


async def test_a_stream_that_is_left_early_ends_the_providers_work() -> None:
    async with serving(upstream.stalled("one two three", after=3)) as server, completing() as complete:
        async with aclosing(complete.stream(model_of(server), asking())) as pieces:
            assert (await anext(pieces)).text == "one"
        await asyncio.wait_for(server.abandoned.wait(), 5)


@pytest.mark.parametrize("dialect", plugins.names("providers.dialects"))
async def test_a_schema_that_is_nested_too_deeply_is_the_callers_mistake(dialect: str) -> None:
    schema: JsonSchema = {"type": "object"}
    for _ in range(5_000):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    async with serving(upstream.answer("ok")) as server, completing() as complete:
        model = model_at(replace(server.provider(), dialect=dialect))
        with pytest.raises(InvalidInput, match="nested"):
            await complete(model, asking(tools=(Tool("deep", "", schema, is_strict=True),)))


async def test_a_refused_parameter_is_left_out_of_a_stream_too() -> None:
    refusal = upstream.refusal("Unsupported parameter", param="max_tokens")
    async with serving(refusal, upstream.answer("ok")) as server, completing() as complete:
        pieces = [piece async for piece in complete.stream(model_of(server), asking())]
    assert pieces[-1].text == "ok"
    assert "max_tokens" in server.requests[0]
    assert "max_tokens" not in server.requests[1]


async def test_vectors_come_in_the_order_of_their_texts_and_are_never_free() -> None:
    vectors = [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}]
    counted = {"data": vectors, "model": "e-1", "usage": {"prompt_tokens": 9}}
    request = EmbeddingRequest(("one", "two"), timeout_s=5)
    async with playing(saying(whole(json.dumps(counted).encode()))) as server, completing() as complete:
        found = await complete.embed(model_at(server.provider()), request)
        server.play = saying(whole(json.dumps({"data": vectors}).encode()))
        uncounted = await complete.embed(model_at(server.provider()), request)
        assert server.heads[0].startswith("POST /v1/embeddings ")
    assert found == Embeddings(((1.0, 0.0), (0.0, 1.0)), Usage(9), "e-1")
    assert uncounted.usage.is_estimated
    assert uncounted.usage.input_tokens > 0


async def test_a_refusal_of_vectors_names_the_model_and_no_key() -> None:
    said = whole(json.dumps({"error": {"message": f"bad key {KEY}"}}).encode(), "401 Unauthorized")
    async with playing(saying(said)) as server, completing() as complete:
        model = model_at(server.provider(key_variable="TEST_KEY"))
        with pytest.raises(ProviderRefused, match=r"^test:m: .*bad key \*\*\*"):
            await complete.embed(model, EmbeddingRequest(("one",), timeout_s=5))


async def test_the_vendors_own_client_reads_the_same_answer() -> None:
    """The official SDK against the same server: it is the oracle, and it shows that the server is a fair one."""
    async with serving(upstream.answer("Grüße aus Zürich", finish="length")) as server, completing() as complete:
        client = openai.AsyncOpenAI(api_key="x", base_url=server.base_url, max_retries=0)
        whole = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])
        ours = await complete(model_of(server), asking())
        await client.close()
    assert whole.usage is not None
    assert ours == Completion(
        text=whole.choices[0].message.content or "",
        usage=Usage(whole.usage.prompt_tokens, whole.usage.completion_tokens, 4),
        finish="length",
        model=whole.model,
        id=whole.id,
        first_token_s=ours.first_token_s,
    )
    assert whole.choices[0].finish_reason == "length"


async def test_what_we_send_is_what_the_vendors_own_client_sends() -> None:
    async with serving() as server, completing() as complete:
        await complete(model_of(server), asking())
        client = openai.AsyncOpenAI(api_key="x", base_url=server.base_url, max_retries=0)
        async for _ in await client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "How are you?"}],
            max_tokens=2048,
            temperature=0.0,
            stream=True,
            stream_options={"include_usage": True},
        ):
            pass
        await client.close()
    ours, theirs = server.requests
    assert ours == theirs
    assert json.dumps(ours)
