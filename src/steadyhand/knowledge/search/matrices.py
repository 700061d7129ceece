"""Vectors in memory, where few are compared sooner than PostgreSQL is asked: those of small bases, and of small
parts of large ones that the same conditions and labels leave again and again.

What is searched twice at one revision is read then: a base that changes all the time costs nothing here.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steadyhand.knowledge.index.kept import Kept
from steadyhand.knowledge.index.lexical import Slots
from steadyhand.knowledge.index.snapshots import Snapshot, VectorSet
from steadyhand.knowledge.search.dense import SAMPLE, Candidates, Wanted
from steadyhand.knowledge.search.scopes import Scope
from steadyhand.storage import Database
from steadyhand.types.ports import Vectors

_ROOM_BYTES = 64 * 1024 * 1024
_LARGEST_BYTES = 16 * 1024 * 1024
"""Of one base or part: 10,000 chunks of 384 dimensions, compared in two milliseconds."""

_MOST_SEEN = 1_024  # of those whose searches are counted


@dataclass(frozen=True, slots=True)
class Matrix:
    """The n chunks of a snapshot or scope, by ascending slot: `ids` (n,), `slots` (n,), `vectors` (n, dims).

    `sample` has shape (at most 256, dims): vectors of texts that no question has to do with.
    """

    ids: NDArray[np.int64]
    slots: Slots
    vectors: Vectors
    sample: Vectors

    @property
    def size_bytes(self) -> int:
        return self.ids.nbytes + self.slots.nbytes + self.vectors.nbytes + self.sample.nbytes

    def candidates(self, wanted: Wanted) -> Candidates:
        """What `dense.candidates` gives, when it compares every vector. Blocks."""
        asked = wanted.vectors.astype(np.float16).astype(np.float32)  # as PostgreSQL holds them
        similarities = (asked @ self.vectors.T).round(6)  # beyond it, where a vector lies makes a difference
        reachable = np.arange(len(self.slots))
        if wanted.scope is not None:
            reachable = np.flatnonzero(wanted.scope.mask[self.slots])
        near = [reachable[_best(row[reachable], wanted.count)] for row in similarities]
        at = np.union1d(np.concatenate(near), np.flatnonzero(np.isin(self.slots, wanted.words)))
        sample = asked @ self.sample.T
        return Candidates(
            ids=tuple(self.ids[at].tolist()),
            slots=self.slots[at],
            similarities=similarities[:, at].astype(np.float64),
            least=(sample.mean(axis=1) - 2 * sample.std(axis=1)).astype(np.float64),
        )


class Matrices:
    """Reads matrices, and keeps them as long as there is room and their base stays as it is."""

    def __init__(self, database: Database, room_bytes: int = _ROOM_BYTES) -> None:
        self._database = database
        self._kept: Kept[Hashable, Matrix] = Kept(room_bytes, _size_bytes)
        self._searches: OrderedDict[Hashable, int] = OrderedDict()

    async def of(self, snapshot: Snapshot, scope: Scope | None = None) -> Matrix | None:
        """The vectors of the snapshot, or of the scope when that alone is small.

        None when PostgreSQL has to be asked: there are too many, the base is asked for as it was, this is the first
        search since it changed, somebody reads them just now, or chunks have no vectors yet.
        """
        held = snapshot.vectors
        if held is None or snapshot.is_past:
            return None
        within = None if _fits(snapshot.slot_count, held) else scope
        count = snapshot.statistics.chunks if within is None else len(within.slots)
        if not count or not _fits(snapshot.slot_count if within is None else count, held):
            return None
        key = snapshot.base_id, snapshot.revision, held.id, within.key if within else None
        if (matrix := self._kept.get(key)) is not None or not self._is_due(key):
            return matrix
        try:
            matrix = await read(self._database, snapshot, held, within)
        except BaseException:
            self._searches.pop(key, None)
            raise
        if len(matrix.slots) != count:
            return None
        self._searches.pop(key, None)
        self._kept.put(key, matrix)
        return matrix

    def _is_due(self, key: Hashable) -> bool:
        """Is this the second search? One reads for all, and what is incomplete is not read again and again."""
        self._searches[key] = self._searches.get(key, 0) + 1
        self._searches.move_to_end(key)
        if len(self._searches) > _MOST_SEEN:
            self._searches.popitem(last=False)
        return self._searches[key] == 2


async def read(database: Database, snapshot: Snapshot, held: VectorSet, scope: Scope | None = None) -> Matrix:
    """Only chunks that have a vector are in it."""
    values = {"base": snapshot.base_id, "revision": snapshot.revision}
    listed = {} if scope is None else {"listed": scope.slots.tolist()}
    row = await database.row(_MATRIX.format(set=held.id, listed=_LISTED if listed else ""), {**values, **listed})
    assert row is not None
    vector = [("dims", ">i2"), ("unused", ">i2"), ("values", ">f2", held.dims)]
    chunks = np.frombuffer(row["chunks"] or b"", dtype=[("id", ">i8"), ("slot", ">i4"), *vector])
    sample = np.frombuffer(row["sample"] or b"", dtype=vector)
    return Matrix(
        ids=chunks["id"].astype(np.int64),
        slots=chunks["slot"].astype(np.int32),
        vectors=chunks["values"].astype(np.float32),
        sample=sample["values"].astype(np.float32),
    )


def _size_bytes(_: Hashable, matrix: Matrix) -> int:
    return matrix.size_bytes


def _fits(chunks: int, held: VectorSet) -> bool:
    return 4 * held.dims * chunks <= _LARGEST_BYTES


def _best(similarities: Vectors, count: int) -> NDArray[np.intp]:
    if len(similarities) <= count:
        return np.arange(len(similarities))
    return np.argpartition(-similarities, count)[:count]


_MATRIX = f"""
SELECT (
    SELECT string_agg(int8send(c.id) || int4send(c.slot) || halfvec_send(e.vector), '' ORDER BY c.slot)
    FROM chunk c JOIN embedding_{{set}} e ON e.set_id = {{set}} AND e.text_hash = c.text_hash
    WHERE c.base_id = %(base)s AND c.born <= %(revision)s AND c.died IS NULL {{listed}}
) AS chunks, (
    SELECT string_agg(halfvec_send(s.vector), '') FROM (
        SELECT e.vector FROM embedding_{{set}} e ORDER BY e.set_id, e.text_hash LIMIT {SAMPLE}
    ) AS s
) AS sample
"""
_LISTED = "AND c.slot = ANY(%(listed)s::integer[])"
