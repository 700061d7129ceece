"""The vectors' leg of a search, in one statement: the chunks nearest to a question, and how near those are that the
words have found.

Few chunks are compared one by one. Many are found by an index of the vectors (HNSW), which may miss some; it gives
texts, and so many of them that enough are left when those of dead, hidden or unwanted chunks are taken out.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from steadyhand.knowledge.embedding.embedders import vector_text
from steadyhand.knowledge.index.lexical import Slots
from steadyhand.knowledge.index.snapshots import Snapshot, VectorSet
from steadyhand.knowledge.search.fusion import Scores
from steadyhand.knowledge.search.scopes import Scope
from steadyhand.storage import Database
from steadyhand.types.ports import Vectors

_EFFORT = 100
"""Candidates that the index keeps while it looks (`ef_search`), at least; docs/adr/0016 has recall by effort."""

_MOST_EFFORT = 400  # what more is wanted comes from looking on
_EASY = 100_000  # chunks among which the least effort finds 98 of the nearest 100
_FARTHEST = 20_000  # texts that one question may ask of the index
_PRICE = 333.0
"""The index costs as much as comparing n of all N chunks one by one when n * n = 333 * N (measured)."""

_SAME_TEXT = 50  # chunks of one text that come as candidates

SAMPLE = 256
"""Vectors of a base that say what is like none of them."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chunks that a search may give, n of them, for m wordings of the question.

    `similarities` has shape (m, n), NaN where a chunk has no vector yet. `least` has shape (m,): how similar a
    chunk is that has nothing to do with the question.
    """

    ids: tuple[int, ...]
    slots: Slots
    similarities: Scores
    least: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The `count` nearest chunks of the snapshot to each of the vectors, shape (m, dims), and the chunks `words`.

    All of them are in the scope; None is every chunk that is alive in the snapshot.
    """

    snapshot: Snapshot
    vectors: Vectors
    words: Slots
    scope: Scope | None
    count: int


Nearest: TypeAlias = Callable[[Vectors, int, int], Awaitable[Slots | None]]
"""The chunks nearest to each of the vectors by an index that is not PostgreSQL's: so many, of so many that may be
found. It may be wrong. None when it cannot tell."""


async def candidates(database: Database, wanted: Wanted, nearest: Nearest | None = None) -> Candidates:
    """What is wanted, as far as there is so much. `nearest` is asked before all vectors are looked through."""
    snapshot, scope = wanted.snapshot, wanted.scope
    if snapshot.vectors is None:
        return await _read(database, wanted, _NOTHING, {"reach": 0})
    reachable = snapshot.statistics.chunks if scope is None else len(scope.slots)
    if scope is not None and reachable**2 <= _PRICE * snapshot.held:
        return await _listed(database, wanted, scope)
    slots = await nearest(wanted.vectors, wanted.count, reachable) if nearest is not None else None
    if slots is not None:
        found = await _read(database, wanted, _NAMED, {"named": slots.tolist(), "reach": 0})
    else:
        found = await _nearest(database, wanted, snapshot.vectors, reachable)
    if scope is None:
        return found
    kept = _within(found, scope)
    near = np.isin(kept.slots, wanted.words, invert=True).sum()
    if near < min(wanted.count, reachable) // 4:  # what is wanted lies apart from what is near
        return await _listed(database, wanted, scope)
    return kept


async def _nearest(database: Database, wanted: Wanted, held: VectorSet, reachable: int) -> Candidates:
    """So many of the nearest texts that enough of their chunks are reachable."""
    reach = min(math.ceil(wanted.count * wanted.snapshot.held / max(reachable, 1)), _FARTHEST)
    cast = f"::halfvec({held.dims})" if held.is_indexed else ""
    near = _NEAREST.format(set=held.id, cast=cast, alive=_alive(wanted.snapshot))
    return await _read(database, wanted, near, {"reach": reach})


async def _listed(database: Database, wanted: Wanted, scope: Scope) -> Candidates:
    """Every chunk of the scope is compared."""
    assert wanted.snapshot.vectors is not None
    near = _LISTED.format(set=wanted.snapshot.vectors.id)
    return await _read(database, wanted, near, {"count": wanted.count, "listed": scope.slots.tolist(), "reach": 0})


async def _read(database: Database, wanted: Wanted, near: str, values: Mapping[str, object]) -> Candidates:
    snapshot, count = wanted.snapshot, len(wanted.vectors)
    similar = _SIMILAR.format(set=snapshot.vectors.id, sample=SAMPLE) if snapshot.vectors else _NO_VECTORS
    rows = await database.rows(
        _CANDIDATES.format(near=near, alive=_alive(snapshot), similar=similar),
        {
            "base": snapshot.base_id,
            "revision": snapshot.revision,
            "vectors": [vector_text(vector) for vector in wanted.vectors],
            "words": wanted.words.tolist(),
            "effort": _effort(snapshot.held),
            "most": _MOST_EFFORT,
            "same": _SAME_TEXT,
            **values,
        },
    )
    unknown = [math.nan] * count
    similarities = [unknown if row["similarities"] is None else row["similarities"] for row in rows]
    least = rows[0]["least"] if rows else None
    return Candidates(
        ids=tuple(row["id"] for row in rows),
        slots=np.array([row["slot"] for row in rows], dtype=np.int32),
        similarities=np.array(similarities, dtype=np.float64).reshape(len(rows), count).T,
        least=np.array(least or [0.0] * count, dtype=np.float64),
    )


def _effort(held: int) -> int:
    """The more chunks, the more of their neighbours the same effort would miss."""
    return min(math.ceil(_EFFORT * math.sqrt(max(held, _EASY) / _EASY)), _MOST_EFFORT)


def _within(found: Candidates, scope: Scope) -> Candidates:
    inside = (found.slots < len(scope.mask)) & scope.mask[np.minimum(found.slots, len(scope.mask) - 1)]
    at = np.flatnonzero(inside)
    return Candidates(tuple(found.ids[i] for i in at), found.slots[at], found.similarities[:, at], found.least)


def _alive(snapshot: Snapshot) -> str:
    return _THEN if snapshot.is_past else _NOW


_NOW = "c.born <= %(revision)s AND c.died IS NULL"
_THEN = "c.born <= %(revision)s AND (c.died IS NULL OR c.died > %(revision)s)"

# The settings of the index are made when the question is read, before the index is, and end with the statement.
# What stands behind LATERAL is done row by row, whatever the planner believes about tables that were just filled.
_CANDIDATES = """
WITH asked AS MATERIALIZED (
    SELECT number, vector::halfvec AS vector,
        set_config('hnsw.ef_search', least(greatest(%(reach)s, %(effort)s), %(most)s)::text, true),
        set_config('hnsw.iterative_scan', 'relaxed_order', true)
    FROM unnest(%(vectors)s::text[]) WITH ORDINALITY AS a(vector, number)
), candidate AS (
    {near} UNION SELECT unnest(%(words)s::integer[])
)
SELECT c.id, c.slot, {similar} FROM candidate
CROSS JOIN LATERAL (
    SELECT c.id, c.slot, c.text_hash FROM chunk c WHERE c.base_id = %(base)s AND c.slot = candidate.slot AND {alive}
    OFFSET 0
) AS c
"""
_NEAREST = """
    SELECT c.slot FROM asked a
    CROSS JOIN LATERAL (
        SELECT e.text_hash FROM embedding_{set} e ORDER BY e.vector{cast} <#> a.vector LIMIT %(reach)s
    ) AS near
    CROSS JOIN LATERAL (
        SELECT c.slot FROM chunk c WHERE c.base_id = %(base)s AND c.text_hash = near.text_hash AND {alive}
        ORDER BY c.slot LIMIT %(same)s
    ) AS c
"""
_LISTED = """
    SELECT c.slot FROM asked a
    CROSS JOIN LATERAL (
        SELECT c.slot FROM chunk c JOIN embedding_{set} e ON e.set_id = {set} AND e.text_hash = c.text_hash
        WHERE c.base_id = %(base)s AND c.slot = ANY(%(listed)s::integer[])
        ORDER BY e.vector <#> a.vector LIMIT %(count)s
    ) AS c
"""
_SIMILAR = """
    (SELECT array_agg(-(e.vector <#> a.vector) ORDER BY a.number) FROM asked a, embedding_{set} e
     WHERE e.set_id = {set} AND e.text_hash = c.text_hash) AS similarities,
    (SELECT array_agg(least ORDER BY number) FROM (
        SELECT a.number, avg(similarity) - 2 * stddev_pop(similarity) AS least FROM asked a CROSS JOIN LATERAL (
            SELECT -(e.vector <#> a.vector) AS similarity FROM embedding_{set} e
            ORDER BY e.set_id, e.text_hash LIMIT {sample}
        ) AS sample GROUP BY a.number) AS l
    ) AS least
"""
_NAMED = "SELECT unnest(%(named)s::integer[]) AS slot"
_NOTHING = "SELECT NULL::integer AS slot WHERE %(reach)s > 0"
_NO_VECTORS = "NULL AS similarities, NULL AS least"
