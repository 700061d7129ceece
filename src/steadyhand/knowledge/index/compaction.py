"""Keeps what a search reads small and quick: merges segments, indexes vectors, takes out what is long dead.

None of it changes what is found, and none of it keeps a search or an ingest waiting. Each may be broken off at any
moment, and started again.
"""

from datetime import datetime

from steadyhand.knowledge.index import entries
from steadyhand.storage import Database, Row, Transaction

INDEX_FROM = 20_000
"""Vectors of a base from which an index is worth its memory: fewer are compared one by one in about 7 ms."""

_LOCK = 0x57EAD9  # with a set's id: whoever builds its index
_TOGETHER = 32  # segments of a level that become one of the next
_VERSIONS = 200  # reclaimed in one transaction
_DIMS = 4_000  # an index of half precision vectors takes no more
_LINKS, _EFFORT = 16, 64  # of the HNSW graph: m, ef_construction
_MEMORY = (64, 2_048)  # MB for a build, at least and at most


async def merge(database: Database, base_id: int) -> int:
    """Merge the base's small segments, each time when there are 32 of a size; returns how many were merged away.

    A base of n segments ends with less than 32 for each power of 32 in n. Nothing is done while somebody else does.
    """
    merged = 0
    while gone := await _merge_level(database, base_id):
        merged += gone
    return merged


async def ensure_index(database: Database, base_id: int) -> None:
    """Build an index for every set of vectors of the base that has become large; searches and writes go on.

    Takes minutes for a million vectors. A build that was broken off is thrown away and begun again.
    """
    for held in await database.rows(
        "SELECT id, dims FROM embedding_set WHERE base_id = %s AND NOT is_indexed AND dims <= %s", [base_id, _DIMS]
    ):
        counted = await database.row(f"SELECT count(*) AS vectors FROM embedding_{held['id']}")
        if counted and counted["vectors"] >= INDEX_FROM:
            await _build(database, held, counted["vectors"])


async def reclaim(database: Database, base_id: int, older_than: datetime) -> int:
    """Delete the chunks of versions that ended before, with their postings and vectors; returns how many.

    The texts stay, because runs point at them. The base can no longer be searched as it was while they were live.
    """
    reclaimed = 0
    while True:
        async with database.transaction() as transaction:
            await transaction.execute("SELECT 1 FROM knowledge_base WHERE id = %s FOR UPDATE", [base_id])
            ended = await transaction.rows(
                "SELECT v.id, max(c.died) AS died FROM document_version v JOIN chunk c ON c.version_id = v.id"
                " WHERE c.base_id = %s AND c.died IS NOT NULL AND v.died_at < %s"
                " GROUP BY v.id ORDER BY v.id LIMIT %s",
                [base_id, older_than, _VERSIONS],
            )
            if not ended:
                return reclaimed
            reclaimed += await entries.forget(transaction, base_id, [row["id"] for row in ended])
            await transaction.execute(
                "UPDATE knowledge_base SET kept_from = greatest(kept_from, %s) WHERE id = %s",
                [max(row["died"] for row in ended), base_id],
            )


async def _merge_level(database: Database, base_id: int) -> int:
    """Merge the 32 oldest segments of the lowest level that has as many. They follow each other by slot."""
    async with database.transaction() as transaction:
        due = await transaction.row(
            "SELECT level FROM lexical_segment WHERE base_id = %s GROUP BY level HAVING count(*) >= %s"
            " ORDER BY level LIMIT 1",
            [base_id, _TOGETHER],
        )
        if due is None or not await entries.try_lock_postings(transaction, base_id):
            return 0
        rows = await transaction.rows(
            "DELETE FROM lexical_segment WHERE id IN (SELECT id FROM lexical_segment WHERE base_id = %(base)s"
            "  AND level = %(level)s ORDER BY first_slot LIMIT %(count)s) RETURNING id, first_slot",
            {"base": base_id, "level": due["level"], "count": _TOGETHER},
        )
        await _merged(transaction, base_id, due["level"] + 1, sorted(rows, key=lambda row: row["first_slot"]))
    return len(rows)


async def _merged(transaction: Transaction, base_id: int, level: int, segments: list[Row]) -> None:
    made = await transaction.row(
        "INSERT INTO lexical_segment (base_id, level, first_slot) VALUES (%s, %s, %s) RETURNING id",
        [base_id, level, segments[0]["first_slot"]],
    )
    assert made is not None
    ids = [row["id"] for row in segments]
    await transaction.execute(
        "INSERT INTO lexical_block (segment_id, term, postings)"
        " SELECT %(made)s, b.term, string_agg(b.postings, '' ORDER BY old.place)"
        " FROM unnest(%(old)s::integer[]) WITH ORDINALITY AS old(id, place)"
        " JOIN lexical_block b ON b.segment_id = old.id GROUP BY b.term",
        {"made": made["id"], "old": ids},
    )
    await transaction.execute("DELETE FROM lexical_block WHERE segment_id = ANY(%s)", [ids])


async def _build(database: Database, held: Row, vectors: int) -> None:
    """The graph is built in memory where it has room, else much more slowly."""
    name, dims = f"embedding_{held['id']}_nearest", held["dims"]
    memory_mb = min(max(vectors * (2 * dims + 700) // 2**20, _MEMORY[0]), _MEMORY[1])
    async with database.session() as session:
        if not await _lock(session, held["id"]):
            return
        try:
            await session.execute(f"SET maintenance_work_mem = '{memory_mb}MB'")
            await session.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            await session.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON embedding_{held['id']}"
                f" USING hnsw ((vector::halfvec({dims})) halfvec_ip_ops)"
                f" WITH (m = {_LINKS}, ef_construction = {_EFFORT})"
            )
            await session.execute("UPDATE embedding_set SET is_indexed = true WHERE id = %s", [held["id"]])
        finally:
            await session.execute("RESET maintenance_work_mem")
            await session.rows("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, held["id"]])


async def _lock(session: Transaction, set_id: int) -> bool:
    """One process builds an index; a killed one gives the lock up by dying."""
    row = await session.row("SELECT pg_try_advisory_lock(%s, %s) AS ours", [_LOCK, set_id])
    return row is not None and bool(row["ours"])
