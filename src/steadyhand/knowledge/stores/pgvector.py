"""PostgreSQL itself, as a store like the others: the tables, the writes and the queries of the product.

A base without a store is searched by these. As a store it is there to be compared with others; the settings name
none of this kind.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from steadyhand.errors import NotFound
from steadyhand.knowledge.erase import erase_base
from steadyhand.knowledge.index import entries
from steadyhand.knowledge.index.entries import PreparedChunk
from steadyhand.knowledge.index.snapshots import Snapshot, Snapshots
from steadyhand.knowledge.ingest import store
from steadyhand.knowledge.ingest.facts import Facts
from steadyhand.knowledge.ingest.store import KnowledgeStore, PreparedDocument
from steadyhand.knowledge.search import dense
from steadyhand.knowledge.search.dense import Candidates, Wanted
from steadyhand.knowledge.search.scopes import Scope, scope
from steadyhand.knowledge.stores._driven import require_dims, require_settings
from steadyhand.storage import Database
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.document import Chunk, Document
from steadyhand.types.vectors import Collection, VectorHit, VectorQuery, VectorRow

_EMBEDDER = "given"  # the vectors come from outside
_SPARE = 4  # candidates for each hit: an index of vectors knows nothing of labels


def from_settings(settings: StoreSettings, key: str) -> "PgVector":
    """`url` is a database with the product's schema. Raises `WorkspaceInvalid`."""
    del key  # it is in the URL
    require_settings(settings, ("postgresql://", "postgres://"))
    return PgVector(Database(settings.url))


class PgVector:
    """A `VectorStore`: a collection is a knowledge base, a row a document of one chunk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opening = asyncio.Lock()
        self._is_open = False

    async def upsert(self, collection: Collection, rows: Sequence[VectorRow]) -> None:
        for row in rows:
            require_dims(collection, len(row.vector))
        database = await self._opened()
        if held := await self._snapshot(collection):
            require_dims(collection, held.vectors.dims if held.vectors else collection.dims)
        base_id = await KnowledgeStore(database).ensure_base(collection.name, _EMBEDDER)
        hashes = [hashlib.sha256(row.vector.tobytes()).digest() for row in rows]
        if rows:
            vectors = np.stack([row.vector for row in rows])
            await entries.add_vectors(database, base_id, _EMBEDDER, hashes, vectors)
        async with database.transaction() as transaction:
            await store.lock_base(transaction, base_id)
            documents = [_document(row, digest) for row, digest in zip(rows, hashes, strict=True)]
            await store.put(transaction, base_id, documents)
            await store.count_change(transaction, base_id)

    async def delete(self, collection: Collection, ids: Sequence[int] | None = None) -> None:
        database = await self._opened()
        held = await self._snapshot(collection)
        if held is None:
            return
        if ids is None:
            await erase_base(database, collection.name)
            return
        async with database.transaction() as transaction:
            await store.lock_base(transaction, held.base_id)
            await store.remove(transaction, held.base_id, [str(each) for each in ids])
            await store.count_change(transaction, held.base_id)

    async def search(self, collection: Collection, query: VectorQuery) -> list[VectorHit]:
        require_dims(collection, len(query.vector))
        database = await self._opened()
        held = await self._snapshot(collection)
        if held is None or held.vectors is None:
            return []
        within: Scope | None = None
        if query.labels is not None or query.where:
            labels = None if query.labels is None else sorted(query.labels)
            within = await scope(database, held, labels, query.where)
        wanted = Wanted(
            snapshot=held,
            vectors=query.vector[np.newaxis],
            words=np.array([], dtype=np.int32),
            scope=within,
            count=query.k * _SPARE,
        )
        return await self._hits(await dense.candidates(database, wanted), query.k)

    async def stats(self, collection: Collection) -> int:
        held = await self._snapshot(collection)
        return held.statistics.chunks if held else 0

    async def snapshot(self, collection: Collection) -> str:
        return await Snapshots(await self._opened()).id(collection.name)

    async def close(self) -> None:
        await self._database.close()

    async def _hits(self, found: Candidates, count: int) -> list[VectorHit]:
        [similarity] = found.similarities
        best = np.argsort(-similarity, kind="stable")[:count]
        rows = await self._database.rows(
            "SELECT c.id, d.path FROM chunk c JOIN document_version v ON v.id = c.version_id"
            " JOIN document d ON d.id = v.document_id WHERE c.id = ANY(%s)",
            [[found.ids[at] for at in best]],
        )
        path: Mapping[int, str] = {row["id"]: row["path"] for row in rows}
        return [VectorHit(int(path[found.ids[at]]), float(similarity[at])) for at in best]

    async def _snapshot(self, collection: Collection) -> Snapshot | None:
        try:
            return await Snapshots(await self._opened()).of(collection.name)
        except NotFound:
            return None

    async def _opened(self) -> Database:
        async with self._opening:
            if not self._is_open:
                await self._database.open()
                self._is_open = True
        return self._database


def _document(row: VectorRow, digest: bytes) -> PreparedDocument:
    chunk = PreparedChunk(chunk=Chunk(0, 1, "", 0, 0), body="", context="", terms=(), text_hash=digest)
    return PreparedDocument(
        path=str(row.id),
        origin="",
        container="",
        sha256=digest,
        recipe="",
        language="und",
        document=Document("", "", (), ()),
        chunks=(chunk,),
        bands=(),
        facts=Facts(row.labels, row.metadata, ""),
    )
