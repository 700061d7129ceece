"""What a member of `dialects/` and of `builtin/` has to offer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from steadyhand.types.message import Delta
from steadyhand.types.model import (
    Completion,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    Model,
    Provider,
    Task,
)
from steadyhand.types.ports import Embed


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request to `path`, which begins with "/" and is put behind the base URL. `headers` never hold a key."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


class StreamDecoder(Protocol):
    """Reads one streamed answer.

    `feed` takes bytes as they come, cut anywhere, and gives what they complete. `is_done` holds once the dialect's
    own end mark was read: nothing that follows matters. `finish` gives the whole answer, or raises
    `ProviderUnavailable` when the stream broke off before its end: an answer is never shortened unsaid.
    """

    @property
    def is_done(self) -> bool: ...

    def feed(self, data: bytes) -> list[Delta]: ...

    def finish(self) -> Completion: ...


class Dialect(Protocol):
    """A module of `dialects/`: pure functions, no I/O.

    `avoid` holds names of request parameters that this server refused before, as `ParameterRefused` named them.
    `decode` takes the whole answer to a request that was not streamed, or to one that failed; it and the stream
    raise the provider errors of `errors.py`. `authorize` gives the headers that carry the key, or that sign this
    request with it. A dialect whose vendor has no embeddings, or no list of models, raises `ProviderRefused`.
    """

    def encode(
        self, request: CompletionRequest, model: Model, *, is_streamed: bool, avoid: frozenset[str] = frozenset()
    ) -> WireRequest: ...

    def decode(self, status: int, headers: Mapping[str, str], body: bytes) -> Completion: ...

    def encode_embeddings(self, request: EmbeddingRequest, model: Model) -> WireRequest: ...

    def decode_embeddings(self, status: int, headers: Mapping[str, str], body: bytes) -> Embeddings: ...

    def encode_listing(self) -> WireRequest: ...

    def decode_listing(self, status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]: ...

    def authorize(self, provider: Provider, wire: WireRequest, key: str, now: datetime) -> Mapping[str, str]: ...

    def Stream(self) -> StreamDecoder: ...  # noqa: N802 - a class of the module


class BuiltinModel(Protocol):
    """A built-in model. Blocks: it is called in a worker thread."""

    def __call__(self, task: Task) -> Completion: ...


class Builtin(Protocol):
    """A module of `builtin/`."""

    def build(self, embed: Embed) -> BuiltinModel: ...
