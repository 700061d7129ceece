"""Ollama, in its own dialect.

Source: Ollama's API reference, 2026-10. A stream is one JSON object a line. A prompt longer than the context is
refused, where Ollama would cut it unsaid; `extra = {"options": {"num_ctx": N}}` makes the context larger.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime

import msgspec

from steadyhand.errors import ProviderProtocol, ProviderRefused
from steadyhand.providers.dialects._arguments import arguments_of
from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._fields import given, joined
from steadyhand.providers.dialects._ollama.answer import Answer, refused
from steadyhand.providers.dialects._reading import decoded
from steadyhand.providers.dialects._wire import JSON, get, key_header, post
from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta, Media, Message, Reasoning, Tool, ToolCall, ToolResult
from steadyhand.types.model import (
    Completion,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    Model,
    Provider,
)
from steadyhand.types.text import Segment

_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}


class _Entry(msgspec.Struct):
    name: str


class _Listing(msgspec.Struct):
    models: list[_Entry]


class _Vectors(msgspec.Struct):
    embeddings: list[tuple[float, ...]]
    model: str = ""
    prompt_eval_count: int = 0


_listing = msgspec.json.Decoder(_Listing)
_vectors = msgspec.json.Decoder(_Vectors)


def encode(
    request: CompletionRequest, model: Model, *, is_streamed: bool, avoid: frozenset[str] = frozenset()
) -> WireRequest:
    """The request as Ollama wants it, without `think` when it is in `avoid`.

    Which tool to call cannot be said. Fields of `request.extra` are added to what we say: objects field by field.
    Raises `ProviderRefused` for documents, and for images that the server would have to fetch.
    """
    body: JsonObject = {
        "model": model.name,
        "messages": [each for message in request.messages for each in _turns(message)],
        "stream": is_streamed,
        "truncate": False,
        "shift": False,
    }
    if request.tools and not (request.tool_choice and request.tool_choice.mode == "none"):
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.output_schema is not None or request.is_json:
        body["format"] = "json" if request.output_schema is None else dict(request.output_schema)
    if request.effort and "think" not in avoid:
        body["think"] = _think(request, model)
    if options := _options(request):
        body["options"] = options
    return post("/api/chat", joined(body, request.extra), accept=f"application/x-ndjson, {JSON}")


def decode(status: int, headers: Mapping[str, str], body: bytes) -> Completion:
    """The answer to a request that was not streamed. `headers` are in lower case; raises unless `status` is 2xx."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    answer = Answer()
    for line in body.splitlines() or [b""]:
        answer.take(line)
    return answer.completion()


def encode_embeddings(request: EmbeddingRequest, model: Model) -> WireRequest:
    """The request for one vector for each text."""
    body: JsonObject = {"model": model.name, "input": list(request.texts), "truncate": False}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return post("/api/embed", body)


def decode_embeddings(status: int, headers: Mapping[str, str], body: bytes) -> Embeddings:
    """The vectors, in the order of the texts. Raises like `decode`."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    found = decoded(body, _vectors, "a list of vectors")
    return Embeddings(tuple(found.embeddings), counted(found.prompt_eval_count), found.model)


def encode_listing() -> WireRequest:
    """The request for the names of the models there are."""
    return get("/api/tags")


def decode_listing(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """Names of the models, in the server's order. Raises like `decode`, also for JSON that is no list of models."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    return tuple(model.name for model in decoded(body, _listing, "a list of models").models)


def authorize(provider: Provider, wire: WireRequest, key: str, now: datetime) -> Mapping[str, str]:
    """The header that carries the key. A server of one's own has none; a proxy before it and ollama.com do."""
    del wire, now
    return key_header(provider, key)


class Stream:
    """Reads one streamed answer; `feed` raises for an error that the server sends after its status 200."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._answer = Answer()

    @property
    def is_done(self) -> bool:
        return self._answer.is_done

    def feed(self, data: bytes) -> list[Delta]:
        """What `data` completes; it may be cut anywhere, also inside a character."""
        self._line += data
        if b"\n" not in data:
            return []
        *lines, rest = bytes(self._line).split(b"\n")
        self._line = bytearray(rest)
        return [delta for line in lines for delta in self._take(line)]

    def finish(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when the stream broke off before its end."""
        with suppress(ProviderProtocol):  # half a line
            self._take(bytes(self._line))
        return self._answer.completion()

    def _take(self, line: bytes) -> list[Delta]:
        return self._answer.take(line) if line.strip() and not self.is_done else []


def _turns(message: Message) -> Iterator[JsonObject]:
    """A turn as Ollama has them: results of tools are turns of their own, images lie beside the text."""
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    for part in message.parts:
        if isinstance(part, ToolResult):
            text = f"Error: {part.text}" if part.is_error else part.text
            images = [_image(inner) for inner in part.parts if isinstance(inner, Media)]
            turn: JsonObject = {"role": "tool", "content": text, "tool_call_id": part.call_id}
            yield turn | ({"tool_name": part.name} if part.name else {}) | ({"images": images} if images else {})
    if not rest and message.parts:
        return
    text = "".join(part.text for part in rest if isinstance(part, Segment))
    turn = {"role": message.role, "content": text}
    if images := [_image(part) for part in rest if isinstance(part, Media)]:
        turn["images"] = images
    if thoughts := [part.text for part in rest if isinstance(part, Reasoning) and "thinking" in part.opaque]:
        turn["thinking"] = "".join(thoughts)
    if calls := [_call(part) for part in rest if isinstance(part, ToolCall)]:
        turn["tool_calls"] = calls
    yield turn


def _image(media: Media) -> Json:
    if media.is_image and media.data:
        return media.data
    found = f"{media.media_type} at a URL" if media.url else media.media_type
    raise ProviderRefused(
        f"expected images with their data; found {found}", hint="send the image itself, a document as its text"
    )


def _call(call: ToolCall) -> Json:
    return {"id": call.id, "function": {"name": call.name, "arguments": arguments_of(call)}}


def _tool(tool: Tool) -> Json:
    about: JsonObject = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": about}


def _think(request: CompletionRequest, model: Model) -> Json:
    """Whether to think; only gpt-oss takes how much."""
    if request.effort != "none" and "gpt-oss" in model.name:
        return _LEVELS[request.effort]
    return request.effort != "none"


def _options(request: CompletionRequest) -> JsonObject:
    return given(
        num_predict=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
        stop=list(request.stop),
    )
