"""What a search reads: chunks, the postings of their terms, and the vectors of their texts.

Every chunk has a slot, its number in its base, and says at which revision of the base it was born and died, so that
a search can read the base as it was; `compaction` takes out what nobody will ask for again. The chunks that came in
together are a segment with postings of its own, which do not change; `compaction` merges small ones.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from steadyhand.errors import WrongEmbedder
from steadyhand.knowledge.embedding.embedders import vector_text
from steadyhand.knowledge.index import outbox
from steadyhand.knowledge.index.lexical import encoded, without
from steadyhand.storage import Database, Row, Transaction
from steadyhand.types.document import Chunk
from steadyhand.types.ports import Vectors

_LOCK = 0x57EAD8
"""With a base's id: whoever holds it may change postings that are there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedChunk:
    """A chunk with all that is stored of it. `text` is what is embedded and indexed: the chunk in its context."""

    chunk: Chunk
    body: str
    context: str
    terms: Sequence[str]
    text_hash: bytes

    @property
    def text(self) -> str:
        return f"{self.context}\n{self.body}"


@dataclass(frozen=True, slots=True)
class PreparedVersion:
    """The chunks of a document version that is in the database."""

    id: int
    language: str
    chunks: Sequence[PreparedChunk]


async def add(transaction: Transaction, base_id: int, versions: Sequence[PreparedVersion]) -> None:
    """Make the chunks of these versions findable when the transaction ends.

    The caller holds the base's lock, and raises its revision by one before the transaction ends: the chunks are
    born with that revision.
    """
    chunks = [(version.id, chunk) for version in versions for chunk in version.chunks]
    place = await _place(transaction, base_id, versions, [chunk for _, chunk in chunks])
    first, born = place["slot_count"] - len(chunks), place["revision"] + 1
    rows = (_chunk_row(base_id, first + at, born, *chunk) for at, chunk in enumerate(chunks))
    await transaction.copy("chunk", _CHUNK, rows)
    await outbox.note(transaction, base_id, range(first, first + len(chunks)))
    await _add_terms(transaction, base_id, first, versions)


async def end(transaction: Transaction, base_id: int, versions: Sequence[int]) -> None:
    """Let nothing of these versions be found any more, but in searches of the base as it was.

    The caller does as for `add`.
    """
    await transaction.execute(
        "WITH gone AS (UPDATE chunk SET died = b.revision + 1 FROM knowledge_base b"
        "  WHERE b.id = %(base)s AND chunk.version_id = ANY(%(versions)s) AND chunk.died IS NULL"
        "  RETURNING chunk.term_count, chunk.slot), noted AS (INSERT INTO store_outbox (base_id, slot)"
        f"  SELECT %(base)s, slot FROM gone WHERE {outbox.HAS_MIRROR})"
        f" {_COUNT_GONE}",
        {"versions": list(versions), "base": base_id},
    )


async def forget(transaction: Transaction, base_id: int, versions: Sequence[int]) -> int:
    """Delete the chunks of these versions, with their postings and vectors; returns how many chunks there were.

    The caller holds the base's lock. A text that another chunk of the base has keeps its vector.
    """
    await lock_postings(transaction, base_id)
    these = {"versions": list(versions), "base": base_id}
    terms = await transaction.rows(
        "WITH gone AS (DELETE FROM version_terms WHERE version_id = ANY(%(versions)s) RETURNING terms)"
        " SELECT DISTINCT unnest(terms) AS term FROM gone",
        these,
    )
    chunks = await transaction.rows(
        "DELETE FROM chunk WHERE version_id = ANY(%(versions)s) RETURNING slot, text_hash, term_count, died", these
    )
    live = [row["term_count"] for row in chunks if row["died"] is None]
    await transaction.execute(
        "UPDATE knowledge_base SET chunk_count = chunk_count - %(chunks)s, term_count = term_count - %(terms)s,"
        " forgotten = forgotten + %(gone)s WHERE id = %(base)s",
        {"chunks": len(live), "terms": sum(live), "gone": len(chunks), "base": base_id},
    )
    slots = [row["slot"] for row in chunks]
    await outbox.note(transaction, base_id, slots)
    await _forget_postings(transaction, base_id, slots, [row["term"] for row in terms])
    await _forget_vectors(transaction, base_id, [row["text_hash"] for row in chunks])
    return len(chunks)


async def lock_postings(transaction: Transaction, base_id: int) -> None:
    """Wait until nobody else changes postings of the base that are there already; new ones may still come in."""
    await transaction.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, base_id])


async def try_lock_postings(transaction: Transaction, base_id: int) -> bool:
    """The same without waiting; False when somebody else has it."""
    row = await transaction.row("SELECT pg_try_advisory_xact_lock(%s, %s) AS ours", [_LOCK, base_id])
    return row is not None and bool(row["ours"])


async def missing_vectors(database: Database, base_id: int, embedder: str, hashes: Iterable[bytes]) -> set[bytes]:
    """Those of the text hashes that the base has no vector for by this embedder."""
    wanted = list(set(hashes))
    row = await _vector_set(database, base_id, embedder)
    if row is None:
        return set(wanted)
    rows = await database.rows(
        f"SELECT text_hash FROM embedding_{row['id']} WHERE set_id = %s AND text_hash = ANY(%s)",
        [row["id"], wanted],
    )
    return set(wanted) - {row["text_hash"] for row in rows}


async def add_vectors(
    database: Database, base_id: int, embedder: str, hashes: Sequence[bytes], vectors: Vectors
) -> None:
    """Keep vectors of the base's texts for good, shape (n, dims); those that are there already stay as they are.

    In the order of their hashes, so that two processes with the same texts never wait for each other. Raises
    `WrongEmbedder` when the embedder's vectors had another length.
    """
    if not len(vectors):
        return
    dims = vectors.shape[1]
    row = await _vector_set(database, base_id, embedder) or await _new_vector_set(database, base_id, embedder, dims)
    if row["dims"] != dims:
        raise WrongEmbedder(f"expected vectors of length {row['dims']} from {embedder}; found {dims}")
    await database.execute(
        f"INSERT INTO embedding_{row['id']} (set_id, text_hash, vector)"
        " SELECT %s, hash, vector::halfvec FROM unnest(%s::bytea[], %s::text[]) AS new(hash, vector)"
        " ORDER BY hash ON CONFLICT DO NOTHING",
        [row["id"], list(hashes), [vector_text(vector) for vector in vectors]],
    )


async def drop_vectors(transaction: Transaction, base_id: int, *, keep: Sequence[str] = ()) -> int:
    """Delete the base's vectors by every embedder but those in `keep`, at once; returns how many there were."""
    gone = 0
    for row in await transaction.rows(
        "DELETE FROM embedding_set WHERE base_id = %s AND NOT embedder = ANY(%s) RETURNING id",
        [base_id, list(keep)],
    ):
        counted = await transaction.row(f"SELECT count(*) AS vectors FROM embedding_{row['id']}")
        gone += int(counted["vectors"]) if counted else 0
        await transaction.execute(f"DROP TABLE embedding_{row['id']}")
    return gone


async def _place(
    transaction: Transaction, base_id: int, versions: Sequence[PreparedVersion], chunks: Sequence[PreparedChunk]
) -> Row:
    """Slots for the chunks, the last of them below `slot_count`; their statistics and languages are counted."""
    row = await transaction.row(
        "UPDATE knowledge_base b SET chunk_count = chunk_count + %(chunks)s, term_count = term_count + %(terms)s,"
        " slot_count = slot_count + %(chunks)s, languages = languages || ARRAY("
        "  SELECT DISTINCT new FROM unnest(%(languages)s::text[]) AS new WHERE NOT new = ANY(b.languages)"
        "  ORDER BY new)"
        " WHERE id = %(base)s RETURNING slot_count, revision",
        {
            "chunks": len(chunks),
            "terms": sum(len(chunk.terms) for chunk in chunks),
            "languages": [version.language for version in versions],
            "base": base_id,
        },
    )
    assert row is not None
    return row


async def _add_terms(
    transaction: Transaction, base_id: int, first: int, versions: Sequence[PreparedVersion]
) -> None:
    """One segment of postings, and which terms each version has."""
    lists = [chunk.terms for version in versions for chunk in version.chunks]
    postings = encoded(enumerate(lists, start=first))
    if not postings:
        return
    row = await transaction.row(
        "INSERT INTO lexical_segment (base_id, level, first_slot) VALUES (%s, 0, %s) RETURNING id", [base_id, first]
    )
    assert row is not None
    blocks = ((row["id"], term, postings[term]) for term in sorted(postings))
    await transaction.copy("lexical_block", ("segment_id", "term", "postings"), blocks)
    held = ((one.id, sorted({term for chunk in one.chunks for term in chunk.terms})) for one in versions)
    await transaction.copy("version_terms", ("version_id", "terms"), held)


_CHUNK = (
    "base_id", "slot", "born", "version_id", "ordinal", "page", "section", "start", "stop", "parent_start",
    "parent_stop", "body", "term_count", "text_hash", "context",
)  # fmt: skip

_COUNT_GONE = (
    "UPDATE knowledge_base SET chunk_count = chunk_count - (SELECT count(*) FROM gone),"
    " term_count = knowledge_base.term_count - (SELECT coalesce(sum(term_count), 0) FROM gone) WHERE id = %(base)s"
)


def _chunk_row(base_id: int, slot: int, born: int, version_id: int, prepared: PreparedChunk) -> tuple[object, ...]:
    chunk = prepared.chunk
    return (
        base_id, slot, born, version_id, chunk.ordinal, chunk.page, chunk.section, chunk.start, chunk.end,
        chunk.parent_start, chunk.parent_end, prepared.body, len(prepared.terms), prepared.text_hash,
        prepared.context,
    )  # fmt: skip


async def _forget_postings(
    transaction: Transaction, base_id: int, slots: Sequence[int], terms: Sequence[str]
) -> None:
    segments = await transaction.rows(
        "SELECT id, first_slot FROM lexical_segment WHERE base_id = %s ORDER BY first_slot", [base_id]
    )
    starts = [row["first_slot"] for row in segments]
    held = sorted({segments[at]["id"] for at in np.searchsorted(starts, slots, side="right") - 1 if at >= 0})
    blocks = await transaction.rows(
        "SELECT segment_id, term, postings FROM lexical_block WHERE segment_id = ANY(%s) AND term = ANY(%s)",
        [held, list(terms)],
    )
    gone = np.array(slots, dtype=np.int32)
    left = [(row["segment_id"], row["term"], without(row["postings"], gone)) for row in blocks]
    await transaction.execute(
        "UPDATE lexical_block b SET postings = l.postings"
        " FROM unnest(%s::integer[], %s::text[], %s::bytea[]) AS l(segment_id, term, postings)"
        " WHERE b.segment_id = l.segment_id AND b.term = l.term AND b.postings <> l.postings",
        [list(column) for column in zip(*left, strict=True)] or [[], [], []],
    )
    await transaction.execute(
        "DELETE FROM lexical_block WHERE segment_id = ANY(%s) AND term = ANY(%s) AND postings = ''",
        [held, list(terms)],
    )


async def _forget_vectors(transaction: Transaction, base_id: int, hashes: Sequence[bytes]) -> None:
    for row in await transaction.rows("SELECT id FROM embedding_set WHERE base_id = %s", [base_id]):
        await transaction.execute(
            f"DELETE FROM embedding_{row['id']} e WHERE e.set_id = %s AND e.text_hash = ANY(%s) AND NOT EXISTS"
            " (SELECT 1 FROM chunk c WHERE c.base_id = %s AND c.text_hash = e.text_hash)",
            [row["id"], list(hashes), base_id],
        )


async def _vector_set(database: Database, base_id: int, embedder: str) -> Row | None:
    return await database.row(
        "SELECT id, dims FROM embedding_set WHERE base_id = %s AND embedder = %s", [base_id, embedder]
    )


async def _new_vector_set(database: Database, base_id: int, embedder: str, dims: int) -> Row:
    """A partition for the vectors; somebody else may make it at the same time."""
    async with database.transaction() as transaction:
        made = await transaction.row(
            "INSERT INTO embedding_set (base_id, embedder, dims) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING RETURNING id",
            [base_id, embedder, dims],
        )
        if made is not None:
            await _make_partition(transaction, int(made["id"]))
    found = await _vector_set(database, base_id, embedder)
    assert found is not None
    return found


async def _make_partition(transaction: Transaction, set_id: int) -> None:
    """Attached when it is made, which keeps no search waiting. Rows of up to 4,000 dimensions stay whole."""
    await transaction.execute(
        f"CREATE TABLE embedding_{set_id} (LIKE embedding INCLUDING ALL) WITH (toast_tuple_target = 8160)"
    )
    await transaction.execute(f"ALTER TABLE embedding ATTACH PARTITION embedding_{set_id} FOR VALUES IN ({set_id})")
