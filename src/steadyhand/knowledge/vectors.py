"""Makes vectors off the event loop, and writes them as the database reads them."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from steadyhand.errors import WrongEmbedder
from steadyhand.types.ports import Embed, Vectors


class LocalEmbed(Embed, Protocol):
    """An embedder of `knowledge/embedders/`: it also counts tokens as it cuts them."""

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

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._model().count_tokens(texts)

    def _model(self) -> LocalEmbed:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded


class Embedder:
    """An embedder for asynchronous callers. One call runs at a time; it already uses the cores it may have."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")

    async def id(self) -> str:
        """Which vectors these are; vectors of different ids are never compared."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, lambda: self._embed.id)

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (n, dims)."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._embed, texts)

    def close(self) -> None:
        self._worker.shutdown()


class Embedders:
    """The embedders that this workspace can open, by the id of their vectors."""

    def __init__(self, configured: Embedder) -> None:
        self.configured = configured

    async def of(self, embedder_id: str) -> Embedder:
        """Who makes vectors that compare with those of `embedder_id`. Raises `WrongEmbedder`."""
        ours = await self.configured.id()
        if ours == embedder_id:
            return self.configured
        raise WrongEmbedder(
            f"expected an embedder for the vectors of {embedder_id}; this process makes {ours}",
            hint="set [embedder] in steadyhand.toml as it was, or ingest the sources into a new knowledge base",
        )


def vector_text(vector: Vectors) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(np.char.mod("%.5g", vector).tolist()) + "]"
