"""What is in the knowledge bases, for lists, pages and people."""

from collections.abc import Collection
from dataclasses import dataclass

from steadyhand.errors import NotFound
from steadyhand.knowledge.visible import ALLOWED, sees
from steadyhand.storage import Database, Row
from steadyhand.types.run import Principal


@dataclass(frozen=True, slots=True)
class BaseSummary:
    """A knowledge base as lists show it."""

    name: str
    documents: int
    chunks: int
    failed: int
    revision: int
    embedder: str


class KnowledgeContents:
    """Reads on its own; only `KnowledgeStore` writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def bases(self) -> list[BaseSummary]:
        rows = await self._database.rows(
            "SELECT b.name, b.revision, b.embedder, b.chunk_count AS chunks,"
            " (SELECT count(*) FROM document d JOIN document_version v ON v.document_id = d.id"
            "  WHERE d.base_id = b.id AND v.died_at IS NULL) AS documents,"
            " (SELECT count(*) FROM document_failure f WHERE f.base_id = b.id) AS failed"
            " FROM knowledge_base b ORDER BY b.name"
        )
        return [BaseSummary(**row) for row in rows]

    async def base(self, name: str) -> BaseSummary:
        """Raises `NotFound`."""
        for base in await self.bases():
            if base.name == name:
                return base
        raise NotFound(f"expected a knowledge base; found none named {name!r}", hint=f"steadyhand ingest {name}")

    async def failures(self, name: str, principal: Principal) -> list[Row]:
        """Files that could not be read, with the reason.

        Who does not see all documents sees those whose earlier text it may see: of the others the labels are not
        known, and a path tells something too.
        """
        return await self._database.rows(
            "SELECT f.path, f.code, f.reason, f.failed_at FROM document_failure f JOIN knowledge_base b"
            " ON b.id = f.base_id LEFT JOIN document d ON d.base_id = f.base_id AND d.path = f.path"
            f" WHERE b.name = %(name)s AND {ALLOWED} ORDER BY f.path",
            {"name": name, "sees": sees(principal)},
        )

    async def documents(self, name: str, principal: Principal) -> list[Row]:
        """Live documents that it may see: path, title, pages, chunks, when the text was read."""
        return await self._database.rows(
            "SELECT d.path, v.title, v.born_at, (SELECT count(*) FROM page p WHERE p.version_id = v.id) AS pages,"
            " (SELECT count(*) FROM chunk c WHERE c.version_id = v.id) AS chunks"
            " FROM document d JOIN knowledge_base b ON b.id = d.base_id"
            " JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
            f" WHERE b.name = %(name)s AND {ALLOWED} ORDER BY d.path",
            {"name": name, "sees": sees(principal)},
        )

    async def page(
        self, name: str, path: str, number: int, principal: Principal, version_id: int | None = None
    ) -> Row | None:
        """A page of a live document that it may see: `title`, `content`, `start` (in the document), `pages`.

        With `version_id` as the document was then; what was deleted since is not shown in any version.
        """
        return await self._database.row(
            "SELECT v.title, substr(v.content, p.start + 1, p.stop - p.start) AS content, p.start, p.stop,"
            " (SELECT count(*) FROM page q WHERE q.version_id = v.id) AS pages"
            " FROM document d JOIN knowledge_base b ON b.id = d.base_id"
            " JOIN document_version live ON live.document_id = d.id AND live.died_at IS NULL"
            " JOIN document_version v ON v.document_id = d.id"
            " AND v.id = coalesce(%(version)s::bigint, live.id)"
            " JOIN page p ON p.version_id = v.id"
            f" WHERE b.name = %(name)s AND d.path = %(path)s AND p.number = %(number)s AND {ALLOWED}",
            {
                "name": name,
                "path": path,
                "number": number,
                "version": version_id,
                "sees": sees(principal),
            },
        )

    async def may_see(self, versions: Collection[int], principal: Principal) -> bool:
        """May it see the documents of all these versions, living or not? Only an admin those that were erased."""
        if principal.sees is None or not versions:
            return True
        row = await self._database.row(
            "SELECT count(*) AS seen FROM document_version v JOIN document d ON d.id = v.document_id"
            f" WHERE v.id = ANY(%(versions)s) AND {ALLOWED}",
            {"versions": list(versions), "sees": sees(principal)},
        )
        return row is not None and row["seen"] == len(versions)
