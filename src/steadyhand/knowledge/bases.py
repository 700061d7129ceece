"""What everybody asks of a knowledge base, and says of one that is not there."""

from collections.abc import Collection

from steadyhand.errors import NotFound
from steadyhand.knowledge.visible import VISIBLE, sees
from steadyhand.storage import Database
from steadyhand.types.run import Principal


def unknown(name: str) -> NotFound:
    """To be raised where there is no base of this name."""
    return NotFound(
        f"expected a knowledge base; found none named {name!r}",
        hint=f"steadyhand knowledge list names those there are; steadyhand ingest {name} makes this one",
    )


async def fields(database: Database, name: str, principal: Principal) -> list[str]:
    """The names in the metadata of a base's documents that the principal may see, sorted: what filters may name."""
    rows = await database.rows(
        "SELECT DISTINCT jsonb_object_keys(d.metadata) AS field FROM document d"
        " JOIN knowledge_base b ON b.id = d.base_id JOIN document_version v ON v.document_id = d.id"
        f" WHERE b.name = %(name)s AND {VISIBLE} ORDER BY field",
        {"name": name, "sees": sees(principal)},
    )
    return [row["field"] for row in rows]


async def absent(database: Database, name: str, paths: Collection[str]) -> list[str]:
    """Those of the paths at which the base has no live document, sorted."""
    rows = await database.rows(
        "SELECT d.path FROM document d JOIN knowledge_base b ON b.id = d.base_id"
        " JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
        " WHERE b.name = %s AND d.path = ANY(%s)",
        [name, list(paths)],
    )
    return sorted(set(paths) - {row["path"] for row in rows})
