"""Puts knowledge into PostgreSQL: documents, their versions and pages, and why a file could not be read.

A chunk exists only while its version is the live one of its document: the transaction that adds, replaces or
removes a document also adds and removes its chunks and postings. What a search reads in one statement is therefore
live, and a deleted document cannot answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from steadyhand.errors import DocumentError
from steadyhand.knowledge import index
from steadyhand.knowledge.index import PreparedChunk
from steadyhand.storage import Database, Transaction
from steadyhand.types.document import Document


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """What the store knows of a path without reading it again. `sha256` is of the file."""

    path: str
    sha256: bytes
    recipe: str
    failure: str = ""  # why it could not be read
    is_live: bool = False  # is a text of it served? Of an earlier content, when it failed since


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDocument:
    path: str
    origin: str
    sha256: bytes
    recipe: str
    language: str
    document: Document
    chunks: tuple[PreparedChunk, ...]


class KnowledgeStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def ensure_base(self, name: str, embedder: str) -> int:
        """The id of a base. A new one begins with the vectors of `embedder`, an older one keeps its own."""
        await self.database.execute(
            "WITH made AS (INSERT INTO knowledge_base (name, embedder) VALUES (%s, %s)"
            "  ON CONFLICT (name) DO NOTHING RETURNING id, embedder)"
            " INSERT INTO generation (base_id, embedder, built_at) SELECT id, embedder, now() FROM made",
            [name, embedder],
        )
        row = await self.database.row("SELECT id FROM knowledge_base WHERE name = %s", [name])
        assert row is not None
        return int(row["id"])

    async def known(self, base_id: int, origin: str) -> dict[str, KnownDocument]:
        """The live documents that came from `origin`, and the files there that could not be read, by path."""
        rows = await self.database.rows(
            "SELECT path, sha256, recipe, reason AS failure, false AS is_live FROM document_failure"
            " WHERE base_id = %(base)s AND origin = %(origin)s"
            " UNION ALL SELECT d.path, v.sha256, v.recipe, coalesce(f.reason, ''), true FROM document d"
            " JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
            " LEFT JOIN document_failure f ON f.base_id = d.base_id AND f.path = d.path"
            " WHERE d.base_id = %(base)s AND d.origin = %(origin)s ORDER BY is_live",
            {"base": base_id, "origin": origin},
        )
        return {row["path"]: KnownDocument(**row) for row in rows}  # what is live comes last, and counts

    async def origin(self, base_id: int, path: str) -> str | None:
        """Where the live document of a path was found; None when there is none."""
        row = await self.database.row(
            "SELECT d.origin FROM document d JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
            " WHERE d.base_id = %s AND d.path = %s",
            [base_id, path],
        )
        return str(row["origin"]) if row else None

    async def put(self, base_id: int, prepared: PreparedDocument) -> bool:
        """Make this text the live version of its path, all of it or nothing. False: it was that already."""
        async with self.database.transaction() as transaction:
            await _lock_base(transaction, base_id)
            document_id = await _document_id(transaction, base_id, prepared)
            live = await transaction.row(
                "SELECT sha256, recipe FROM document_version WHERE document_id = %s AND died_at IS NULL",
                [document_id],
            )
            if live and (live["sha256"], live["recipe"]) == (prepared.sha256, prepared.recipe):
                return False
            await _end_versions(transaction, base_id, [document_id])
            await _add_version(transaction, base_id, document_id, prepared)
            await transaction.execute(
                "DELETE FROM document_failure WHERE base_id = %s AND path = %s", [base_id, prepared.path]
            )
            await _count_change(transaction, base_id)
        return True

    async def fail(
        self, base_id: int, known: KnownDocument, origin: str, error: DocumentError, *, keeps_text: bool = False
    ) -> None:
        """Note that a file cannot be read. An older text of it is no longer served, unless it `keeps_text`."""
        async with self.database.transaction() as transaction:
            await _lock_base(transaction, base_id)
            if not keeps_text:
                await _end_paths(transaction, base_id, [known.path])
            await transaction.execute(
                "INSERT INTO document_failure (base_id, path, origin, sha256, recipe, code, reason)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (base_id, path) DO UPDATE SET"
                " origin = excluded.origin, sha256 = excluded.sha256, recipe = excluded.recipe,"
                " code = excluded.code, reason = excluded.reason, failed_at = now()",
                [base_id, known.path, origin, known.sha256, known.recipe, error.code, str(error)],
            )
            await _count_change(transaction, base_id)

    async def clear_failure(self, base_id: int, path: str) -> None:
        """Forget that a file could not be read: it can, and holds the text that is live."""
        await self.database.execute(
            "DELETE FROM document_failure WHERE base_id = %s AND path = %s", [base_id, path]
        )

    async def remove(self, base_id: int, paths: Sequence[str]) -> None:
        """End the live versions of these paths; from the commit on nothing of them is found."""
        async with self.database.transaction() as transaction:
            await _lock_base(transaction, base_id)
            await _end_paths(transaction, base_id, paths)
            await transaction.execute(
                "DELETE FROM document_failure WHERE base_id = %s AND path = ANY(%s)", [base_id, list(paths)]
            )
            await _count_change(transaction, base_id)


async def _lock_base(transaction: Transaction, base_id: int) -> None:
    """One writer at a time for each base: its statistics and its revision stay true."""
    await transaction.execute("SELECT 1 FROM knowledge_base WHERE id = %s FOR UPDATE", [base_id])


async def _count_change(transaction: Transaction, base_id: int) -> None:
    await transaction.execute("UPDATE knowledge_base SET revision = revision + 1 WHERE id = %s", [base_id])


async def _document_id(transaction: Transaction, base_id: int, prepared: PreparedDocument) -> int:
    row = await transaction.row(
        "INSERT INTO document (base_id, path, origin) VALUES (%s, %s, %s)"
        " ON CONFLICT (base_id, path) DO UPDATE SET origin = excluded.origin RETURNING id",
        [base_id, prepared.path, prepared.origin],
    )
    assert row is not None
    return int(row["id"])


async def _end_paths(transaction: Transaction, base_id: int, paths: Sequence[str]) -> None:
    rows = await transaction.rows(
        "SELECT id FROM document WHERE base_id = %s AND path = ANY(%s)", [base_id, list(paths)]
    )
    await _end_versions(transaction, base_id, [row["id"] for row in rows])


async def _end_versions(transaction: Transaction, base_id: int, documents: Sequence[int]) -> None:
    """Mark the live versions as dead, take their chunks out and correct the statistics."""
    ended = await transaction.rows(
        "UPDATE document_version SET died_at = now() WHERE document_id = ANY(%s) AND died_at IS NULL RETURNING id",
        [list(documents)],
    )
    if not ended:
        return
    await index.end(transaction, base_id, [row["id"] for row in ended])


async def _add_version(
    transaction: Transaction, base_id: int, document_id: int, prepared: PreparedDocument
) -> None:
    document = prepared.document
    row = await transaction.row(
        "INSERT INTO document_version (document_id, sha256, recipe, title, language, content)"
        " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
        [document_id, prepared.sha256, prepared.recipe, document.title, prepared.language, document.text],
    )
    assert row is not None
    version_id = int(row["id"])
    pages = [(version_id, page.number, page.start, page.end) for page in document.pages]
    await transaction.copy("page", ("version_id", "number", "start", "stop"), pages)
    await index.add(transaction, base_id, version_id, prepared.language, prepared.chunks)
