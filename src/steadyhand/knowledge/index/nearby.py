"""Asks the vector store of a base which chunks are near to a question; PostgreSQL decides what becomes of them."""

import numpy as np

from steadyhand.knowledge.index import mirrored
from steadyhand.knowledge.index.lexical import Slots
from steadyhand.knowledge.index.snapshots import Snapshot
from steadyhand.knowledge.index.vector_stores import VectorStores
from steadyhand.storage import Database
from steadyhand.types.ports import Vectors
from steadyhand.types.search import SearchRequest
from steadyhand.types.vectors import VectorQuery


class Nearby:
    """Of all bases; with a snapshot and a request it is a `dense.Nearest`."""

    def __init__(self, database: Database, stores: VectorStores) -> None:
        self._database = database
        self._stores = stores

    def serves(self, base: str) -> bool:
        """Has the base a store?"""
        return bool(self._stores.of(base))

    async def __call__(
        self, snapshot: Snapshot, request: SearchRequest, vectors: Vectors, count: int, reachable: int
    ) -> Slots | None:
        """The slots of the `count` chunks nearest to each vector, of `reachable` that the request may find.

        None when no store can tell: there is none, it knows only how the base is now, it is not built, it is away,
        or it finds much less than there is.
        """
        base = snapshot.knowledge_base
        store = self._stores.of(base)
        mirror = await mirrored.current(self._database, base, store, is_built=True) if store else None
        if mirror is None or snapshot.is_past or snapshot.vectors is None or mirror.set_id != snapshot.vectors.id:
            return None
        queries = [
            VectorQuery(vector=vector, k=count, labels=request.principal.sees, where=request.where)
            for vector in vectors
        ]
        found = await self._stores.nearest(store, mirror.collection, queries)
        if found is None:
            return None
        if any(2 * len(hits) < min(count, reachable) for hits in found):
            self._stores.leave_alone(store, f"it finds too little of {base}")
            return None
        return np.unique(np.array([hit.id for hits in found for hit in hits], dtype=np.int32))
