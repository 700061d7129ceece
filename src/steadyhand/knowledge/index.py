"""What a search reads: the chunks of live versions, their terms, and the vectors of their texts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from steadyhand.knowledge.vectors import vector_text
from steadyhand.storage import Database, Transaction
from steadyhand.types.document import Chunk
from steadyhand.types.ports import Vectors


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


async def add(
    transaction: Transaction, base_id: int, version_id: int, language: str, chunks: Sequence[PreparedChunk]
) -> None:
    """Make the chunks of a version findable when the transaction ends. The caller holds the base's lock."""
    ids = await _chunk_ids(transaction, len(chunks))
    numbered = list(zip(ids, chunks, strict=True))
    rows = (_chunk_row(chunk_id, base_id, version_id, chunk) for chunk_id, chunk in numbered)
    await transaction.copy("chunk", _CHUNK, rows)
    await transaction.copy("posting", _POSTING, _posting_rows(base_id, numbered))
    await _count_chunks(transaction, base_id, language, chunks)


async def end(transaction: Transaction, base_id: int, versions: Sequence[int]) -> None:
    """Let nothing of these versions be found any more. The caller holds the base's lock."""
    await transaction.execute(
        "WITH gone AS (DELETE FROM chunk WHERE version_id = ANY(%(versions)s) RETURNING term_count)"
        " UPDATE knowledge_base SET chunk_count = chunk_count - (SELECT count(*) FROM gone),"
        " term_count = knowledge_base.term_count - (SELECT coalesce(sum(term_count), 0) FROM gone)"
        " WHERE id = %(base)s",
        {"versions": list(versions), "base": base_id},
    )


async def missing_vectors(database: Database, embedder: str, hashes: Iterable[bytes]) -> set[bytes]:
    """Those of the text hashes that the embedder has made no vector for yet."""
    wanted = list(set(hashes))
    rows = await database.rows(
        "SELECT text_hash FROM embedding WHERE embedder = %s AND text_hash = ANY(%s)", [embedder, wanted]
    )
    return set(wanted) - {row["text_hash"] for row in rows}


async def add_vectors(database: Database, embedder: str, hashes: Sequence[bytes], vectors: Vectors) -> None:
    """Keep vectors for good; those that are there already stay as they are.

    In the order of their hashes, so that two processes with the same texts never wait for each other.
    """
    await database.execute(
        "INSERT INTO embedding (embedder, text_hash, vector)"
        " SELECT %s, hash, vector::halfvec FROM unnest(%s::bytea[], %s::text[]) AS new(hash, vector)"
        " ORDER BY hash ON CONFLICT DO NOTHING",
        [embedder, list(hashes), [vector_text(vector) for vector in vectors]],
    )


async def _count_chunks(
    transaction: Transaction, base_id: int, language: str, chunks: Sequence[PreparedChunk]
) -> None:
    """Add a document to the statistics of its base."""
    term_count = sum(len(chunk.terms) for chunk in chunks)
    await transaction.execute(
        "UPDATE knowledge_base SET chunk_count = chunk_count + %(chunks)s, term_count = term_count + %(terms)s,"
        " languages = CASE WHEN %(language)s = ANY(languages) THEN languages"
        " ELSE languages || %(language)s::text END WHERE id = %(base)s",
        {
            "chunks": len(chunks),
            "terms": term_count,
            "language": language,
            "base": base_id,
        },
    )


_CHUNK = (
    "id", "base_id", "version_id", "ordinal", "page", "section", "start", "stop", "body", "term_count", "text_hash",
    "context",
)  # fmt: skip
_POSTING = ("base_id", "chunk_id", "term", "frequency", "term_count")


async def _chunk_ids(transaction: Transaction, count: int) -> list[int]:
    rows = await transaction.rows(
        "SELECT nextval(pg_get_serial_sequence('chunk', 'id')) AS id FROM generate_series(1, %s)", [count]
    )
    return [int(row["id"]) for row in rows]


def _chunk_row(chunk_id: int, base_id: int, version_id: int, prepared: PreparedChunk) -> tuple[object, ...]:
    chunk = prepared.chunk
    return (
        chunk_id, base_id, version_id, chunk.ordinal, chunk.page, chunk.section, chunk.start, chunk.end,
        prepared.body, len(prepared.terms), prepared.text_hash, prepared.context,
    )  # fmt: skip


def _posting_rows(base_id: int, chunks: Sequence[tuple[int, PreparedChunk]]) -> Iterator[tuple[object, ...]]:
    for chunk_id, chunk in chunks:
        for term, frequency in Counter(chunk.terms).items():
            yield (base_id, chunk_id, term, min(frequency, 32_767), len(chunk.terms))
