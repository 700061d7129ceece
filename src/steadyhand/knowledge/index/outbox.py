"""Notes which chunks the vector store of a base has to hear of, in the transaction that changes them.

Nothing is noted for a base without a mirror. What the note means is read when it is told: a chunk that is there is
written, another one is deleted.
"""

from collections.abc import Sequence

from steadyhand.storage import Transaction

HAS_MIRROR = "EXISTS (SELECT 1 FROM store_mirror m WHERE m.base_id = %(base)s)"
"""Of the base with the parameter `base`."""


async def note(transaction: Transaction, base_id: int, slots: Sequence[int]) -> None:
    """These chunks came or went."""
    await transaction.execute(
        "INSERT INTO store_outbox (base_id, slot)"
        f" SELECT %(base)s, slot FROM unnest(%(slots)s::integer[]) AS n (slot) WHERE {HAS_MIRROR}",
        {"base": base_id, "slots": list(slots)},
    )


async def note_documents(transaction: Transaction, documents: Sequence[int]) -> None:
    """The live chunks of these documents are found by others now."""
    await transaction.execute(
        "INSERT INTO store_outbox (base_id, slot) SELECT c.base_id, c.slot FROM document_version v"
        " JOIN chunk c ON c.version_id = v.id WHERE v.document_id = ANY(%s) AND v.died_at IS NULL"
        " AND EXISTS (SELECT 1 FROM store_mirror m WHERE m.base_id = c.base_id)",
        [list(documents)],
    )
