"""Which document versions may still be quoted, at the moment an answer leaves."""

from collections.abc import Collection

from steadyhand.storage import Database
from steadyhand.types.run import Principal


class StillVisible:
    """One read by primary key. Implements the port of that name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, versions: Collection[int], principal: Principal) -> frozenset[int]:
        """Those of the versions that are live and that the principal may see."""
        sees = principal.sees
        rows = await self._database.rows(
            "SELECT v.id FROM document_version v JOIN document d ON d.id = v.document_id"
            " WHERE v.id = ANY(%(versions)s) AND v.died_at IS NULL"
            " AND (%(labels)s::text[] IS NULL OR d.labels && %(labels)s::text[])",
            {"versions": list(versions), "labels": None if sees is None else sorted(sees)},
        )
        return frozenset(row["id"] for row in rows)
