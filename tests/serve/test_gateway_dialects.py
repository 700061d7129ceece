"""Every client dialect understands what its vendor's own packages send, and says what they can read."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand import plugins
from steadyhand.errors import (
    BudgetExceeded,
    Forbidden,
    InputTooLarge,
    InvalidInput,
    NoModel,
    NotFound,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    SteadyhandError,
    Unauthenticated,
)
from steadyhand.pipeline.gateway.client import ClientDialect, ReplyWriter
from steadyhand.providers.ports import Dialect
from steadyhand.types.ids import ModelId
from steadyhand.types.message import (
    Delta,
    Media,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
)
from steadyhand.types.model import Completion, CompletionRequest, Model, Provider, Usage
from steadyhand.types.text import Segment

NAMES = plugins.names("serve.gateway.dialects")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
COMPLETION = Completion(
    text="Grüße, 你好",
    tool_calls=(ToolCall("call_1", "weather", '{"city":"Bern"}'), ToolCall("call_2", "weather", '{"city":"Rom"}')),
    usage=Usage(input_tokens=20, output_tokens=9, cached_tokens=5, cache_write_tokens=2, reasoning_tokens=3),
    finish="tool",
)
DELTAS: tuple[Delta, ...] = (
    TextDelta("Grüße, "),
    TextDelta("你好"),
    ToolCallDelta(0, "call_1", "weather", '{"city":'),
    ToolCallDelta(0, "", "", '"Bern"}'),
    ToolCallDelta(1, "call_2", "weather", '{"city":"Rom"}'),
)


def client(name: str) -> ClientDialect:
    return cast("ClientDialect", plugins.load("serve.gateway.dialects", name))


def provider(name: str) -> Dialect:
    """The provider dialect that speaks the same bytes."""
    return cast("Dialect", plugins.load("providers.dialects", client(name).NAME))


def model(name: str) -> Model:
    home = Provider(name="v", dialect=name, base_url="http://v", place="local", clearance="restricted")
    return Model(id=ModelId("v:m"), provider=home, name="m", price=None, context_tokens=None)


def writer(name: str) -> ReplyWriter:
    return client(name).Writer(model="m", run_id="R", created=1, wants_usage=True)


def said(text: str, origin: Any = "caller") -> Segment:
    return Segment(text, origin, "untrusted", "internal")


def bare(part: Part) -> Part:
    """Without the place of a text, which each dialect names in its own way."""
    if isinstance(part, Segment):
        return replace(part, path="")
    if isinstance(part, ToolResult):
        return replace(part, parts=tuple(cast("Any", bare(inner)) for inner in part.parts))
    return part


def conversation(request: CompletionRequest) -> list[tuple[str, list[Part]]]:
    return [(message.role, [bare(part) for part in message.parts]) for message in request.messages]


REQUEST = CompletionRequest(
    messages=(
        Message("system", (said("Be brief."),)),
        Message(
            "user", (said("Look."), Media("image/png", data="aWs="), Media("image/*", url="https://x.test/a.png"))
        ),
        Message("assistant", (said("I ask.", "model"), ToolCall("call_1", "weather", '{"city":"Bern"}'))),
        Message("user", (ToolResult("call_1", (said("rain", "tool"),), "weather"),)),
        Message("user", (said("And now?"),)),
    ),
    timeout_s=9,
    tools=(Tool("weather", "Tells the weather.", SCHEMA),),
    tool_choice=ToolChoice("tool", "weather", is_parallel=False),
    max_output_tokens=77,
    temperature=0.5,
    top_p=0.9,
    user="somebody",
)


@pytest.mark.parametrize("name", NAMES)
def test_what_our_own_codec_sends_is_understood_again(name: str) -> None:
    sent = provider(name).encode(REQUEST, model(name), is_streamed=False)
    assert sent.path.endswith(client(name).PATH)
    read = client(name).read(sent.body, 9)
    expected = REQUEST.messages
    if name == "anthropic":  # it has turns of one side joined
        expected = (*expected[:3], Message("user", (*expected[3].parts, *expected[4].parts)))
    assert conversation(read) == conversation(replace(REQUEST, messages=expected))
    assert [(tool.name, tool.description, tool.parameters) for tool in read.tools] == [
        (tool.name, tool.description, tool.parameters) for tool in REQUEST.tools
    ]
    fields = ("tool_choice", "max_output_tokens", "temperature", "top_p", "user", "timeout_s")
    assert {field: getattr(read, field) for field in fields} == {field: getattr(REQUEST, field) for field in fields}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_of_the_answer_is_understood(name: str) -> None:
    sent = provider(name).encode(
        replace(REQUEST, tools=(), tool_choice=None, output_schema=SCHEMA), model(name), is_streamed=False
    )
    assert client(name).read(sent.body, 9).output_schema == SCHEMA


@pytest.mark.parametrize("name", NAMES)
def test_what_is_absent_is_left_to_the_vendor(name: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "input": "hi", "top_k": 7}
    read = client(name).read(json.dumps(body).encode(), 9)
    assert (read.max_output_tokens, read.temperature, read.top_p, read.seed, read.effort) == (
        None,
        None,
        None,
        None,
        "",
    )
    assert (read.tools, read.tool_choice, read.output_schema, read.stop) == ((), None, None, ())
    assert read.extra["top_k"] == 7
    assert "model" not in read.extra
    segment = read.messages[0].segments[0]
    assert (segment.origin, segment.trust, segment.data_class) == ("caller", "untrusted", "internal")
    assert segment.path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("finish", ["stop", "length", "tool"])
def test_a_whole_answer_is_what_the_vendors_codec_reads(name: str, finish: Any) -> None:
    completion = replace(COMPLETION, finish=finish, tool_calls=COMPLETION.tool_calls if finish == "tool" else ())
    body = client(name).answer(completion, model="asked", run_id="R", created=1)
    read = provider(name).decode(200, {}, body)
    assert (read.text, read.tool_calls, read.finish) == (completion.text, completion.tool_calls, finish)
    assert counted(read.usage) == counted(completion.usage)
    assert read.model == "asked"
    assert "R" in json.loads(body)["id"]


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_is_what_the_vendors_codec_reads(name: str) -> None:
    written = writer(name)
    stream = provider(name).Stream()
    heard = list(stream.feed(written.begin()))
    for delta in DELTAS:
        heard += stream.feed(written.delta(delta))
    heard += stream.feed(written.end(COMPLETION))
    read = stream.finish()
    assert stream.is_done
    assert (read.text, read.tool_calls, read.finish) == (COMPLETION.text, COMPLETION.tool_calls, "tool")
    assert "".join(delta.text for delta in heard if isinstance(delta, TextDelta)) == COMPLETION.text
    assert counted(read.usage) == counted(COMPLETION.usage)


@pytest.mark.parametrize("name", NAMES)
@given(texts=st.lists(st.text(min_size=1), max_size=6))
def test_any_text_goes_through_a_stream(name: str, texts: list[str]) -> None:
    written, stream = writer(name), provider(name).Stream()
    stream.feed(written.begin())
    for text in texts:
        stream.feed(written.delta(TextDelta(text)))
    stream.feed(written.end(Completion(text="".join(texts))))
    assert stream.finish().text == "".join(texts)


@pytest.mark.parametrize("name", NAMES)
def test_thoughts_come_before_the_answer_and_outside_of_it(name: str) -> None:
    written, stream = writer(name), provider(name).Stream()
    deltas = (ReasoningDelta("Let me "), ReasoningDelta("think."), TextDelta("Yes."))
    heard: list[Delta] = list(stream.feed(written.begin()))
    for delta in deltas:
        heard += stream.feed(written.delta(delta))
    heard += stream.feed(written.end(Completion(text="Yes.", reasoning=(Reasoning("Let me think."),))))
    assert "".join(delta.text for delta in heard if isinstance(delta, ReasoningDelta)) == "Let me think."
    assert stream.finish().text == "Yes."


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "opaque",
    [
        {"thoughtSignature": "abc"},
        {"signature": "s"},
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "e"},
    ],
    ids=["gemini", "anthropic", "openai"],
)
def test_what_a_vendor_wants_back_goes_through_the_client_and_comes_back(name: str, opaque: dict[str, Any]) -> None:
    call = ToolCall("call_1", "weather", "{}", {"thoughtSignature": "of the call"})
    completion = Completion(text="Well.", reasoning=(Reasoning("Hm.", opaque),), tool_calls=(call,), finish="tool")
    body = json.loads(client(name).answer(completion, model="m", run_id="R", created=1))
    again = {
        "openai": lambda: {"messages": [body["choices"][0]["message"]]},
        "openai_responses": lambda: {"input": body["output"]},
        "anthropic": lambda: {"messages": [{"role": "assistant", "content": body["content"]}]},
    }[name]()
    (turn,) = client(name).read(json.dumps({"model": "m", **again}).encode(), 9).messages
    thoughts = [part for part in turn.parts if isinstance(part, Reasoning)]
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    assert turn.text == "Well."
    assert [(it.text, {key: it.opaque[key] for key in opaque}) for it in thoughts] == [("Hm.", opaque)]
    assert calls == [call]


@pytest.mark.parametrize("name", NAMES)
def test_after_a_reset_the_answer_begins_anew(name: str) -> None:
    written = writer(name)
    begun = written.begin() + written.delta(TextDelta("Wrong words"))
    reset = written.reset()
    assert begun
    assert reset.startswith(b"event: reset\ndata: {")
    stream = provider(name).Stream()
    stream.feed(written.delta(TextDelta("Right.")))
    stream.feed(written.end(Completion(text="Right.")))
    assert stream.finish().text == "Right."


@pytest.mark.parametrize("name", NAMES)
def test_an_error_inside_a_stream_is_an_error_to_the_vendors_codec(name: str) -> None:
    written, stream = writer(name), provider(name).Stream()
    stream.feed(written.begin() + written.delta(TextDelta("half an ")))
    with pytest.raises(SteadyhandError, match="gone"):
        stream.feed(written.fail(ProviderUnavailable("it is gone", hint="ask again")))


@pytest.mark.parametrize("name", [it for it in NAMES if it != "openai"])
def test_more_of_a_call_that_is_closed_is_refused(name: str) -> None:
    written = writer(name)
    written.begin()
    for delta in (ToolCallDelta(0, "a", "f", "{"), ToolCallDelta(1, "b", "f", "{}")):
        written.delta(delta)
    with pytest.raises(ProviderProtocol):
        written.delta(ToolCallDelta(0, "", "", "}"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"messages": []}', b'{"model": 7}',
        b'{"model": "m", "stream": "yes"}', b'{"a":' * 5_000, b'{"model": "m\\ud800"}', b'{"model": "m", "x\xff": 1}',
    ],
)  # fmt: skip
def test_a_head_that_cannot_be_read_is_the_clients_mistake(name: str, body: bytes) -> None:
    with pytest.raises(InvalidInput):
        client(name).head(body)


MISTAKES: dict[str, list[tuple[dict[str, Any], str]]] = {
    "openai": [
        ({"messages": "hi"}, "messages: expected a list"),
        ({"messages": [{"role": "ghost", "content": "x"}]}, r"messages\[0\].role"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, r"messages\[0\].content\[0\]"),
        ({"messages": [], "n": 3}, "n: expected 1"),
        ({"messages": [], "max_tokens": "many"}, "max_tokens: expected a whole number"),
        ({"messages": [], "tools": [{"type": "web_search"}]}, r"tools\[0\]"),
        ({"messages": [], "tool_choice": "perhaps"}, "tool_choice"),
        ({"messages": [], "reasoning_effort": "very"}, "reasoning_effort"),
        ({"messages": [], "stop": 7}, "stop"),
    ],
    "openai_responses": [
        ({"input": 7}, "input: expected text or a list"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, r"input\[0\]"),
        ({"input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "x", "background": True}, "background"),
        ({"input": "x", "tools": [{"type": "web_search"}]}, r"tools\[0\]"),
    ],
    "anthropic": [
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]}, "source.type"),
        ({"messages": [], "tools": [{"type": "bash_20250124", "name": "bash"}]}, r"tools\[0\]"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "tool_use_id"),
        ({"messages": [], "stop_sequences": "x"}, "stop_sequences"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "body", "place"), [(name, *it) for name, all_ in MISTAKES.items() for it in all_])
def test_a_mistake_is_named_with_its_place(name: str, body: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidInput, match=place):
        client(name).read(json.dumps({"model": "m", **body}).encode(), 9)


@pytest.mark.parametrize("name", NAMES)
def test_the_head_says_what_has_to_be_known_first(name: str) -> None:
    body = {
        "model": "m", "stream": True, "max_tokens": 5, "max_output_tokens": 5, "user": "u", "metadata": {"user_id": "u"},
        "stream_options": {"include_usage": True}, "messages": [{"content": [[[{}]]]}], "input": [{}],
    }  # fmt: skip
    head = client(name).head(json.dumps(body).encode())
    assert (head.model, head.is_streamed, head.max_output_tokens, head.end_user) == ("m", True, 5, "u")
    assert head.wants_usage


def test_counts_at_the_end_of_a_chat_stream_come_only_when_they_are_asked_for() -> None:
    written = client("openai").Writer(model="m", run_id="R", created=1, wants_usage=False)
    events = written.begin() + written.delta(TextDelta("x")) + written.end(COMPLETION)
    assert b"usage" not in events
    assert not client("openai").head(b'{"model": "m", "stream": true}').wants_usage


def test_a_mark_of_the_cache_says_how_much_of_the_conversation_is_stable() -> None:
    def stable(body: dict[str, Any]) -> int:
        return client("anthropic").read(json.dumps({"model": "m", **body}).encode(), 9).stable_messages

    marked = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    plain = {"role": "user", "content": "y"}
    assert stable({"system": [marked], "messages": [plain]}) == 1
    assert stable({"system": "s", "messages": [plain, {"role": "assistant", "content": [marked]}, plain]}) == 3
    assert stable({"system": "s", "messages": [plain]}) == 0
    assert stable({"cache_control": {"type": "ephemeral"}, "messages": [plain]}) == 1


ERRORS: list[tuple[SteadyhandError, int, str, int, str]] = [
    (InvalidInput("x"), 400, "invalid_request_error", 400, "invalid_request_error"),
    (ProviderRefused("x", vendor_status=400), 400, "invalid_request_error", 400, "invalid_request_error"),
    (Unauthenticated("x"), 401, "invalid_request_error", 401, "authentication_error"),
    (Forbidden("x"), 403, "invalid_request_error", 403, "permission_error"),
    (NotFound("x"), 404, "invalid_request_error", 404, "not_found_error"),
    (InputTooLarge("x"), 413, "invalid_request_error", 413, "request_too_large"),
    (RateLimited("x"), 429, "rate_limit_error", 429, "rate_limit_error"),
    (ProviderRateLimited("x"), 429, "rate_limit_error", 429, "rate_limit_error"),
    (BudgetExceeded("x"), 429, "insufficient_quota", 402, "billing_error"),
    (ProviderUnavailable("x"), 502, "server_error", 502, "api_error"),
    (ProviderRefused("x"), 502, "server_error", 502, "api_error"),
    (NoModel("x"), 503, "server_error", 529, "overloaded_error"),
    (ProviderTimeout("x"), 504, "server_error", 504, "timeout_error"),
    (SteadyhandError("x"), 500, "server_error", 500, "api_error"),
]


@pytest.mark.parametrize(
    ("error", "status", "kind", "other_status", "other_kind"), ERRORS, ids=lambda it: type(it).__name__
)
def test_errors_are_said_in_the_vendors_words(
    error: SteadyhandError, status: int, kind: str, other_status: int, other_kind: str
) -> None:
    error.hint = "do this"
    for name in NAMES:
        body = json.loads(client(name).failure(error))
        told = body["error"]
        assert told["message"] == "x. hint: do this"
        assert told["steadyhand"]["code"] == error.code
        expected = (other_status, other_kind) if name == "anthropic" else (status, kind)
        assert (client(name).status(error), told["type"]) == expected


def counted(usage: Usage) -> tuple[int, ...]:
    """The counts that every vendor's codec reads."""
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )
