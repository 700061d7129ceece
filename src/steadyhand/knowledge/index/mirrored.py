"""The collections that mirror bases, and what there is to tell them: the SQL of `mirror`, which tells it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steadyhand.knowledge.index import filters, outbox
from steadyhand.storage import Database, Row, Transaction
from steadyhand.types.vectors import Collection, VectorRow

_PAGE = 500  # chunks that are told in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A collection of the store that the settings call `store`. While it is built, it has all chunks below
    `next_slot`. `set_id` is the table of the vectors that it mirrors."""

    id: int
    collection: Collection
    store: str
    base_id: int
    set_id: int
    next_slot: int
    is_built: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Chunks to write and to delete. `notes` are said by them, `unready` are live and wait for their vectors.

    `last` is the last slot that was looked at, or the last note; there is more behind it when the page `is_full`.
    """

    rows: Sequence[VectorRow]
    gone: Sequence[int]
    unready: Sequence[int]
    notes: Sequence[int]
    last: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class Quiet:
    """A mirror that was told everything a while ago, and how many rows it should have."""

    mirror: Mirror
    expected: int


def collection_name(base: str, word: str) -> str:
    """A name that every store takes, and that says which base it is."""
    plain = re.sub(r"[^a-z0-9]+", "_", base.lower()).strip("_")[:30]
    return "_".join(part for part in ("steadyhand", plain, word) if part)


async def current(asked: Database | Transaction, base: str, store: str, *, is_built: bool) -> Mirror | None:
    """The newest mirror of the vectors that searches of the base read: the newest that is built, or of all."""
    row = await asked.row(
        f"SELECT {_MIRROR} FROM store_mirror m {_ACTIVE} {_SET} WHERE b.name = %(base)s AND m.store = %(store)s"
        " AND (m.built_at IS NOT NULL OR NOT %(is_built)s) ORDER BY m.id DESC LIMIT 1",
        {"base": base, "store": store, "is_built": is_built},
    )
    return _mirror(row) if row else None


async def again(transaction: Transaction, mirror: Mirror) -> Mirror | None:
    """How far the mirror is now; None when it was given up."""
    row = await transaction.row(f"SELECT {_MIRROR} FROM store_mirror m {_SET} WHERE m.id = %s", [mirror.id])
    return _mirror(row) if row else None


async def begin(transaction: Transaction, base: str, store: str, collection: str) -> None:
    """From the commit on, changes of the base are noted. The caller holds the base's lock.

    A base without vectors gets no mirror.
    """
    await transaction.execute(
        "INSERT INTO store_mirror (collection, store, base_id, embedder, dims)"
        " SELECT %s, %s, b.id, b.embedder, s.dims FROM knowledge_base b"
        " JOIN embedding_set s ON s.base_id = b.id AND s.embedder = b.embedder WHERE b.name = %s",
        [collection, store, base],
    )


async def next_page(transaction: Transaction, mirror: Mirror, after: int) -> Page:
    """What to tell a mirror: the next chunks while it is built, then what was noted behind number `after`."""
    if not mirror.is_built:
        rows = await _chunks(transaction, mirror, "c.slot >= %(from)s", {"from": mirror.next_slot})
        last = rows[-1]["slot"] if rows else mirror.next_slot - 1
        return _page(rows, slots=[], notes=[], last=last, is_full=len(rows) == _PAGE)
    noted = await transaction.rows(
        "SELECT id, slot FROM store_outbox WHERE base_id = %s AND id > %s ORDER BY id LIMIT %s",
        [mirror.base_id, after, _PAGE],
    )
    slots = sorted({row["slot"] for row in noted})
    rows = await _chunks(transaction, mirror, "c.slot = ANY(%(slots)s)", {"slots": slots})
    unready = {row["slot"] for row in rows if row["vector"] is None}
    notes = [row["id"] for row in noted if row["slot"] not in unready]
    last = noted[-1]["id"] if noted else after
    return _page(rows, slots=slots, notes=notes, last=last, is_full=len(noted) == _PAGE)


async def told(transaction: Transaction, mirror: Mirror, page: Page) -> None:
    """The page is in the store."""
    if mirror.is_built:
        await transaction.execute("DELETE FROM store_outbox WHERE id = ANY(%s)", [list(page.notes)])
    else:
        await outbox.note(transaction, mirror.base_id, page.unready)
    if page.rows or page.gone or not mirror.is_built:
        await transaction.execute(
            "UPDATE store_mirror SET pushed_at = now(), next_slot = %(next)s,"
            " built_at = CASE WHEN %(is_built)s THEN coalesce(built_at, now()) END WHERE id = %(id)s",
            {
                "next": mirror.next_slot if mirror.is_built else page.last + 1,
                "is_built": mirror.is_built or not page.is_full,
                "id": mirror.id,
            },
        )


async def outdated(database: Database, wanted: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """Id, store and collection of mirrors that no search reads any more; `wanted` are the stores of bases."""
    rows = await database.rows(
        "SELECT m.id, m.store, m.collection FROM store_mirror m LEFT JOIN knowledge_base b ON b.id = m.base_id"
        " LEFT JOIN unnest(%(bases)s::text[], %(stores)s::text[]) AS w (base, store) ON w.base = b.name"
        " WHERE b.id IS NULL OR b.embedder <> m.embedder OR w.store IS DISTINCT FROM m.store"
        " OR EXISTS (SELECT 1 FROM store_mirror n WHERE n.base_id = m.base_id AND n.id > m.id"
        "  AND n.built_at IS NOT NULL) ORDER BY m.id",
        {"bases": list(wanted), "stores": list(wanted.values())},
    )
    return [(row["id"], row["store"], row["collection"]) for row in rows]


async def forget(database: Database, mirror_id: int) -> None:
    """The mirror is given up; what was noted goes with the last one of its base."""
    async with database.transaction() as transaction:
        row = await transaction.row("DELETE FROM store_mirror WHERE id = %s RETURNING base_id", [mirror_id])
        if row is not None:
            await transaction.execute(
                f"DELETE FROM store_outbox WHERE base_id = %(base)s AND NOT {outbox.HAS_MIRROR}",
                {"base": row["base_id"]},
            )


async def quiet(database: Database, base: str, store: str) -> Quiet | None:
    """The base's mirror, when it was told everything so long ago that the store's count can be believed."""
    row = await database.row(
        f"SELECT {_MIRROR}, b.chunk_count FROM store_mirror m {_ACTIVE} {_SET} WHERE b.name = %s AND m.store = %s"
        " AND m.built_at IS NOT NULL AND m.pushed_at < now() - interval '10 minutes'"
        " AND NOT EXISTS (SELECT 1 FROM store_outbox o WHERE o.base_id = b.id) ORDER BY m.id DESC LIMIT 1",
        [base, store],
    )
    return Quiet(_mirror(row), row["chunk_count"]) if row else None


async def _chunks(transaction: Transaction, mirror: Mirror, which: str, values: Mapping[str, object]) -> list[Row]:
    return await transaction.rows(
        _CHUNKS.format(set=mirror.set_id, built_in=_BUILT_IN, which=which),
        {"base": mirror.base_id, "most": _PAGE, **values},
    )


def _page(rows: list[Row], *, slots: Sequence[int], notes: Sequence[int], last: int, is_full: bool) -> Page:
    live = {row["slot"] for row in rows}
    return Page(
        rows=[_vector_row(row) for row in rows if row["vector"] is not None],
        gone=[slot for slot in slots if slot not in live],
        unready=[row["slot"] for row in rows if row["vector"] is None],
        notes=notes,
        last=last,
        is_full=is_full,
    )


def _vector_row(row: Row) -> VectorRow:
    """pgvector sends a vector as two numbers of 16 bits and its halves, all of them big-endian."""
    vector = np.frombuffer(row["vector"], dtype=">f2", offset=4).astype(np.float32)
    return VectorRow(id=row["slot"], vector=vector, labels=frozenset(row["labels"]), metadata=row["metadata"])


def _mirror(row: Row) -> Mirror:
    return Mirror(
        id=row["id"],
        collection=Collection(row["collection"], row["dims"]),
        store=row["store"],
        base_id=row["base_id"],
        set_id=row["set_id"],
        next_slot=row["next_slot"],
        is_built=row["is_built"],
    )


_MIRROR = (
    "m.id, m.collection, m.store, m.base_id, m.dims, m.next_slot, m.built_at IS NOT NULL AS is_built,"
    " s.id AS set_id"
)
_ACTIVE = "JOIN knowledge_base b ON b.id = m.base_id AND b.embedder = m.embedder"
_SET = "JOIN embedding_set s ON s.base_id = m.base_id AND s.embedder = m.embedder AND s.dims = m.dims"

_BUILT_IN = ", ".join(f"'{field}', {column}" for field, column in filters.BUILT_IN.items())
_CHUNKS = """
SELECT c.slot, halfvec_send(e.vector) AS vector, d.labels, d.metadata || jsonb_build_object({built_in}) AS metadata
FROM chunk c JOIN document_version v ON v.id = c.version_id JOIN document d ON d.id = v.document_id
LEFT JOIN embedding_{set} e ON e.set_id = {set} AND e.text_hash = c.text_hash
WHERE c.base_id = %(base)s AND c.died IS NULL AND {which} ORDER BY c.slot LIMIT %(most)s
"""
