"""What is in the knowledge bases, for lists, pages and people."""

from dataclasses import dataclass

from steadyhand.errors import NotFound
from steadyhand.storage import Database, Row


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

    async def failures(self, name: str) -> list[Row]:
        """Files that could not be read, with the reason."""
        return await self._database.rows(
            "SELECT f.path, f.code, f.reason, f.failed_at FROM document_failure f JOIN knowledge_base b"
            " ON b.id = f.base_id WHERE b.name = %s ORDER BY f.path",
            [name],
        )

    async def documents(self, name: str) -> list[Row]:
        """Live documents: path, title, pages, chunks, when the text was read."""
        return await self._database.rows(
            "SELECT d.path, v.title, v.born_at, (SELECT count(*) FROM page p WHERE p.version_id = v.id) AS pages,"
            " (SELECT count(*) FROM chunk c WHERE c.version_id = v.id) AS chunks"
            " FROM document d JOIN knowledge_base b ON b.id = d.base_id"
            " JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
            " WHERE b.name = %s ORDER BY d.path",
            [name],
        )

    async def page(self, name: str, path: str, number: int) -> Row | None:
        """A page of a live document: `title`, `content`, `start` (its offset in the document), `pages`."""
        return await self._database.row(
            "SELECT v.title, substr(v.content, p.start + 1, p.stop - p.start) AS content, p.start, p.stop,"
            " (SELECT count(*) FROM page q WHERE q.version_id = v.id) AS pages"
            " FROM document d JOIN knowledge_base b ON b.id = d.base_id"
            " JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
            " JOIN page p ON p.version_id = v.id WHERE b.name = %s AND d.path = %s AND p.number = %s",
            [name, path, number],
        )
