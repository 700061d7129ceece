"""What a vendor that turned against us may send in any dialect: an error of ours, in time, and sane numbers."""

import json
from collections.abc import Callable
from time import process_time
from typing import Any, cast

import pytest

from steadyhand import plugins
from steadyhand.errors import ProviderError
from steadyhand.providers.ports import Dialect
from steadyhand.types.model import Completion

DIALECTS = plugins.names("providers.dialects")
DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
DEEP_LIST = b"[" * 100_000 + b"]" * 100_000


def dialect(name: str) -> Dialect:
    return cast("Dialect", plugins.load("providers.dialects", name))


def attempted(read: Callable[..., Completion], *given: object) -> Completion | None:
    """What was read of this; None for an error of ours. Anything else is raised."""
    try:
        return read(*given)
    except ProviderError:
        return None


def streamed(name: str, *pieces: bytes) -> Completion:
    stream = dialect(name).Stream()
    for piece in pieces:
        stream.feed(piece)
    return stream.finish()


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("body", [DEEP, DEEP_LIST, b'{"error":' + DEEP + b"}", b'{"choices":' + DEEP_LIST + b"}"])
def test_json_that_is_nested_without_end_is_an_error_of_the_provider(name: str, body: bytes) -> None:
    for status in (200, 400, 429, 500):
        assert attempted(dialect(name).decode, status, {}, body) is None
    for event in (b"data: " + body + b"\n\n", b"event: x\ndata: " + body + b"\n\n", body + b"\n"):
        assert attempted(streamed, name, event) is None
    with pytest.raises(ProviderError):
        dialect(name).decode_embeddings(200, {}, body)
    with pytest.raises(ProviderError):
        dialect(name).decode_listing(200, {}, body)


@pytest.mark.parametrize("name", DIALECTS)
def test_json_that_is_nested_as_deeply_as_can_be_read_is_read_or_an_error_of_the_provider(name: str) -> None:
    for depth in (*range(200, 1100, 12), 5_000):
        deep = b'{"a":' * depth + b"1" + b"}" * depth
        whole = answers(1)[name][:-1]
        for body in (
            whole + b', "odd": ' + deep + b"}",
            whole + b', "error": ' + deep + b"}",
            b'{"error": ' + deep + b"}",
        ):
            for status in (200, 400):
                attempted(dialect(name).decode, status, {}, body)
            attempted(streamed, name, b"data: " + body + b"\n\n", body + b"\n")


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("piece", [b"data: {", b"{", b"x", b'{"a": "', b"\0\0\0\x10"])
def test_pieces_without_an_end_cost_what_their_bytes_cost(name: str, piece: bytes) -> None:
    stream = dialect(name).Stream()

    def feed() -> float:
        began_s = process_time()
        for _ in range(4_000):
            stream.feed(piece * 64)
        return process_time() - began_s

    try:
        first_s = feed()
        assert feed() < 3 * first_s + 0.3
    except ProviderError:
        return


def answers(count: Any, text: str = "hi") -> dict[str, bytes]:
    """A whole answer of every dialect with this in place of each count of tokens."""
    return {
        name: json.dumps(body).encode()
        for name, body in {
            "openai": {
                "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
                "usage": {
                    "prompt_tokens": count,
                    "completion_tokens": count,
                    "prompt_tokens_details": {"cached_tokens": count},
                    "completion_tokens_details": {"reasoning_tokens": count},
                },
            },
            "openai_responses": {
                "status": "completed",
                "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}],
                "usage": {
                    "input_tokens": count,
                    "output_tokens": count,
                    "input_tokens_details": {"cached_tokens": count},
                    "output_tokens_details": {"reasoning_tokens": count},
                },
            },
            "anthropic": {
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "usage": {
                    "input_tokens": count,
                    "output_tokens": count,
                    "cache_read_input_tokens": count,
                    "cache_creation_input_tokens": count,
                },
            },
            "gemini": {
                "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
                "usageMetadata": {
                    "promptTokenCount": count,
                    "candidatesTokenCount": count,
                    "cachedContentTokenCount": count,
                    "thoughtsTokenCount": count,
                },
            },
            "bedrock": {
                "output": {"message": {"content": [{"text": text}]}},
                "stopReason": "end_turn",
                "usage": {
                    "inputTokens": count,
                    "outputTokens": count,
                    "cacheReadInputTokens": count,
                    "cacheWriteInputTokens": count,
                },
            },
            "ollama": {
                "message": {"content": text},
                "done": True,
                "done_reason": "stop",
                "prompt_eval_count": count,
                "eval_count": count,
            },
        }.items()
    }


@pytest.mark.parametrize("name", answers(1))
@pytest.mark.parametrize(
    "count",
    [-1, -(10**9), 2**31, 2**63, 10**30, 10**400, 1e308, 1.5, "7", True, None, [], float("nan"), float("inf")],
)
def test_counts_that_cannot_be_are_no_counts(name: str, count: Any) -> None:
    completion = attempted(dialect(name).decode, 200, {}, answers(count)[name])
    if completion is not None:
        used = completion.usage
        counts = (
            used.input_tokens, used.output_tokens, used.cached_tokens, used.cache_write_tokens, used.reasoning_tokens,
            used.cache_write_1h_tokens,
        )  # fmt: skip
        assert all(type(each) is int and 0 <= each < 2**31 for each in counts)
        assert used.cached_tokens + used.cache_write_tokens <= used.input_tokens
        assert used.reasoning_tokens <= used.output_tokens


@pytest.mark.parametrize("name", answers(1))
def test_every_answer_of_this_file_is_one(name: str) -> None:
    completion = dialect(name).decode(200, {}, answers(1)[name])
    assert completion.text == "hi"


@pytest.mark.parametrize("name", answers(1))
@pytest.mark.parametrize("text", ["\ud800", "a\0b", "\r\n\r\ndata: {}\n\n", "\u2028", "\x1b[31m"])
def test_texts_can_be_written_down_whatever_is_in_them(name: str, text: str) -> None:
    completion = attempted(dialect(name).decode, 200, {}, answers(1, text)[name])
    if completion is not None:
        completion.text.encode()
