"""Deletes documents for good: every text they ever had, with its pages, chunks, postings and vectors.

Following a source ends a text but keeps it, because runs point at it; this is for what must not be kept.
"""

from collections.abc import Sequence

from steadyhand.errors import NotFound
from steadyhand.knowledge import bases
from steadyhand.knowledge.index import entries
from steadyhand.storage import Database, Transaction


async def erase_base(database: Database, name: str) -> int:
    """Delete a knowledge base and all its documents; returns how many there were. Raises `NotFound`.

    What runs quoted stays in the ledger.
    """
    async with database.transaction() as transaction:
        base_id = await _locked(transaction, name)
        await entries.lock_postings(transaction, base_id)
        await entries.drop_vectors(transaction, base_id)
        rows = await transaction.rows("SELECT path FROM document WHERE base_id = %s", [base_id])
        failed = await transaction.rows("SELECT path FROM document_failure WHERE base_id = %s", [base_id])
        await transaction.execute("DELETE FROM upload WHERE base_id = %s", [base_id])
        for statement in (
            "DELETE FROM lexical_block b USING lexical_segment s WHERE s.id = b.segment_id AND s.base_id = %s",
            "DELETE FROM lexical_segment WHERE base_id = %s",
            "DELETE FROM chunk WHERE base_id = %s",
        ):
            await transaction.execute(statement, [base_id])
        await _erase(transaction, base_id, [row["path"] for row in [*rows, *failed]])
        await transaction.execute("DELETE FROM knowledge_base WHERE id = %s", [base_id])
    return len(rows)


async def erase_documents(database: Database, name: str, paths: Sequence[str]) -> int:
    """Delete documents by their paths inside the base, all of them or none, with what came in them.

    Returns how many there were. A file that was handed in goes with them. Raises `NotFound` when the base or one of
    the paths is not there. What runs quoted stays in the ledger.
    """
    async with database.transaction() as transaction:
        base_id = await _locked(transaction, name)
        rows = await transaction.rows(
            "SELECT path, container FROM document WHERE base_id = %(base)s"
            " AND (path = ANY(%(paths)s) OR container = ANY(%(paths)s))"
            " UNION SELECT path, container FROM document_failure WHERE base_id = %(base)s"
            " AND (path = ANY(%(paths)s) OR container = ANY(%(paths)s))",
            {"base": base_id, "paths": list(paths)},
        )
        found = sorted({row["path"] for row in rows})
        if missing := sorted(set(paths) - set(found) - {row["container"] for row in rows}):
            raise NotFound(
                f"expected documents of {name!r}; found none named {', '.join(map(repr, missing))}",
                hint="name them as search results and reports do: by the path inside their source",
            )
        versions = await transaction.rows(
            "SELECT v.id FROM document_version v JOIN document d ON d.id = v.document_id"
            " WHERE d.base_id = %s AND d.path = ANY(%s)",
            [base_id, found],
        )
        await entries.forget(transaction, base_id, [row["id"] for row in versions])
        await _erase(transaction, base_id, sorted({*found, *paths}))
        await transaction.execute("UPDATE knowledge_base SET revision = revision + 1 WHERE id = %s", [base_id])
    return len(found)


async def _locked(transaction: Transaction, name: str) -> int:
    """The base's id. Until the transaction ends nobody else writes to it: no new chunk loses its vector."""
    row = await transaction.row("SELECT id FROM knowledge_base WHERE name = %s FOR UPDATE", [name])
    if row is None:
        raise bases.unknown(name)
    return int(row["id"])


async def _erase(transaction: Transaction, base_id: int, paths: Sequence[str]) -> None:
    """Versions take their pages with them. What was read in their files goes when no other document has them.

    Their sources bring them again when they still list them.
    """
    these = {"base": base_id, "paths": list(paths)}
    gone = await transaction.rows(
        "DELETE FROM document_version v USING document d WHERE d.id = v.document_id"
        " AND d.base_id = %(base)s AND d.path = ANY(%(paths)s) RETURNING v.sha256",
        these,
    )
    await transaction.execute("DELETE FROM document WHERE base_id = %(base)s AND path = ANY(%(paths)s)", these)
    failed = await transaction.rows(
        "DELETE FROM document_failure WHERE base_id = %(base)s AND path = ANY(%(paths)s) RETURNING sha256", these
    )
    await transaction.execute(
        "DELETE FROM upload WHERE base_id = %(base)s AND path = ANY(%(paths)s)",
        these,
    )
    await transaction.execute(
        "DELETE FROM source_item i USING source s WHERE s.id = i.source_id AND s.base_id = %(base)s"
        " AND i.named = ANY(%(paths)s)",
        these,
    )
    for table in ("original", "reading"):
        await transaction.execute(
            f"DELETE FROM {table} f WHERE f.sha256 = ANY(%s)"
            " AND NOT EXISTS (SELECT 1 FROM document_version v WHERE v.sha256 = f.sha256)",
            [list({row["sha256"] for row in [*gone, *failed]})],
        )
