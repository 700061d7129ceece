"""What one part needs from another, as the smallest protocol that says it."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from steadyhand.types.document import Picture
from steadyhand.types.ids import ModelId
from steadyhand.types.json import JsonObject, JsonSchema
from steadyhand.types.message import Message
from steadyhand.types.model import Completion, CompletionRequest, EmbeddingRequest, Embeddings, Model
from steadyhand.types.passage import Retrieval
from steadyhand.types.run import Principal, Run
from steadyhand.types.search import SearchRequest
from steadyhand.types.text import DataClass

Vectors = NDArray[np.float32]


class Embed(Protocol):
    """Texts to unit vectors, shape (n, dims), float32. Blocks: call it from a worker thread."""

    @property
    def id(self) -> str: ...

    def __call__(self, texts: Sequence[str]) -> Vectors: ...


class Complete(Protocol):
    """Have a model answer. Raises the provider errors of `errors.py`, never a vendor's or a library's."""

    async def __call__(self, model: Model, request: CompletionRequest) -> Completion: ...


class EmbedForBase(Protocol):
    """Vectors of texts of a knowledge base, or of questions to it: its data class decides who may see them.

    The call is recorded and paid. Raises `NoModel`, `BudgetExceeded`, `RateLimited` or like `Complete`.
    """

    async def __call__(self, base: str, model: ModelId, request: EmbeddingRequest) -> Embeddings: ...


class Ask(Protocol):
    """What a model says to these messages, as JSON of `schema`; `name` says in a word what the answer is.

    The models are those of the run that asks, as far as they may see the messages; the call is recorded and paid
    like its others. None when none could answer, or the budget has no room: then the run says why, and goes on.
    `told` are the document versions that the messages hold words of: who may not see them does not see the run.
    """

    async def __call__(
        self, messages: tuple[Message, ...], schema: JsonSchema, name: str, told: frozenset[int] = frozenset()
    ) -> JsonObject | None: ...


class Search(Protocol):
    """The best passages of a knowledge base that the asking principal may see, best first.

    `ask` is there when a run searches; what needs a model is left out without it.
    """

    async def __call__(self, request: SearchRequest, ask: Ask | None = None) -> Retrieval: ...


class StillVisible(Protocol):
    """Those of the document versions that are live now and that the principal may see, in one read."""

    async def __call__(self, versions: Collection[int], principal: Principal) -> frozenset[int]: ...


class FindModel(Protocol):
    """The catalogue's entry for `provider:name`, or None."""

    def __call__(self, model: ModelId) -> Model | None: ...


class Record(Protocol):
    """Returns once the run is on disk."""

    async def __call__(self, run: Run) -> None: ...


class SpentToday(Protocol):
    """What a feature has cost since midnight UTC, in US dollars."""

    async def __call__(self, feature: str) -> Decimal: ...


class ClassOf(Protocol):
    """The data class of a knowledge base."""

    def __call__(self, knowledge_base: str, /) -> DataClass: ...


class SnapshotOf(Protocol):
    """The state of a knowledge base that a search would read now; "" when there is none."""

    async def __call__(self, knowledge_base: str, /) -> str: ...


class Describe(Protocol):
    """What a vision model writes about a picture when it is told `instruction`. Raises like `Complete`."""

    async def __call__(self, picture: Picture, *, instruction: str) -> str: ...
