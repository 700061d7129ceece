"""Every dialect keeps the same promises; a new file in `providers/dialects/` is held to them at once."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand import plugins
from steadyhand.errors import ProviderError, ProviderRefused
from steadyhand.providers.ports import Dialect
from steadyhand.types.ids import ModelId
from steadyhand.types.message import Message
from steadyhand.types.model import CompletionRequest, Model, Provider, Task
from steadyhand.types.text import Segment

DIALECTS = plugins.names("providers.dialects")


def dialect(name: str) -> Dialect:
    return cast("Dialect", plugins.load("providers.dialects", name))


def model(name: str) -> Model:
    provider = Provider(
        name="p", dialect=name, base_url="https://h/v1", key_variable="K", place="us", clearance="public"
    )
    return Model(id=ModelId("p:m"), provider=provider, name="m", price=None, context_tokens=None)


def request(text: str) -> CompletionRequest:
    return CompletionRequest(
        messages=(Message("user", (Segment(text, "caller", "untrusted", "public"),)),),
        task=Task(input={}, query="", output_schema={}),
        output_schema={"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        timeout_s=1,
    )


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_request_goes_below_the_base_url_says_the_same_twice_and_holds_no_key(
    name: str, is_streamed: bool
) -> None:
    first = dialect(name).encode(request("hello"), model(name), is_streamed=is_streamed)
    assert first == dialect(name).encode(request("hello"), model(name), is_streamed=is_streamed)
    assert first.path.startswith("/")
    key_headers = dialect(name).authorize(
        model(name).provider, first, "the-key", datetime(2026, 11, 21, tzinfo=UTC)
    )
    assert any("the-key" in value for value in key_headers.values())
    assert not key_headers.keys() & {header.lower() for header in first.headers}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 422, 429, 500, 502, 503, 529])
def test_a_status_that_is_not_2xx_is_an_error_that_is_retryable_when_it_may_pass(name: str, status: int) -> None:
    with pytest.raises(ProviderError) as raised:
        dialect(name).decode(status, {}, b"")
    assert raised.value.is_retryable == (status in {408, 429} or status >= 500)
    with pytest.raises(ProviderError):
        dialect(name).decode_listing(status, {}, b"")


@pytest.mark.parametrize(
    ("name", "status", "error", "meant"),
    [
        ("openai", 429, {"code": "insufficient_quota", "message": "You exceeded your current quota."}, 402),
        ("anthropic", 400, {"type": "invalid_request_error", "message": "Your credit balance is too low."}, 402),
        ("gemini", 400, {"code": 400, "message": "API key not valid. Please pass a valid API key."}, 401),
    ],
)
def test_a_refusal_that_holds_for_the_whole_account_says_so_whatever_its_status(
    name: str, status: int, error: dict[str, object], meant: int
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        dialect(name).decode(status, {}, msgspec.json.encode({"error": error}))
    assert refused.value.vendor_status == meant
    assert str(error["message"]) in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "body",
    [b"wait  a\nbit", b'"wait a bit"', b'{"message": "wait a bit"}', b'{"error": {"message": "wait a bit"}}'],
)
def test_what_a_vendor_says_is_told_on_one_line_however_it_is_wrapped(name: str, body: bytes) -> None:
    with pytest.raises(ProviderError, match=r"found status 503: wait a bit$"):
        dialect(name).decode(503, {}, body)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_vendor_that_says_nothing_is_not_quoted(name: str) -> None:
    with pytest.raises(ProviderError, match=r"found status 500: no message$"):
        dialect(name).decode(500, {}, b"")


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "bedrock"])
def test_a_key_in_the_authorization_header_is_a_bearers_and_in_any_other_bare(name: str) -> None:
    wire = dialect(name).encode(request("hello"), model(name), is_streamed=False)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    for header, value in (("Authorization", "Bearer the-key"), ("api-key", "the-key")):
        provider = replace(model(name).provider, key_header=header)
        assert dialect(name).authorize(provider, wire, "the-key", now) == {header: value}


@pytest.mark.parametrize("name", DIALECTS)
@given(junk=st.binary(max_size=200))
def test_no_bytes_make_a_dialect_raise_anything_but_provider_errors(name: str, junk: bytes) -> None:
    def streamed() -> None:
        stream = dialect(name).Stream()
        stream.feed(junk)
        stream.finish()

    for read in (lambda: dialect(name).decode(200, {}, junk), streamed):
        with pytest.raises(ProviderError):
            read()


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stream_that_says_nothing_is_no_answer(name: str) -> None:
    with pytest.raises(ProviderError):
        dialect(name).Stream().finish()
