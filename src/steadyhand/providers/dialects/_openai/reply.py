"""What an answer of the OpenAI chat dialect, or a chunk of one, says.

Null stands for absent everywhere, because vendors send it everywhere. Reasoning that a vendor sends beside the text
is not part of the text.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from steadyhand.errors import ProviderUnavailable
from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._openai.calls import Piece
from steadyhand.providers.dialects._openai.reasoning import Thoughtful
from steadyhand.providers.dialects._reading import decoded
from steadyhand.types.json import JsonObject
from steadyhand.types.model import FinishReason, Usage

_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "model_length": "length",
    "max_tokens": "length",
    "content_filter": "filter",
    "tool_calls": "tool",
    "function_call": "tool",
}
_GIVEN_UP = {"error", "insufficient_system_resource"}

_KNOWN = {"id", "object", "created", "model", "choices", "usage", "x_groq", "error", "obfuscation"}
_KNOWN_OF_CHOICE = {"index", "message", "delta", "finish_reason", "error"}
_KNOWN_OF_MESSAGE = {"role", "content", "tool_calls", "reasoning_content", "reasoning", "reasoning_details"}


class Message(Thoughtful):
    """A message, or a piece of one."""

    refusal: str | None = None
    tool_calls: list[Piece] | None = None

    @property
    def text(self) -> str:
        """The visible text. Mistral sends a list in which thoughts lie beside it."""
        if isinstance(self.content, list):
            return "".join(
                str(part.get("text") or "") for part in self.content if part.get("type", "text") == "text"
            )
        return self.content or ""


class Choice(msgspec.Struct):
    index: int | None = 0
    message: Message | None = None
    delta: Message | None = None
    finish_reason: str | None = None
    error: Any = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class Counts(msgspec.Struct):
    """Tokens in the words of chat completions and of embeddings."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek
    num_cached_tokens: int | None = None  # Mistral
    cached_tokens: int | None = None  # Together


class _Groq(msgspec.Struct):
    usage: Counts | None = None
    error: Any = None


class Reply(msgspec.Struct):
    """A whole answer, or one chunk of a stream."""

    id: str | None = None
    choices: list[Choice] | None = None
    usage: Counts | None = None
    x_groq: _Groq | None = None
    model: str | None = None
    error: Any = None

    @property
    def counts(self) -> Counts | None:
        return self.usage or (self.x_groq.usage if self.x_groq else None)

    @property
    def fault(self) -> object:
        """The error that came instead of an answer, or in the middle of it; nothing true when there is none."""
        return self.error or (self.x_groq.error if self.x_groq else None)


_reply = msgspec.json.Decoder(Reply)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list_of_fields = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def read(body: bytes) -> Reply:
    """The answer or chunk. Raises `ProviderProtocol` for anything else."""
    return decoded(body, _reply, "JSON of a chat completion")


def unknown(body: bytes) -> JsonObject:
    """The fields of an answer or chunk, which `read` could read, that nobody here knows."""
    return _unknown(_fields.decode(body), _KNOWN)


def unknown_of_all(body: bytes) -> JsonObject:
    """`unknown`, with the unknown fields of the first choice and of its message where they were: in `choices`."""
    fields = _fields.decode(body)
    choice = _list_of_fields.decode(fields["choices"])[0]
    found = _unknown(choice, _KNOWN_OF_CHOICE)
    message = _fields.decode(choice["message"]) if choice.get("message") else {}
    if unknown_of_message := _unknown(message, _KNOWN_OF_MESSAGE):
        found["message"] = unknown_of_message
    return _unknown(fields, _KNOWN) | ({"choices": [found]} if found else {})


def refusal_as_unknown(text: str) -> JsonObject:
    """The text of a refusal as `unknown_of_all` shows it."""
    return {"choices": [{"message": {"refusal": text}}]} if text else {}


def finish_reason(reason: str | None, *, is_refusal: bool, has_calls: bool) -> FinishReason:
    """Why the answer ended; some vendors say "stop" also where tools are asked for.

    Raises `ProviderUnavailable` when the vendor gave up.
    """
    if reason in _GIVEN_UP:
        raise ProviderUnavailable(f"expected an answer; the provider gave it up with the finish reason {reason!r}")
    if is_refusal:
        return "filter"
    found = _FINISH.get(reason or "", "other")
    return "tool" if has_calls and found in {"stop", "other"} else found


def usage(found: Counts | None) -> Usage:
    """Tokens as counted by the vendor; `Usage()` when it counted none, or what cannot be."""
    if found is None or found.prompt_tokens is None:
        return Usage()
    output, reasoning = _output_tokens(found)
    details = found.prompt_tokens_details or _InputDetails()
    cached = (details.cached_tokens, found.prompt_cache_hit_tokens, found.num_cached_tokens, found.cached_tokens)
    return counted(
        found.prompt_tokens,
        output,
        cached=max((count for count in cached if count), default=0),
        written=details.cache_write_tokens or 0,
        reasoning=reasoning,
    )


def _output_tokens(found: Counts) -> tuple[int, int]:
    """All of the output, and the reasoning in it. xAI counts it beside `completion_tokens`, all others inside."""
    output = found.completion_tokens or 0
    reasoning = (found.completion_tokens_details or _OutputDetails()).reasoning_tokens or 0
    is_beside = reasoning > 0 and found.total_tokens == (found.prompt_tokens or 0) + output + reasoning
    return (output + reasoning if is_beside else output), reasoning


def _unknown(fields: Mapping[str, msgspec.Raw], known: set[str]) -> JsonObject:
    """Fields that are not known and not empty."""
    return {
        name: msgspec.json.decode(value)
        for name, value in fields.items()
        if name not in known and bytes(value) not in {b"null", b"[]"}
    }
