"""An open workspace: everything built once and wired together. The doors and Python programs work with this.

with Workspace.open("my-company") as workspace:
    answer = workspace.run("policy_answers", {"question": "May I work from abroad?"})
"""

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from steadyhand import settings
from steadyhand.access.keys import Keys
from steadyhand.access.limits import Limits
from steadyhand.access.quotas import Quotas
from steadyhand.access.sessions import Sessions
from steadyhand.background import BackgroundLoop
from steadyhand.caching.store import ResponseCache
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers
from steadyhand.errors import StorageError
from steadyhand.features.known import class_of, known
from steadyhand.features.registry import Registry
from steadyhand.fetching import Fetcher
from steadyhand.jobs.queue import Jobs
from steadyhand.knowledge import gold
from steadyhand.knowledge.care.report import Bounds, Care, report
from steadyhand.knowledge.contents import KnowledgeContents
from steadyhand.knowledge.embedding import opening
from steadyhand.knowledge.embedding.embedders import Embedders
from steadyhand.knowledge.generations import Generations
from steadyhand.knowledge.index.mirror import Mirrors
from steadyhand.knowledge.index.vector_stores import VectorStores
from steadyhand.knowledge.ingest.bringing import Vision
from steadyhand.knowledge.ingest.declared import DeclaredSources
from steadyhand.knowledge.ingest.following import Progress
from steadyhand.knowledge.ingest.store import KnowledgeStore
from steadyhand.knowledge.ingest.sync import Ingest
from steadyhand.knowledge.ingest.upkeep import Upkeep
from steadyhand.knowledge.ingest.uploads import Uploads
from steadyhand.knowledge.painting import Painter
from steadyhand.knowledge.reading.children import Readers
from steadyhand.knowledge.reindex import Reindex, Reindexing
from steadyhand.knowledge.search.finder import Finder
from steadyhand.knowledge.search.searcher import Searcher
from steadyhand.knowledge.visible import StillVisible
from steadyhand.ledger.exchanges import ExchangeLedger
from steadyhand.ledger.ids import new_id
from steadyhand.ledger.reader import LedgerReader
from steadyhand.ledger.writer import Ledger
from steadyhand.pipeline.engine import Engine, Watch
from steadyhand.pipeline.gateway.names import Names
from steadyhand.pipeline.gateway.passthrough import Passthrough
from steadyhand.pipeline.gateway.ports import GatewayPorts
from steadyhand.pipeline.knowledge_calls import KnowledgeCalls
from steadyhand.pipeline.memory import Memory
from steadyhand.pipeline.ports import Ports
from steadyhand.providers.call import Completer
from steadyhand.providers.gguf import GgufModels
from steadyhand.providers.transport import Transport
from steadyhand.review.tasks import ReviewTasks
from steadyhand.routing.conditions import Conditions
from steadyhand.routing.flags import open_flags
from steadyhand.routing.history import Volumes
from steadyhand.routing.switches import SwitchStore
from steadyhand.routing.switches import Watch as SwitchWatch
from steadyhand.settings import KnowledgeSettings, Settings
from steadyhand.storage import Database, embedded, migrate
from steadyhand.tables.sources import SourceSettings
from steadyhand.types.condition import Condition
from steadyhand.types.feature import Problem
from steadyhand.types.ids import FeatureName, ModelId
from steadyhand.types.json import JsonObject
from steadyhand.types.passage import Retrieval
from steadyhand.types.run import Answer, Door, Principal
from steadyhand.types.search import SearchRequest
from steadyhand.types.text import DataClass

_log = logging.getLogger(__name__)

OWNER = Principal(name="owner", role="admin")
"""Whoever has the workspace's files in hand needs no key."""

STATE = ".steadyhand"


class AsyncWorkspace:
    """The parts of an open workspace. Made by `open`; `close` it in the same event loop."""

    def __init__(
        self, configured: Settings, database: Database, resources: AsyncExitStack, database_home: Path | None = None
    ) -> None:
        """`database_home` is the folder of the embedded server, None for a server of your own."""
        self.settings = configured
        self.database_home = database_home
        self.database = database
        self._resources = resources
        self.catalog = Catalog(providers(configured.providers), now=_now, rows=configured.catalog)
        self.features = Registry(configured.root, known(configured, self.catalog), _tell)
        self.keys = Keys(database, os.urandom, _now)
        self.sessions = Sessions(database, self.keys, os.urandom, _now)
        self.ledger = LedgerReader(database)
        self.reviews = ReviewTasks(database)
        self.knowledge = KnowledgeContents(database)
        self.switches = SwitchStore(database)
        self.cache = ResponseCache(database, _now)
        embed = opening.minilm(configured)
        self.conditions = Conditions(flags=open_flags(configured.flags), runs_today=Volumes(database).runs_today)
        self._limits = Limits(configured.limits)
        self._quotas = Quotas(database, time.time)
        self._transport = Transport()
        gguf = resources.enter_context(closing(GgufModels(configured.models_folder)))
        self._completer = Completer(self._transport, embed, in_process=gguf)
        self._runs = Ledger(database, self._quotas)
        self._exchanges = ExchangeLedger(database, self._quotas, configured.root / STATE / "journal", _new_name())
        self.gateway = Passthrough(gateway_ports := self._gateway_ports())
        self._knowledge_calls = KnowledgeCalls(gateway_ports, self.catalog.find, self.class_of)
        embedders = Embedders(configured, database, opening.Opener(configured, embed, self._knowledge_calls.embed))
        self.embedders = resources.enter_context(closing(embedders))
        self.generations = Generations(database, self.embedders)
        self.jobs = Jobs(database.url)
        self.mirrors = Mirrors(database, VectorStores(configured, time.monotonic), self.jobs)
        self.searcher = Searcher(database, self.embedders, self.class_of, nearby=self.mirrors.nearby)
        self.finder = Finder(self.searcher, opening.rerankers(configured), database)
        self._readers = Readers()
        self._ingest = Ingest(KnowledgeStore(database), self.generations, embed.count_tokens, self._readers)
        self._sources = DeclaredSources(configured.root, Fetcher(frozenset(configured.fetching.allow)))
        self.upkeep = Upkeep(
            configured,
            self._ingest,
            self.jobs,
            self._sources,
            vision_of=self._vision,
            after_sync=self.mirrors.after_sync,
        )
        self.reindexes = Reindexing(self.jobs, self.reindexing, OWNER)
        self.uploads = Uploads(database, self._ingest.ensure_base, self.upkeep.bring, self.jobs)
        self.painter = Painter(self.knowledge)
        self._engine = Engine(self._ports())

    def _vision(self, base: str) -> Vision | None:
        model = self.settings.knowledge.get(base, KnowledgeSettings()).vision
        return Vision(model, self._knowledge_calls.describing(base, ModelId(model))) if model else None

    def _ports(self) -> Ports:
        return Ports(
            complete=self._completer,
            search=self.finder,
            still_visible=StillVisible(self.database),
            find_model=self.catalog.find,
            class_of=self.class_of,
            spent_today=self.ledger.spent_today,
            record=self._runs.record,
            limits_of=self._limits,
            reserve=self._quotas,
            monotonic=time.monotonic,
            now=_now,
            randomness=os.urandom,
            routing=self.conditions,
            memory=Memory(self.cache, self.searcher.snapshot, self.class_of),
        )

    def _gateway_ports(self) -> GatewayPorts:
        gateway = self.settings.gateway
        return GatewayPorts(
            transport=self._transport,
            completer=self._completer,
            names=Names(gateway, self.catalog.find, self.catalog.named, self.features.names, time.monotonic),
            guardrails=tuple(gateway.guardrails),
            limits_of=self._limits,
            reserve=self._quotas,
            ledger=self._exchanges,
            conditions=self.conditions,
            cache=self.cache,
            monotonic=time.monotonic,
            time=time.time,
            randomness=os.urandom,
            jitter=random.random,
        )

    async def _start(self) -> None:
        """What runs beside everything else, from now to `close`; what is opened last is closed first."""
        resources = self._resources
        resources.push_async_callback(self._sources.close)
        resources.push_async_callback(self.mirrors.close)
        resources.push_async_callback(self._readers.close)
        resources.push_async_callback(self.painter.close)
        resources.push_async_callback(self._ingest.close)
        resources.push_async_callback(self._completer.close)
        resources.push_async_callback(self._quotas.close)
        watch = await SwitchWatch(self.switches, self.conditions.switches).start()
        resources.push_async_callback(watch.close)
        self._runs.start()
        resources.push_async_callback(self._runs.close)
        await self._exchanges.start()
        resources.push_async_callback(self._exchanges.close)
        resources.push_async_callback(self._engine.close)
        await self.jobs.open()
        resources.push_async_callback(self.jobs.close)

    @classmethod
    async def open(cls, root: Path | str) -> "AsyncWorkspace":
        """Start or find the database, bring its schema forward, and connect.

        Raises `NotFound`, `WorkspaceInvalid` or a `StorageError`.
        """
        configured = settings.read(Path(root))
        async with AsyncExitStack() as resources:
            url, revive, home = configured.database_url, None, None
            if not url:
                start = asyncio.to_thread(embedded.start, configured.root / STATE, configured.database_dir)
                starting = asyncio.ensure_future(start)
                resources.push_async_callback(_release, starting)
                server = await asyncio.shield(starting)
                url, revive, home = server.url, server.ensure_running, server.layout.data.parent
            _tell_upgraded(await asyncio.to_thread(migrate.upgrade, url))
            database = Database(url, revive)
            await database.open()
            resources.push_async_callback(database.close)
            workspace = cls(configured, database, resources, home)
            await workspace._start()
            workspace._resources = resources.pop_all()
            return workspace
        raise AssertionError("unreachable: the block returns or raises")

    async def close(self) -> None:
        """Write what waits, close the connections, and stop the database when nobody else uses it."""
        await self._resources.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run(
        self,
        feature: str,
        values: JsonObject,
        *,
        principal: Principal = OWNER,
        door: Door = "python",
        end_user: str = "",
        watch: Watch | None = None,
    ) -> Answer:
        """Run a feature. The answer's rows are on disk when it returns; its `status` says how the run ended.

        `end_user` is whom the principal acts for, as a pseudonym; the limits of each hold.

        Raises `NotFound` for an unknown feature, `ContractInvalid` for one that was never good, and `StorageError`
        when the run could not be recorded.
        """
        loaded = self.features.get(FeatureName(feature))
        return await self._engine.run(
            loaded, values, principal=principal, door=door, end_user=end_user, watch=watch
        )

    async def search(
        self,
        base: str,
        query: str,
        *,
        principal: Principal = OWNER,
        top_k: int = 8,
        where: tuple[Condition, ...] = (),
    ) -> Retrieval:
        """The best passages of a knowledge base that `principal` may see, best first. Raises `NotFound`."""
        request = SearchRequest(
            knowledge_base=base, queries=(query,), principal=principal, top_k=top_k, where=where
        )
        return await self.finder(request)

    async def sync(
        self, base: str, source: Path | None = None, *, allow_removals: bool = False
    ) -> AsyncGenerator[Progress, None]:
        """Bring a source into a knowledge base, by default its declared ones; says when each document is in.

        Raises `SourceVanished` when most of a source's documents are gone at once, unless `allow_removals`.
        """
        sources = [SourceSettings(path=str(source))] if source else self.upkeep.sources(base)
        for declared in sources:
            async with aclosing(self.upkeep.sync(base, declared, allow_removals=allow_removals)) as steps:
                async for progress in steps:
                    yield progress

    async def knowledge_report(self, base: str) -> Care:
        """What in a knowledge base wants a look: documents, sources, questions. Raises `NotFound`."""
        bounds = Bounds(every_s=self.upkeep.intervals(base))
        return await report(self.database, self.ledger, base, bounds, _now().date())

    def reindexing(self, base: str) -> Reindex:
        """What brings a knowledge base to another embedder. Raises `InvalidInput` for faulty gold questions."""
        questions = gold.read(self.settings.root, base)
        return Reindex(self.database, self.generations, self.searcher.reading, base, questions)

    def class_of(self, base: str) -> DataClass:
        """The data class of a knowledge base."""
        return class_of(self.settings, base)


class Workspace:
    """The same for programs without an event loop. `run`, `search` and `sync` may be called from any thread."""

    def __init__(self, background: BackgroundLoop, inner: AsyncWorkspace) -> None:
        self._background = background
        self._inner = inner

    @classmethod
    def open(cls, root: Path | str) -> "Workspace":
        """Like `AsyncWorkspace.open`."""
        background = BackgroundLoop("steadyhand-workspace")
        try:
            return cls(background, background.wait(AsyncWorkspace.open(root)))
        except BaseException:
            background.close()
            raise

    def run(self, feature: str, values: JsonObject) -> Answer:
        """Like `AsyncWorkspace.run`."""
        return self._background.wait(self._inner.run(feature, values))

    def search(self, base: str, query: str, *, top_k: int = 8) -> Retrieval:
        """The best passages of a knowledge base, best first."""
        return self._background.wait(self._inner.search(base, query, top_k=top_k))

    def sync(self, base: str, source: Path | None = None, *, allow_removals: bool = False) -> Iterator[Progress]:
        """Like `AsyncWorkspace.sync`."""
        progress = self._inner.sync(base, source, allow_removals=allow_removals)
        while True:
            try:
                yield self._background.wait(anext(progress))
            except StopAsyncIteration:
                return

    def close(self) -> None:
        self._background.wait(self._inner.close())
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def _release(starting: "asyncio.Future[embedded.Server]") -> None:
    """Let the server go; when its start was broken off, as soon as it has started, so that none stays behind."""
    with suppress(StorageError):
        server = await starting
        await asyncio.to_thread(server.release)


def _tell_upgraded(applied: Sequence[str]) -> None:
    """Of a database that was there before: whoever has an older Steadyhand wants to know."""
    if applied and min(migrate.known()) not in applied:
        _log.warning("the database was brought forward; older versions of Steadyhand do not open it any more")


def _tell(name: str, problems: list[Problem], is_running: bool) -> None:
    """Say that an edit broke a contract, or mended it. One that never was good says so itself, as an error."""
    if not problems:
        _log.info("%s: the contract is good again and counts from now on", name)
    elif is_running:
        for problem in problems:
            _log.warning("%s: the last good version keeps running: %s", name, problem)


def _new_name() -> str:
    """Of this process's journal; never used again."""
    return new_id(_now(), os.urandom(10))


def _now() -> datetime:
    return datetime.now(UTC)
