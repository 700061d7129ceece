"""Which document versions may be seen, and by whom: the SQL of every read of passages, documents and pages.

It speaks of `document d` and `document_version v`, with the parameter `sees`.
"""

from collections.abc import Collection

from steadyhand.storage import Database
from steadyhand.types.run import Principal

ALLOWED = "(%(sees)s::text[] IS NULL OR d.labels && %(sees)s::text[])"
"""May the caller see the document? Whoever holds none of its labels may not."""

VISIBLE = f"v.died_at IS NULL AND {ALLOWED}"
"""Is it the text of the document now, and may the caller see it?"""

LEGIBLE = (
    "(%(sees)s::text[] IS NULL OR (d.labels && %(sees)s::text[]"
    " AND (v.labels IS NULL OR v.labels && %(sees)s::text[])))"
)
"""May the caller see this text of the document, living or not? It must be one for its labels now, and one for those
that it had when it ended: a later text that more people may see does not open the earlier ones."""

REMEMBERED = (
    f"{LEGIBLE} AND (%(sees)s::text[] IS NULL OR EXISTS (SELECT 1 FROM document_version now"
    " WHERE now.document_id = d.id AND now.died_at IS NULL))"
)
"""May the caller find this text in the base as it was? What its source deleted since is for admins only."""


def sees(principal: Principal) -> list[str] | None:
    """The parameter `sees`: the labels that the principal may see; None, for an admin only, is all of them."""
    return None if principal.sees is None else sorted(principal.sees)


class StillVisible:
    """What may be quoted at the moment an answer leaves: one read by primary key, the port of that name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, versions: Collection[int], principal: Principal) -> frozenset[int]:
        """Those of the versions that are live and that the principal may see."""
        rows = await self._database.rows(
            "SELECT v.id FROM document_version v JOIN document d ON d.id = v.document_id"
            f" WHERE v.id = ANY(%(versions)s) AND {VISIBLE}",
            {"versions": list(versions), "sees": sees(principal)},
        )
        return frozenset(row["id"] for row in rows)
