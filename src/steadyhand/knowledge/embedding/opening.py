"""Opens embedders and rerankers as the settings say: a file of `knowledge/embedders/`, or a provider's model."""

import os
from functools import partial
from typing import cast

from steadyhand import plugins
from steadyhand.knowledge.embedding.embedders import Embedder, LazyEmbed, LocalEmbed, LocalEmbedder, RemoteEmbedder
from steadyhand.knowledge.search.rerank import Rerankers
from steadyhand.settings import EmbedderSettings, Settings
from steadyhand.types.ids import ModelId
from steadyhand.types.ports import EmbedForBase


def minilm(configured: Settings) -> LazyEmbed:
    """What counts tokens and serves built-in models, whatever embeds; as `[embedder]` says when that is MiniLM."""
    return LazyEmbed(partial(_load, _own(configured), configured))


def rerankers(configured: Settings) -> Rerankers:
    """With as many threads as the embedder has."""
    return Rerankers(configured.models_folder, configured.embedder.threads or os.cpu_count() or 1)


class Opener:
    """Makes embedders; nothing is loaded before it is used. `own` is `minilm`'s, `embed` asks providers."""

    def __init__(self, configured: Settings, own: LazyEmbed, embed: EmbedForBase) -> None:
        self._configured = configured
        self._own = own
        self._embed = embed

    def __call__(self, wanted: EmbedderSettings, base: str) -> Embedder:
        """The embedder of these settings, for a knowledge base. MiniLM is loaded once."""
        if wanted.name == "provider":
            return RemoteEmbedder(self._embed, base, ModelId(wanted.model), wanted.dimensions)
        is_own = wanted == _own(self._configured)
        return LocalEmbedder(self._own if is_own else LazyEmbed(partial(_load, wanted, self._configured)))


def _own(configured: Settings) -> EmbedderSettings:
    return configured.embedder if configured.embedder.name == "minilm" else EmbedderSettings()


def _load(wanted: EmbedderSettings, configured: Settings) -> LocalEmbed:
    """Raises `NotFound` for a name that no file has, and `ModelFilesError`. A folder is one of the workspace."""
    module = plugins.load("knowledge.embedders", wanted.name)
    if wanted.folder:
        wanted = wanted.model_copy(update={"folder": str(configured.root / wanted.folder)})
    return cast("LocalEmbed", module.from_settings(wanted, configured.models_folder))
