"""Deletes documents for good: every text they ever had, with its pages, chunks and vectors.

Following a source ends a text but keeps it, because runs point at it; this is for what must not be kept.
"""

from collections.abc import Sequence

from steadyhand.errors import NotFound
from steadyhand.storage import Database, Transaction


async def erase_base(database: Database, name: str) -> int:
    """Delete a knowledge base and all its documents; returns how many there were. Raises `NotFound`.

    What runs quoted stays in the ledger.
    """
    async with database.transaction() as transaction:
        base_id = await _locked(transaction, name)
        rows = await transaction.rows("SELECT path FROM document WHERE base_id = %s", [base_id])
        await _erase(transaction, base_id, [row["path"] for row in rows])
        await transaction.execute("DELETE FROM document_failure WHERE base_id = %s", [base_id])
        await transaction.execute("DELETE FROM knowledge_base WHERE id = %s", [base_id])
    return len(rows)


async def erase_documents(database: Database, name: str, paths: Sequence[str]) -> int:
    """Delete documents by their paths inside the base, all of them or none; returns how many there were.

    Raises `NotFound` when the base or one of the paths is not there. What runs quoted stays in the ledger.
    """
    async with database.transaction() as transaction:
        base_id = await _locked(transaction, name)
        rows = await transaction.rows(
            "SELECT path FROM document WHERE base_id = %(base)s AND path = ANY(%(paths)s)"
            " UNION SELECT path FROM document_failure WHERE base_id = %(base)s AND path = ANY(%(paths)s)",
            {"base": base_id, "paths": list(paths)},
        )
        found = [row["path"] for row in rows]
        if missing := sorted(set(paths) - set(found)):
            raise NotFound(
                f"expected documents of {name!r}; found none named {', '.join(map(repr, missing))}",
                hint="name them as search results and reports do: by the path inside their source",
            )
        await _erase(transaction, base_id, found)
        await transaction.execute(
            "UPDATE knowledge_base b SET revision = revision + 1, chunk_count = held.chunks,"
            " term_count = held.terms FROM (SELECT count(*) AS chunks, coalesce(sum(term_count), 0) AS terms"
            "  FROM chunk WHERE base_id = %(base)s) AS held WHERE b.id = %(base)s",
            {"base": base_id},
        )
    return len(found)


async def _locked(transaction: Transaction, name: str) -> int:
    """The base's id. Until the transaction ends nobody writes chunks, so that no vector is deleted under them."""
    row = await transaction.row("SELECT id FROM knowledge_base WHERE name = %s FOR UPDATE", [name])
    if row is None:
        raise NotFound(f"expected a knowledge base; found none named {name!r}", hint="check its name")
    await transaction.execute("LOCK TABLE chunk IN SHARE ROW EXCLUSIVE MODE")
    return int(row["id"])


async def _erase(transaction: Transaction, base_id: int, paths: Sequence[str]) -> None:
    """Versions take their pages, chunks and postings with them; then vectors that no chunk has any more go."""
    these = {"base": base_id, "paths": list(paths)}
    await transaction.execute(
        "DELETE FROM document_version v USING document d WHERE d.id = v.document_id"
        " AND d.base_id = %(base)s AND d.path = ANY(%(paths)s)",
        these,
    )
    for table in ("document", "document_failure"):
        await transaction.execute(f"DELETE FROM {table} WHERE base_id = %(base)s AND path = ANY(%(paths)s)", these)
    await transaction.execute(
        "DELETE FROM embedding e WHERE NOT EXISTS (SELECT 1 FROM chunk c WHERE c.text_hash = e.text_hash)"
    )
