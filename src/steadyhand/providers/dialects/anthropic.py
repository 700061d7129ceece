"""Anthropic messages, below a `base_url` that ends in `/v1`.

Source: Anthropic's API reference, version 2023-06-01 as of 2026-10, and recorded answers.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from steadyhand.errors import ProviderProtocol, ProviderRefused
from steadyhand.providers.dialects._anthropic.faults import refused, reported
from steadyhand.providers.dialects._anthropic.reply import WHAT, Answer, Piece
from steadyhand.providers.dialects._anthropic.request import body
from steadyhand.providers.dialects._faults import broken_off
from steadyhand.providers.dialects._reading import UNREADABLE, converted, decoded, unreadable
from steadyhand.providers.dialects._sse import Events
from steadyhand.providers.dialects._wire import EVENTS, JSON, get, key_header, post
from steadyhand.providers.ports import WireRequest
from steadyhand.types.message import Delta
from steadyhand.types.model import Completion, CompletionRequest, EmbeddingRequest, Embeddings, Model, Provider

_Json = dict[str, Any]
_VERSION = {"anthropic-version": "2023-06-01"}


class _Event(msgspec.Struct, gc=False):
    type: str
    index: int = 0
    delta: Piece | None = None


class _Rare(msgspec.Struct):
    """What the events hold that come once."""

    message: _Json | None = None
    content_block: _Json | None = None
    delta: _Json | None = None
    usage: _Json | None = None
    error: Any = None


class _Entry(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Entry]


_events = msgspec.json.Decoder(list[_Event])
_rare = msgspec.json.Decoder(_Rare)
_object = msgspec.json.Decoder(_Json)
_listing = msgspec.json.Decoder(_Listing)


def encode(
    request: CompletionRequest, model: Model, *, is_streamed: bool, avoid: frozenset[str] = frozenset()
) -> WireRequest:
    """The request as Anthropic wants it, without the parameters in `avoid`.

    Those are `temperature`, `top_p`, `metadata`, `cache_control`, `strict`, `tool_choice`, `output_format`
    (structured outputs), `budget_tokens` and `effort` (two ways to bound thought) and `thinking` (thought itself).
    Raises `ProviderRefused` for media that Anthropic does not read.
    """
    sent = body(request, model, avoid)
    if is_streamed:
        sent["stream"] = True
    return post("/messages", sent, accept=EVENTS if is_streamed else JSON, headers=_VERSION)


def decode(status: int, headers: Mapping[str, str], body: bytes) -> Completion:
    """The answer to a request that was not streamed. `headers` are in lower case; raises unless `status` is 2xx."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    fields = decoded(body, _object, WHAT)
    if "error" in fields:
        raise reported(fields["error"])
    content = converted(fields.get("content"), list[_Json], WHAT)
    answer = Answer()
    answer.tell(fields)
    for index, block in enumerate(content):
        answer.open(index, block)
        answer.close(index)
    return answer.completion()


def encode_listing() -> WireRequest:
    """The request for the names of the models there are; a page holds more than there are."""
    return get("/models?limit=1000", headers=_VERSION)


def decode_listing(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """Names of the models, newest first. Raises like `decode`, also for JSON that is no list of models."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    return tuple(entry.id for entry in decoded(body, _listing, "a list of models").data)


def encode_embeddings(request: EmbeddingRequest, model: Model) -> WireRequest:
    """Raises `ProviderRefused`: Anthropic has no embeddings."""
    del request
    raise _no_embeddings(model.name)


def decode_embeddings(status: int, headers: Mapping[str, str], body: bytes) -> Embeddings:
    """Raises `ProviderRefused`, or what the status says."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    raise _no_embeddings("Anthropic's API")


def authorize(provider: Provider, wire: WireRequest, key: str, now: datetime) -> Mapping[str, str]:
    """The header that carries the key; a `key_header` of `authorization` wants a bearer token."""
    del wire, now
    return key_header(provider, key, usual="x-api-key")


class Stream:
    """Reads one streamed answer; `feed` raises for an error that comes after the status 200."""

    def __init__(self) -> None:
        self._events = Events()
        self._answer = Answer()
        self.is_done = False

    def feed(self, data: bytes) -> list[Delta]:
        """What `data` completes; it may be cut anywhere, also inside a character."""
        events = self._events.feed(data)
        return self._read(events) if events else []

    def finish(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when the stream broke off before its end."""
        with suppress(ProviderProtocol):  # half a line
            self._read(self._events.rest())
        if not self.is_done:
            raise broken_off(self._answer.length)
        if not self._answer.has_begun:
            raise ProviderProtocol("expected a message; found a stream without one")
        return self._answer.completion()

    def _read(self, events: list[bytes]) -> list[Delta]:
        try:
            read = _events.decode(b"[" + b",".join(events) + b"]")
        except UNREADABLE as error:
            raise unreadable(WHAT, b"\n".join(events), error) from None
        if len(read) != len(events):
            raise ProviderProtocol(f"expected one object for each event; found {events!r:.100}")
        found: list[Delta] = []
        answer = self._answer
        for number, event in enumerate(read):
            if event.type == "content_block_delta" and event.delta is not None:
                delta = answer.add(event.index, event.delta)
            else:
                delta = self._take(event, events[number])
            if delta is not None:
                found.append(delta)
        return found

    def _take(self, event: _Event, raw: bytes) -> Delta | None:
        match event.type:
            case "content_block_start":
                return self._answer.open(event.index, _rarely(raw).content_block or {})
            case "content_block_stop":
                return self._answer.close(event.index)
            case "message_start":
                self._answer.tell(_rarely(raw).message or {})
            case "message_delta":
                told = _rarely(raw)
                self._answer.tell({**(told.delta or {}), "usage": told.usage})
            case "message_stop":
                self.is_done = True
            case "error":
                raise reported(_rarely(raw).error)
        return None


def _rarely(raw: bytes) -> _Rare:
    return decoded(raw, _rare, WHAT)


def _no_embeddings(found: str) -> ProviderRefused:
    return ProviderRefused(
        f"expected a model with embeddings; found {found}, and Anthropic has none",
        hint="name an embedding model of another provider, such as openai:text-embedding-3-small",
    )
