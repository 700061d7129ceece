"""Gemini, of Google's Gemini API and of Vertex AI.

Source: Gemini API's and Vertex AI's references, 2026-10, and recorded answers of both. The two differ in their
address, in how they take the key, and in embeddings. Every chunk of a stream is an answer of its own; the stream
has no end mark but the reason why the model stopped.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import quote

import msgspec

from steadyhand.errors import ProviderProtocol
from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._faults import broken_off
from steadyhand.providers.dialects._fields import joined
from steadyhand.providers.dialects._gemini.answer import WHAT, Answer
from steadyhand.providers.dialects._gemini.config import generation_config
from steadyhand.providers.dialects._gemini.faults import refused
from steadyhand.providers.dialects._gemini.schema import lowered
from steadyhand.providers.dialects._gemini.turns import contents, system_instruction, with_instruction
from steadyhand.providers.dialects._instruction import json_instruction
from steadyhand.providers.dialects._reading import decoded
from steadyhand.providers.dialects._sse import Events
from steadyhand.providers.dialects._wire import EVENTS, JSON, get, key_header, post
from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta, Tool, ToolChoice
from steadyhand.types.model import (
    Completion,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    Model,
    Provider,
)

_OLDER = re.compile(r"gemini-[12]\b")
"""Generations that count thoughts in tokens instead of levels and take no media inside a tool's result."""

_TASKS = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}


class _Named(msgspec.Struct):
    name: str


class _Listing(msgspec.Struct):
    models: list[_Named]


class _Statistics(msgspec.Struct):
    token_count: float | None = None


class _Values(msgspec.Struct):
    values: tuple[float, ...]
    statistics: _Statistics = msgspec.field(default_factory=_Statistics)


class _Prediction(msgspec.Struct):
    embeddings: _Values


class _Vectors(msgspec.Struct):
    """Gemini API answers with `embeddings`, Vertex AI with `predictions`."""

    embeddings: list[_Values] | None = None
    predictions: list[_Prediction] | None = None


_anything = msgspec.json.Decoder(object)
_listing = msgspec.json.Decoder(_Listing)
_vectors = msgspec.json.Decoder(_Vectors)


def encode(
    request: CompletionRequest, model: Model, *, is_streamed: bool, avoid: frozenset[str] = frozenset()
) -> WireRequest:
    """The request as Gemini wants it, without the parameters in `avoid`.

    `avoid` knows "thinking" and "response_format": without it the schema is said in the system instruction. Fields
    of `request.extra` are added to what we say: objects field by field, lists at their end.
    """
    is_older = _OLDER.search(model.name) is not None
    body: JsonObject = {"contents": contents(request.messages, takes_media_of_tools=not is_older)}
    system = system_instruction(request.messages)
    if request.output_schema is not None and "response_format" in avoid:
        system = with_instruction(system, json_instruction(request.output_schema))
    if system:
        body["systemInstruction"] = system
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
    if request.tools and request.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _calling(request.tool_choice)}
    if config := generation_config(request, avoid, is_older=is_older):
        body["generationConfig"] = config
    action = "streamGenerateContent?alt=sse" if is_streamed else "generateContent"
    return _post(model, action, joined(body, request.extra))


def decode(status: int, headers: Mapping[str, str], body: bytes) -> Completion:
    """The answer to a request that was not streamed. `headers` are in lower case; raises unless `status` is 2xx.

    A list of chunks, as servers send that do not stream events, is read as well.
    """
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    found, answer = _json(body), Answer()
    for chunk in found if isinstance(found, list) else [found]:
        answer.take(chunk)
    if not answer.is_ended:
        raise ProviderProtocol(f"expected an answer with a finished candidate; found {body[:100]!r}")
    return answer.completion()


def encode_embeddings(request: EmbeddingRequest, model: Model) -> WireRequest:
    """The request for one vector for each text."""
    task: JsonObject = {"taskType": _TASKS[request.purpose]} if request.purpose else {}
    size: JsonObject = {} if request.dimensions is None else {"outputDimensionality": request.dimensions}
    if _is_vertex(model.provider):
        kind: JsonObject = {"task_type": task["taskType"]} if task else {}
        instances: list[Json] = [{"content": text, **kind} for text in request.texts]
        return _post(model, "predict", {"instances": instances, **({"parameters": size} if size else {})})
    shared: JsonObject = {"model": _resource(model.name), **task, **size}
    requests: list[Json] = [{"content": {"parts": [{"text": text}]}, **shared} for text in request.texts]
    return _post(model, "batchEmbedContents", {"requests": requests})


def decode_embeddings(status: int, headers: Mapping[str, str], body: bytes) -> Embeddings:
    """The vectors, in the order of the texts. Raises like `decode`. Only Vertex AI counts tokens."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    found = decoded(body, _vectors, "a list of vectors")
    if found.embeddings is None and found.predictions is None:
        raise ProviderProtocol(f"expected a list of vectors; found {body[:100]!r}")
    each = found.embeddings or [prediction.embeddings for prediction in found.predictions or ()]
    tokens = sum(one.statistics.token_count or 0 for one in each)
    return Embeddings(tuple(one.values for one in each), counted(int(tokens)))


def encode_listing() -> WireRequest:
    """The request for the names of the models there are, which Vertex AI refuses."""
    return get("/models?pageSize=1000")


def decode_listing(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """Names of the models, in the server's order. Raises like `decode`, also for JSON that is no list of models."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    return tuple(model.name.removeprefix("models/") for model in decoded(body, _listing, "a list of models").models)


def authorize(provider: Provider, wire: WireRequest, key: str, now: datetime) -> Mapping[str, str]:
    """The header that carries the key. In `authorization`, as Vertex AI has it, the key is a bearer's token."""
    del wire, now
    return key_header(provider, key, usual="x-goog-api-key")


class Stream:
    """Reads one streamed answer; `feed` raises for an error that the vendor sends after its status 200."""

    is_done = False  # there is no end mark: what ends a stream is that nothing follows the reason to stop

    def __init__(self) -> None:
        self._events = Events()
        self._answer = Answer()

    def feed(self, data: bytes) -> list[Delta]:
        """What `data` completes; it may be cut anywhere, also inside a character."""
        return [delta for event in self._events.feed(data) for delta in self._take(event)]

    def finish(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when the stream broke off before its end."""
        with suppress(ProviderProtocol):  # half a line
            for event in self._events.rest():
                self._take(event)
        if not self._answer.is_ended:
            raise broken_off(self._answer.length)
        return self._answer.completion()

    def _take(self, event: bytes) -> list[Delta]:
        return self._answer.take(_json(event)) if event.strip() else []


def _declaration(tool: Tool) -> Json:
    out: JsonObject = {"name": tool.name, "description": tool.description}
    return {**out, "parametersJsonSchema": lowered(tool.parameters)}


def _calling(choice: ToolChoice) -> JsonObject:
    """Which tool to call. That only one may be called at once cannot be said."""
    if choice.mode == "tool":
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    return {"mode": {"auto": "AUTO", "none": "NONE", "required": "ANY"}[choice.mode]}


def _post(model: Model, action: str, body: JsonObject) -> WireRequest:
    accept = EVENTS if action.endswith("alt=sse") else JSON
    return post(f"/{quote(_resource(model.name))}:{action}", body, accept=accept)


def _resource(name: str) -> str:
    """The model as the API names it; one that was tuned says itself that it is in `tunedModels/`."""
    return name if "/" in name else f"models/{name}"


def _is_vertex(provider: Provider) -> bool:
    return "/publishers/" in provider.base_url


def _json(body: bytes) -> object:
    return decoded(body, _anything, WHAT)
