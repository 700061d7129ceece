"""OpenAI chat completions, as OpenAI and the many that speak its dialect do.

Source: OpenAI's API reference, 2026-10, and recorded answers of the vendors named below. Unknown fields of an
answer are ignored; null stands for absent everywhere, because vendors send it everywhere. Reasoning that a vendor
sends beside the text is not part of the text.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

import msgspec

from steadyhand.errors import ProviderProtocol, ProviderUnavailable
from steadyhand.providers.dialects._openai_faults import raise_for_reply, refused
from steadyhand.providers.dialects._sse import Events
from steadyhand.providers.dialects._strict import strict
from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import Json, JsonObject, JsonSchema
from steadyhand.types.message import Delta, TextDelta
from steadyhand.types.model import (
    Completion,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    FinishReason,
    Model,
    Provider,
    Usage,
)

_MOST_TOKENS = 100_000_000  # of one call; more is a vendor's mistake, and would be a cost

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


class _Part(msgspec.Struct):
    type: str = "text"
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        """The visible text. Mistral sends a list in which thoughts lie beside it."""
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content if part.type == "text")
        return self.content or ""


class _Choice(msgspec.Struct):
    index: int | None = 0
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None
    error: object = None


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None


class _Reasoning(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoning | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek
    num_cached_tokens: int | None = None  # Mistral
    cached_tokens: int | None = None  # Together


class _GroqExtra(msgspec.Struct):
    usage: _Usage | None = None


class _Reply(msgspec.Struct):
    """A whole answer, or one chunk of a stream."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    x_groq: _GroqExtra | None = None
    model: str | None = None
    error: object = None


class _Entry(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Entry]


class _Vector(msgspec.Struct):
    embedding: tuple[float, ...]
    index: int = 0


class _Vectors(msgspec.Struct):
    data: list[_Vector]
    usage: _Usage | None = None
    model: str | None = None


_reply = msgspec.json.Decoder(_Reply)
_vectors = msgspec.json.Decoder(_Vectors)
_listing = msgspec.json.Decoder(_Listing)


def encode(
    request: CompletionRequest, model: Model, *, is_streamed: bool, avoid: frozenset[str] = frozenset()
) -> WireRequest:
    """The request as OpenAI wants it, without the parameters in `avoid`.

    `max_tokens` becomes `max_completion_tokens` when it is avoided; a schema that may not be sent as
    `response_format` is said in the prompt, and the answer asked to be any JSON object.
    """
    messages: list[Json] = [{"role": message.role, "content": message.text} for message in request.messages]
    body: JsonObject = {"model": model.name, "messages": messages}
    if request.max_output_tokens is not None:
        body["max_completion_tokens" if "max_tokens" in avoid else "max_tokens"] = request.max_output_tokens
    if request.temperature is not None and "temperature" not in avoid:
        body["temperature"] = request.temperature
    if request.output_schema is not None:
        is_native = "response_format" not in avoid
        body["response_format"] = _response_format(request.output_schema) if is_native else {"type": "json_object"}
        body["messages"] = messages if is_native else _told(messages, request.output_schema)
    if is_streamed:
        body["stream"] = True
        if "stream_options" not in avoid:
            body["stream_options"] = {"include_usage": True}
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream" if is_streamed else "application/json",
    }
    return WireRequest("/chat/completions", headers, msgspec.json.encode(body))


def decode(status: int, headers: Mapping[str, str], body: bytes) -> Completion:
    """The answer to a request that was not streamed. `headers` are in lower case; raises unless `status` is 2xx."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    reply = _read(body)
    raise_for_reply(reply.error)
    if not reply.choices:
        raise ProviderProtocol("expected an answer with a choice; found none")
    choice = reply.choices[0]
    raise_for_reply(choice.error)
    message = choice.message or _Message()
    return Completion(
        text=message.text,
        usage=_usage(reply.usage),
        finish=_finish(choice.finish_reason, is_refusal=bool(message.refusal)),
        model=reply.model or "",
    )


def encode_listing() -> WireRequest:
    """The request for the names of the models there are."""
    return WireRequest("/models", {"accept": "application/json"}, b"", method="GET")


def decode_listing(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """Names of the models, in the server's order. Raises like `decode`, also for JSON that is no list of models."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    try:
        return tuple(entry.id for entry in _listing.decode(body).data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderProtocol(f"expected a list of models; found {body[:100]!r} ({error})") from None


def encode_embeddings(request: EmbeddingRequest, model: Model) -> WireRequest:
    """The request for one vector for each text."""
    body: JsonObject = {"model": model.name, "input": list(request.texts), "encoding_format": "float"}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return WireRequest("/embeddings", {"content-type": "application/json"}, msgspec.json.encode(body))


def decode_embeddings(status: int, headers: Mapping[str, str], body: bytes) -> Embeddings:
    """The vectors, in the order of the texts. Raises like `decode`."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    try:
        found = _vectors.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderProtocol(f"expected a list of vectors; found {body[:100]!r} ({error})") from None
    in_order = sorted(found.data, key=lambda vector: vector.index)
    return Embeddings(tuple(vector.embedding for vector in in_order), _usage(found.usage), found.model or "")


def authorize(provider: Provider, wire: WireRequest, key: str, now: datetime) -> Mapping[str, str]:
    """The header that carries the key; Azure calls it `api-key`."""
    del wire, now
    return {provider.key_header: key} if provider.key_header else {"authorization": f"Bearer {key}"}


class Stream:
    """Reads one streamed answer; `feed` raises for an error that a vendor sends after its status 200."""

    def __init__(self) -> None:
        self._events = Events()
        self._texts: list[str] = []
        self._usage: _Usage | None = None
        self._model = ""
        self._finish = ""
        self._is_refusal = False
        self.is_done = False

    def feed(self, data: bytes) -> list[Delta]:
        """The pieces of text that `data` completes; it may be cut anywhere, also inside a character."""
        return [delta for event in self._events.feed(data) for delta in self._take(event)]

    def finish(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when the stream broke off before its end."""
        with suppress(ProviderProtocol):  # half a line
            for event in self._events.rest():
                self._take(event)
        if not self.is_done and not self._finish:
            length = sum(map(len, self._texts))
            raise ProviderUnavailable(f"expected the end of the stream; it broke off after {length} characters")
        if not self._finish and not self._texts:
            raise ProviderProtocol("expected an answer with a choice; found a stream without one")
        return Completion(
            text="".join(self._texts),
            usage=_usage(self._usage),
            finish=_finish(self._finish, is_refusal=self._is_refusal),
            model=self._model,
        )

    def _take(self, event: bytes) -> list[Delta]:
        if self.is_done or not event.strip():
            return []
        if event.strip() == b"[DONE]":
            self.is_done = True
            return []
        chunk = _read(event)
        raise_for_reply(chunk.error)
        self._usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None) or self._usage
        self._model = self._model or chunk.model or ""
        return [TextDelta(text) for choice in chunk.choices or () if (text := self._read_choice(choice))]

    def _read_choice(self, choice: _Choice) -> str:
        if choice.index:
            return ""  # a second answer, which was not asked for
        raise_for_reply(choice.error)
        self._finish = choice.finish_reason or self._finish
        if choice.delta is None:
            return ""
        self._is_refusal = self._is_refusal or bool(choice.delta.refusal)
        text = choice.delta.text
        if text:
            self._texts.append(text)
        return text


def _read(body: bytes) -> _Reply:
    try:
        return _reply.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderProtocol(f"expected JSON of a chat completion; found {body[:100]!r} ({error})") from None


def _usage(found: _Usage | None) -> Usage:
    """Tokens as counted by the vendor; `Usage()` when it counted none, or what cannot be."""
    if found is None or found.prompt_tokens is None:
        return Usage()
    if not (0 <= found.prompt_tokens <= _MOST_TOKENS and 0 <= _output_tokens(found) <= _MOST_TOKENS):
        return Usage()
    details = found.prompt_tokens_details or _Cached()
    cached = (details.cached_tokens, found.prompt_cache_hit_tokens, found.num_cached_tokens, found.cached_tokens)
    return Usage(
        input_tokens=found.prompt_tokens,
        output_tokens=_output_tokens(found),
        cached_tokens=min(found.prompt_tokens, max((count for count in cached if count), default=0)),
    )


def _output_tokens(found: _Usage) -> int:
    """With reasoning: xAI counts it beside `completion_tokens`, all others inside."""
    output = found.completion_tokens or 0
    reasoning = (found.completion_tokens_details or _Reasoning()).reasoning_tokens or 0
    is_beside = reasoning > 0 and found.total_tokens == (found.prompt_tokens or 0) + output + reasoning
    return output + reasoning if is_beside else output


def _finish(reason: str | None, *, is_refusal: bool) -> FinishReason:
    if reason == "error":
        raise ProviderUnavailable("expected an answer; the provider gave it up with the finish reason 'error'")
    return "filter" if is_refusal else _FINISH.get(reason or "", "other")


def _response_format(schema: JsonSchema) -> JsonObject:
    held = strict(schema)
    shape: JsonObject = {"name": "output", "strict": held is not None, "schema": held or dict(schema)}
    return {"type": "json_schema", "json_schema": shape}


def _told(messages: list[Json], schema: JsonSchema) -> list[Json]:
    """The messages with the schema in the system message; some servers take only one, at the start."""
    wanted = "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n"
    wanted += msgspec.json.encode(dict(schema)).decode()
    first = messages[0] if messages else None
    if isinstance(first, dict) and first["role"] == "system":
        return [{"role": "system", "content": f"{first['content']}\n\n{wanted}"}, *messages[1:]]
    return [{"role": "system", "content": wanted}, *messages]
