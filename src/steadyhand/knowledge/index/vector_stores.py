"""The vector stores that the settings name: opened when they are used, left alone for a while when away."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import cast

from steadyhand import plugins
from steadyhand.errors import StorageError, UsageError, WorkspaceInvalid
from steadyhand.settings import KnowledgeSettings, Settings, secret
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.vectors import Collection, VectorHit, VectorQuery, VectorStore

_log = logging.getLogger(__name__)

REST_S = 30.0
"""A store that did not answer a search is asked again after so long."""

_OWN = "pgvector"


class VectorStores:
    """`close` it in the event loop that used it."""

    def __init__(self, configured: Settings, monotonic: Callable[[], float]) -> None:
        self._configured = configured
        self._monotonic = monotonic
        self._opened: dict[str, VectorStore] = {}
        self._opening = asyncio.Lock()
        self._away: dict[str, float] = {}  # until when each is left alone

    def of(self, base: str) -> str:
        """What the settings call the store of a base; "" when PostgreSQL has no other beside it."""
        return self._configured.knowledge.get(base, KnowledgeSettings()).store

    def bases(self) -> list[str]:
        """The bases that have a store."""
        return [base for base, settings in self._configured.knowledge.items() if settings.store]

    def __contains__(self, name: str) -> bool:
        return name in self._configured.stores

    def kind(self, name: str) -> str:
        """The file of `knowledge/stores/` that speaks to a store."""
        return self._configured.stores[name].kind

    async def named(self, name: str) -> VectorStore:
        """Raises `WorkspaceInvalid` for settings that cannot be, and `StorageError` without the client."""
        async with self._opening:
            if name not in self._opened:
                self._opened[name] = await asyncio.to_thread(_open, self._settings(name))
            return self._opened[name]

    async def nearest(
        self, name: str, collection: Collection, queries: Sequence[VectorQuery]
    ) -> list[list[VectorHit]] | None:
        """What the store finds for each query; None when it does not answer, which is said once in the log."""
        if self.is_left_alone(name):
            return None
        try:
            store = await self.named(name)
            found = list(await asyncio.gather(*(store.search(collection, query) for query in queries)))
        except (StorageError, UsageError) as error:
            self.leave_alone(name, str(error))
            return None
        if self._away.pop(name, None) is not None:
            _log.info("the store %s answers again", name)
        return found

    def is_left_alone(self, name: str) -> bool:
        return self._away.get(name, 0.0) > self._monotonic()

    def leave_alone(self, name: str, reason: str) -> None:
        """Ask the store nothing for a while."""
        if name not in self._away:
            _log.warning("PostgreSQL searches instead of the store %s: %s", name, reason)
        self._away[name] = self._monotonic() + REST_S

    async def close(self) -> None:
        for store in self._opened.values():
            await store.close()
        self._opened.clear()

    def _settings(self, name: str) -> StoreSettings:
        """A relative `file:PATH` lies in the workspace."""
        wanted = self._configured.stores.get(name)
        if wanted is None:
            raise WorkspaceInvalid(
                f"expected a table [stores.{name}]; found none", hint=f"put [stores.{name}] back"
            )
        if wanted.kind == _OWN or wanted.kind not in plugins.names("knowledge.stores"):
            others = ", ".join(kind for kind in plugins.names("knowledge.stores") if kind != _OWN)
            raise WorkspaceInvalid(
                f"stores.{name}.kind: expected one of {others}; found {wanted.kind!r}",
                hint="leave `store` out of the base for pgvector" if wanted.kind == _OWN else "mend the name",
            )
        if not wanted.url.startswith("file:"):
            return wanted
        path = self._configured.root / wanted.url.removeprefix("file:")
        return wanted.model_copy(update={"url": f"file:{path}"})


def _open(wanted: StoreSettings) -> VectorStore:
    """Blocks while the client is imported."""
    try:
        module = plugins.load("knowledge.stores", wanted.kind)
    except ImportError as error:
        raise StorageError(
            f"expected the client of {wanted.kind}; it is not installed ({error.name})",
            hint=f"pip install 'steadyhand[{wanted.kind}]'",
        ) from error
    key = secret(wanted.key_variable) if wanted.key_variable else ""
    return cast("VectorStore", module.from_settings(wanted, key))
