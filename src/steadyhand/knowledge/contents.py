"""What is in the knowledge bases, for lists, pages and people."""

from collections.abc import Collection
from dataclasses import dataclass

from steadyhand.knowledge import bases
from steadyhand.knowledge.visible import ALLOWED, LEGIBLE, VISIBLE, sees
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

    async def bases(self, principal: Principal) -> list[BaseSummary]:
        """All of them; what is counted in each is what it may see."""
        rows = await self._database.rows(_SUMMARIES, {"sees": sees(principal)})
        return [BaseSummary(**row) for row in rows]

    async def base(self, name: str, principal: Principal) -> BaseSummary:
        """Raises `NotFound`."""
        for base in await self.bases(principal):
            if base.name == name:
                return base
        raise bases.unknown(name)

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

    async def documents(
        self, name: str, principal: Principal, *, after: str = "", containing: str = "", limit: int | None = None
    ) -> list[Row]:
        """Live documents that it may see, by path: title, labels, metadata, pages, chunks, when the text was read.

        `after` is the path that the last page ended with; `containing` is a part of the path or title.
        """
        return await self._database.rows(
            "SELECT d.path, v.title, v.born_at, v.language, d.labels, d.metadata, d.url, d.origin, d.review_by,"
            " (SELECT count(*) FROM page p WHERE p.version_id = v.id) AS pages,"
            " (SELECT count(*) FROM chunk c WHERE c.version_id = v.id) AS chunks"
            " FROM document d JOIN knowledge_base b ON b.id = d.base_id"
            " JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
            f" WHERE b.name = %(name)s AND {ALLOWED} AND (%(after)s = '' OR d.path > %(after)s)"
            " AND strpos(lower(d.path || ' ' || v.title), lower(%(containing)s)) > 0"
            " ORDER BY d.path LIMIT %(limit)s",
            {
                "name": name,
                "sees": sees(principal),
                "after": after,
                "containing": containing,
                "limit": limit,
            },
        )

    async def page(
        self, name: str, path: str, number: int, principal: Principal, version_id: int | None = None
    ) -> Row | None:
        """A page of a document that is live and that it may see, with what a reader wants to know of the document.

        `content` is `[start, stop)` of the document's text. With `version_id` as the document was then: `is_live`
        tells whether that is what it says now. What was deleted since is not shown in any version. `sha256` is that
        of the file, `has_file` whether it is kept, so that the page can be painted.
        """
        return await self._database.row(
            "SELECT v.id AS version_id, v.title, v.born_at, v.language, v.id = live.id AS is_live, v.sha256,"
            " substr(v.content, p.start + 1, p.stop - p.start) AS content, p.start, p.stop,"
            " (SELECT count(*) FROM page q WHERE q.version_id = v.id) AS pages,"
            " EXISTS (SELECT 1 FROM original o WHERE o.sha256 = v.sha256) AS has_file,"
            " d.labels, d.metadata, d.url, d.review_by"
            f" FROM {_SHOWN} JOIN page p ON p.version_id = v.id WHERE {_IS_SHOWN} AND p.number = %(number)s",
            {"number": number, **_place(name, path, principal, version_id)},
        )

    async def versions(self, name: str, path: str, principal: Principal) -> list[Row]:
        """Every text that a live document had and that it may see, the newest first: `id`, `born_at`, `died_at`."""
        return await self._database.rows(
            "SELECT v.id, v.born_at, v.died_at FROM document d JOIN knowledge_base b ON b.id = d.base_id"
            " JOIN document_version v ON v.document_id = d.id"
            f" WHERE b.name = %(name)s AND d.path = %(path)s AND {LEGIBLE} AND EXISTS (SELECT 1"
            "  FROM document_version live WHERE live.document_id = d.id AND live.died_at IS NULL)"
            " ORDER BY v.id DESC",
            _place(name, path, principal, None),
        )

    async def file(self, name: str, path: str, principal: Principal, version_id: int | None = None) -> bytes | None:
        """The file that a version of a live document it may see was read from; None where it is not kept."""
        row = await self._database.row(
            f"SELECT o.content FROM {_SHOWN} JOIN original o ON o.sha256 = v.sha256 WHERE {_IS_SHOWN}",
            _place(name, path, principal, version_id),
        )
        return bytes(row["content"]) if row else None

    async def may_see(self, versions: Collection[int], principal: Principal) -> bool:
        """May it see the documents of all these versions, living or not? Only an admin those that were erased."""
        return principal.sees is None or await self.seen(versions, principal) == frozenset(versions)

    async def seen(self, versions: Collection[int], principal: Principal) -> frozenset[int]:
        """Those of the versions, living or not, that it may see."""
        if not versions:
            return frozenset()
        rows = await self._database.rows(
            "SELECT v.id FROM document_version v JOIN document d ON d.id = v.document_id"
            f" WHERE v.id = ANY(%(versions)s) AND {LEGIBLE}",
            {"versions": list(versions), "sees": sees(principal)},
        )
        return frozenset(row["id"] for row in rows)


def _place(name: str, path: str, principal: Principal, version_id: int | None) -> dict[str, object]:
    return {"name": name, "path": path, "sees": sees(principal), "version": version_id}


_SUMMARIES = f"""
SELECT b.name, b.revision, b.embedder, b.chunk_count - (SELECT count(*) FROM document d
        JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL JOIN chunk c ON c.version_id = v.id
        WHERE d.base_id = b.id AND NOT d.labels @> '{{everyone}}' AND NOT {ALLOWED}) AS chunks,
    (SELECT count(*) FROM document d JOIN document_version v ON v.document_id = d.id
     WHERE d.base_id = b.id AND {VISIBLE}) AS documents,
    (SELECT count(*) FROM document_failure f LEFT JOIN document d ON d.base_id = f.base_id AND d.path = f.path
     WHERE f.base_id = b.id AND {ALLOWED}) AS failed
FROM knowledge_base b ORDER BY b.name
"""

_SHOWN = (
    "document d JOIN knowledge_base b ON b.id = d.base_id"
    " JOIN document_version live ON live.document_id = d.id AND live.died_at IS NULL"
    " JOIN document_version v ON v.document_id = d.id AND v.id = coalesce(%(version)s::bigint, live.id)"
)
"""A version of a document that is live."""

_IS_SHOWN = f"b.name = %(name)s AND d.path = %(path)s AND {LEGIBLE}"
