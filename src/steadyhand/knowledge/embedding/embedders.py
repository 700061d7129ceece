"""Makes vectors off the event loop, by the embedder whose vectors a knowledge base holds."""

import asyncio
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Protocol

import numpy as np

from steadyhand.errors import ModelFilesError, NotFound, ProviderProtocol, WrongEmbedder
from steadyhand.hints import did_you_mean
from steadyhand.settings import EmbedderSettings, Settings
from steadyhand.storage import Database
from steadyhand.types.ids import ModelId
from steadyhand.types.model import EmbeddingRequest
from steadyhand.types.ports import Embed, EmbedForBase, Vectors

DEFAULT = "default"
"""What the embedder of `[embedder]` is called among those of `[embedders]`."""

_OPEN_MOST = 4  # local models in memory at once
_REMOTE_TEXTS = 64  # in one request to a provider
_REMOTE_CHARS = 200_000
_REMOTE_TIMEOUT_S = 120.0


class LocalEmbed(Embed, Protocol):
    """An embedder of `knowledge/embedders/`: it also counts tokens as it cuts them."""

    def questions(self, texts: Sequence[str]) -> Vectors: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


class LazyEmbed:
    """A local embedder that is loaded when it is first used; most commands never do. Thread-safe."""

    def __init__(self, load: Callable[[], LocalEmbed]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: LocalEmbed | None = None

    @property
    def id(self) -> str:
        return self._model().id

    def __call__(self, texts: Sequence[str]) -> Vectors:
        return self._model()(texts)

    def questions(self, texts: Sequence[str]) -> Vectors:
        return self._model().questions(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._model().count_tokens(texts)

    def _model(self) -> LocalEmbed:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded


class Embedder(Protocol):
    """An embedder for asynchronous callers."""

    async def id(self) -> str:
        """Which vectors these are; vectors of different ids are never compared."""
        ...

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, shape (n, dims)."""
        ...

    async def questions(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, to be compared with those of passages."""
        ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int] | None:
        """Tokens of each text as the embedder cuts it, with the two that frame it; None when nobody can tell."""
        ...

    def close(self) -> None: ...


class LocalEmbedder:
    """Passages are embedded one call at a time, which uses all the cores it may; no question waits for them."""

    def __init__(self, embed: LocalEmbed) -> None:
        self._embed = embed
        self._id = ""
        self._passages = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed-passages")
        self._questions = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed-questions")

    async def id(self) -> str:
        if not self._id:  # the model is loaded now
            self._id = await asyncio.get_running_loop().run_in_executor(self._questions, lambda: self._embed.id)
        return self._id

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        return await asyncio.get_running_loop().run_in_executor(self._passages, self._embed, texts)

    async def questions(self, texts: Sequence[str]) -> Vectors:
        return await asyncio.get_running_loop().run_in_executor(self._questions, self._embed.questions, texts)

    async def count_tokens(self, texts: Sequence[str]) -> list[int] | None:
        return await asyncio.get_running_loop().run_in_executor(self._questions, self._embed.count_tokens, texts)

    def close(self) -> None:
        self._passages.shutdown()
        self._questions.shutdown()


class RemoteEmbedder:
    """A provider's model, asked for the vectors of one knowledge base: it may only see what it is cleared for."""

    def __init__(self, embed: EmbedForBase, base: str, model: ModelId, dimensions: int | None) -> None:
        self._embed = embed
        self._base = base
        self._model = model
        self._dimensions = dimensions

    async def id(self) -> str:
        return f"{self._model}/{self._dimensions}" if self._dimensions else self._model

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        return await self._vectors(texts, is_question=False)

    async def questions(self, texts: Sequence[str]) -> Vectors:
        return await self._vectors(texts, is_question=True)

    async def count_tokens(self, texts: Sequence[str]) -> list[int] | None:  # noqa: ARG002 - nobody can tell
        return None

    def close(self) -> None:
        """There is nothing to close."""

    async def _vectors(self, texts: Sequence[str], *, is_question: bool) -> Vectors:
        """Raises what the call raises, and `ProviderProtocol` for vectors that cannot be compared."""
        found: list[tuple[float, ...]] = []
        for batch in _batches(texts):
            request = EmbeddingRequest(
                tuple(text or " " for text in batch),  # vendors refuse a text of nothing
                timeout_s=_REMOTE_TIMEOUT_S,
                dimensions=self._dimensions,
                purpose="query" if is_question else "document",
            )
            found += (await self._embed(self._base, self._model, request)).vectors
        lengths = {len(vector) for vector in found}
        if len(found) != len(texts) or len(lengths) > 1:
            raise ProviderProtocol(
                f"expected {len(texts)} vectors of one length from {self._model}; found {len(found)} of {lengths}"
            )
        vectors = np.array(found, dtype=np.float32).reshape(len(found), max(lengths, default=0))
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(norms).all() and norms.all()):
            raise ProviderProtocol(f"expected vectors with a direction from {self._model}; found one of zeros")
        return np.asarray(vectors / norms, dtype=np.float32)


Open = Callable[[EmbedderSettings, str], Embedder]
"""Makes the embedder of these settings, for a knowledge base. Free: models are loaded when they are used."""


class Embedders:
    """The embedders of a workspace, opened by what the settings call them or by the id of their vectors.

    How an embedder is opened is remembered with its id, so that the vectors of a base can be searched, and added
    to, when the settings name another one meanwhile.
    """

    def __init__(self, configured: Settings, database: Database, open_one: Open) -> None:
        self._configured = configured
        self._database = database
        self._open_one = open_one
        self._opened: OrderedDict[str, Embedder] = OrderedDict()
        self._remembered: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """What the settings call embedders."""
        return (DEFAULT, *self._configured.embedders)

    async def wanted(self, base: str) -> Embedder:
        """Who makes the vectors of a new base, by the settings."""
        return await self._noted(self._configured.embedder_of(base), base)

    async def named(self, name: str, base: str) -> Embedder:
        """The embedder that the settings call `name`. Raises `NotFound`."""
        if name == DEFAULT:
            return await self._noted(self._configured.embedder, base)
        if name not in self._configured.embedders:
            raise NotFound(
                f"expected an embedder of the settings ({', '.join(self.names())}); found {name!r}",
                hint=did_you_mean(name, self.names()) or f"add [embedders.{name}] to steadyhand.toml",
            )
        return await self._noted(self._configured.embedders[name], base)

    async def of(self, embedder_id: str, base: str) -> Embedder:
        """Who makes vectors that compare with those of `embedder_id`.

        Raises `WrongEmbedder` when nobody here does, as when its files were changed or are gone.
        """
        wanted = await self.wanted(base)
        if await wanted.id() == embedder_id:
            return wanted
        row = await self._database.row("SELECT settings FROM embedder WHERE id = %s", [embedder_id])
        candidates = [EmbedderSettings.model_validate(row["settings"])] if row else self._likely()
        reasons = []
        for settings in candidates:
            found = self._open(settings, base)
            try:
                made = await found.id()
            except ModelFilesError as error:
                reasons.append(str(error))
                continue
            if made == embedder_id:
                return found
            reasons.append(f"the same settings make {made} now")
        raise WrongEmbedder(
            f"expected an embedder for the vectors of {embedder_id}; "
            f"{'; '.join(dict.fromkeys(reasons)) or 'nobody remembers how it is opened'}",
            hint=f"put its files back, or make new vectors: steadyhand knowledge reindex {base}",
        )

    def close(self) -> None:
        for embedder in self._opened.values():
            embedder.close()

    def _likely(self) -> list[EmbedderSettings]:
        """What may have made vectors that are older than the memory of how they were made."""
        return [
            EmbedderSettings(precision="fp32"),
            EmbedderSettings(precision="int8"),
            *self._configured.embedders.values(),
        ]

    async def _noted(self, settings: EmbedderSettings, base: str) -> Embedder:
        """The embedder, after it is remembered how it is opened."""
        found = self._open(settings, base)
        made = await found.id()
        if made not in self._remembered:
            await self._database.execute(
                "INSERT INTO embedder (id, settings) VALUES (%s, %s::jsonb)"
                " ON CONFLICT (id) DO UPDATE SET settings = excluded.settings",
                [made, json.dumps(settings.model_dump(exclude={"threads"}, exclude_defaults=True))],
            )
            self._remembered.add(made)
        return found

    def _open(self, settings: EmbedderSettings, base: str) -> Embedder:
        """Of those that are open already, or a new one; then the one that was not used longest is forgotten.

        It is closed by whoever uses it last, as Python counts. A provider's holds nothing, and is made anew.
        """
        if settings.model:
            return self._open_one(settings, base)
        key = settings.model_dump_json()
        found = self._opened.pop(key, None) or self._open_one(settings, base)
        self._opened[key] = found
        while len(self._opened) > _OPEN_MOST:
            self._opened.popitem(last=False)
        return found


def vector_text(vector: Vectors) -> str:
    """A vector as pgvector reads a `halfvec`, in half precision."""
    written = _halves()
    return f"[{','.join([written[bits] for bits in vector.astype(np.float16).view(np.uint16).tolist()])}]"


@cache
def _halves() -> list[str]:
    """Every number of 16 bits as text: a vector is written by looking them up, ten times as fast as formatting."""
    return [f"{value:.5g}" for value in np.arange(2**16, dtype=np.uint16).view(np.float16).tolist()]


def _batches(texts: Sequence[str]) -> list[list[str]]:
    """The texts in order, so many together as a provider takes in one request."""
    found: list[list[str]] = []
    size = 0
    for text in texts:
        if not found or len(found[-1]) == _REMOTE_TEXTS or size + len(text) > _REMOTE_CHARS:
            found.append([])
            size = 0
        found[-1].append(text)
        size += len(text)
    return found
