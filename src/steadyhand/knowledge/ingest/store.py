"""Puts knowledge into PostgreSQL: documents, their versions and pages, and why a file could not be read.

A chunk exists only while its version is the live one of its document: the transaction that adds, replaces or
removes a document also adds and removes its chunks and postings. What a search reads in one statement is therefore
live, and a deleted document cannot answer. The functions here are statements of such a transaction, whose first one
is `lock_base`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from steadyhand.errors import SteadyhandError
from steadyhand.knowledge.index import entries, outbox
from steadyhand.knowledge.index.entries import PreparedChunk, PreparedVersion
from steadyhand.knowledge.ingest.facts import Facts, review_day
from steadyhand.storage import Database, Transaction, jsonb
from steadyhand.types.document import Document
from steadyhand.types.labels import EVERYONE

ORIGINAL_LIMIT = 256 * 2**20
"""Bytes of a file that is kept itself. Pages of a larger one cannot be shown as images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDocument:
    """A document with all that is stored of it. `original` is the file, for formats whose pages can be shown."""

    path: str
    origin: str
    container: str  # path of the document that it came in, "" for an item of its source
    sha256: bytes
    recipe: str
    language: str
    document: Document
    chunks: tuple[PreparedChunk, ...]
    bands: Sequence[int]
    facts: Facts
    original: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDocument:
    """A document that cannot be read. An older text of it is no longer served, unless it `keeps_text`."""

    path: str
    origin: str
    container: str
    sha256: bytes
    recipe: str
    error: SteadyhandError
    keeps_text: bool
    is_temporary: bool  # may it pass without a change of the content?


class Put(NamedTuple):
    """What became of documents: whose text is `new`, and whether other things are said of any, such as labels."""

    new: set[str]
    is_described: bool


class KnowledgeStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def ensure_base(self, name: str, embedder: str) -> int:
        """The id of a knowledge base. A new one begins with the vectors of `embedder`, an older one keeps its."""
        await self.database.execute(
            "WITH made AS (INSERT INTO knowledge_base (name, embedder) VALUES (%s, %s)"
            "  ON CONFLICT (name) DO NOTHING RETURNING id, embedder)"
            " INSERT INTO generation (base_id, embedder, built_at) SELECT id, embedder, now() FROM made",
            [name, embedder],
        )
        row = await self.database.row("SELECT id FROM knowledge_base WHERE name = %s", [name])
        assert row is not None
        return int(row["id"])

    async def has(self, base_id: int, path: str, sha256: bytes, recipe: str) -> bool:
        """Is this content live at this path?"""
        row = await self.database.row(
            "SELECT 1 FROM document d JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
            " WHERE d.base_id = %s AND d.path = %s AND v.sha256 = %s AND v.recipe = %s",
            [base_id, path, sha256, recipe],
        )
        return row is not None

    async def members(self, base_id: int, container: str) -> set[str]:
        """The paths of what came in a container, failures included."""
        rows = await self.database.rows(
            "SELECT path FROM document WHERE base_id = %(base)s AND container = %(container)s UNION"
            " SELECT path FROM document_failure WHERE base_id = %(base)s AND container = %(container)s",
            {"base": base_id, "container": container},
        )
        return {row["path"] for row in rows}


async def lock_base(transaction: Transaction, base_id: int) -> None:
    """One writer at a time for each base: its statistics and its revision stay true."""
    await transaction.execute("SELECT 1 FROM knowledge_base WHERE id = %s FOR UPDATE", [base_id])


async def count_change(transaction: Transaction, base_id: int) -> None:
    """The base is another one now."""
    await transaction.execute("UPDATE knowledge_base SET revision = revision + 1 WHERE id = %s", [base_id])


async def put(transaction: Transaction, base_id: int, prepared: Sequence[PreparedDocument]) -> Put:
    """Make these texts the live versions of their paths; `new` are the paths that did not have theirs already.

    The text of equal files by one recipe differs where another model saw their pictures.
    """
    ids = await _document_ids(transaction, base_id, prepared)
    rows = await transaction.rows(
        "SELECT document_id, sha256, recipe, content FROM document_version"
        " WHERE document_id = ANY(%s) AND died_at IS NULL",
        [list(ids.values())],
    )
    live = {row["document_id"]: (row["sha256"], row["recipe"], row["content"]) for row in rows}
    new = [one for one in prepared if live.get(ids[one.path]) != (one.sha256, one.recipe, one.document.text)]
    await _end_versions(transaction, base_id, [ids[one.path] for one in new])  # with the labels of their time
    is_described = await _describe(
        transaction,
        {ids[one.path]: (one.facts, {**one.document.metadata, **one.facts.metadata}) for one in prepared},
    )
    await _add_versions(transaction, base_id, {ids[one.path]: one for one in new})
    await _forget_failures(transaction, base_id, list(ids))
    return Put({one.path for one in new}, is_described)


async def fail(transaction: Transaction, base_id: int, failed: Sequence[FailedDocument]) -> None:
    """Note that these cannot be read."""
    await _end_paths(transaction, base_id, [one.path for one in failed if not one.keeps_text])
    for one in failed:
        await transaction.execute(
            "INSERT INTO document_failure (base_id, path, origin, container, sha256, recipe, code, reason)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (base_id, path) DO UPDATE SET"
            " origin = excluded.origin, container = excluded.container, sha256 = excluded.sha256,"
            " recipe = excluded.recipe, code = excluded.code, reason = excluded.reason, failed_at = now()",
            [base_id, one.path, one.origin, one.container, one.sha256, one.recipe, one.error.code, str(one.error)],
        )


async def remove(transaction: Transaction, base_id: int, paths: Sequence[str]) -> None:
    """End the live versions of these paths and of what came in them; from the commit on nothing is found."""
    rows = await transaction.rows(
        "SELECT path FROM document WHERE base_id = %(base)s AND container = ANY(%(paths)s) UNION"
        " SELECT path FROM document_failure WHERE base_id = %(base)s AND container = ANY(%(paths)s)",
        {"base": base_id, "paths": list(paths)},
    )
    gone = [*paths, *(row["path"] for row in rows)]
    await _end_paths(transaction, base_id, gone)
    await _forget_failures(transaction, base_id, gone)


async def move(transaction: Transaction, base_id: int, paths: Mapping[str, str]) -> None:
    """Give documents other paths (old to new). Their versions stay; one that was at a new path once steps aside."""
    pairs = {"base": base_id, "old": list(paths), "new": list(paths.values())}
    await transaction.execute(
        "UPDATE document d SET path = d.path || ' [' || d.id || ']'"
        " WHERE d.base_id = %(base)s AND d.path = ANY(%(new)s)",
        pairs,
    )
    await transaction.execute(
        "UPDATE document d SET path = m.new FROM unnest(%(old)s::text[], %(new)s::text[]) AS m (old, new)"
        " WHERE d.base_id = %(base)s AND d.path = m.old",
        pairs,
    )


async def relabel(transaction: Transaction, base_id: int, facts: Mapping[str, Facts]) -> bool:
    """Apply labels, metadata and addresses to documents and to what came in them, without reading them again.

    Also to those without a text now: runs and failures still tell of them. Returns whether that changed anything.
    """
    rows = await transaction.rows(
        "SELECT d.id, d.path, d.container, coalesce(v.metadata, '{}') AS metadata FROM document d"
        " LEFT JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
        " WHERE d.base_id = %s AND (d.path = ANY(%s) OR d.container = ANY(%s))",
        [base_id, list(facts), list(facts)],
    )
    wanted = {row["id"]: (facts.get(row["container"]) or facts[row["path"]], row["metadata"]) for row in rows}
    return await _describe(transaction, {key: (one, {**own, **one.metadata}) for key, (one, own) in wanted.items()})


async def narrow(transaction: Transaction, base_id: int, labels: Mapping[str, frozenset[str]]) -> None:
    """Let only those still see documents, and what came in them, who could and also may by the labels named here.

    For documents whose text may be about to change: nobody is to see the one text by the labels of the other.
    """
    narrowed = await transaction.rows(
        "UPDATE document d SET labels = CASE WHEN k.labels ? %(everyone)s THEN d.labels"
        "  WHEN d.labels @> ARRAY[%(everyone)s] THEN ARRAY(SELECT jsonb_array_elements_text(k.labels))"
        "  ELSE ARRAY(SELECT unnest(d.labels) INTERSECT SELECT jsonb_array_elements_text(k.labels)) END"
        " FROM unnest(%(paths)s::text[], %(labels)s::jsonb[]) AS k (path, labels)"
        " WHERE d.base_id = %(base)s AND (d.path = k.path OR d.container = k.path) RETURNING d.id",
        {
            "base": base_id,
            "everyone": EVERYONE,
            "paths": list(labels),
            "labels": [jsonb(sorted(wanted)) for wanted in labels.values()],
        },
    )
    await outbox.note_documents(transaction, [row["id"] for row in narrowed])


async def _document_ids(
    transaction: Transaction, base_id: int, prepared: Sequence[PreparedDocument]
) -> dict[str, int]:
    rows = await transaction.rows(
        "INSERT INTO document (base_id, path, origin, container) SELECT %s, path, origin, container"
        " FROM unnest(%s::text[], %s::text[], %s::text[]) AS n (path, origin, container)"
        " ON CONFLICT (base_id, path) DO UPDATE SET origin = excluded.origin, container = excluded.container"
        " RETURNING id, path",
        [
            base_id,
            [one.path for one in prepared],
            [one.origin for one in prepared],
            [one.container for one in prepared],
        ],
    )
    return {row["path"]: int(row["id"]) for row in rows}


async def _describe(transaction: Transaction, described: Mapping[int, tuple[Facts, Mapping[str, object]]]) -> bool:
    days = [review_day(metadata) for _, metadata in described.values()]
    changed = await transaction.rows(
        "UPDATE document d SET labels = k.labels, metadata = k.metadata, url = k.url, review_by = k.review_by"
        " FROM (SELECT id, ARRAY(SELECT jsonb_array_elements_text(labels)) AS labels, metadata, url, review_by"
        "  FROM unnest(%s::bigint[], %s::jsonb[], %s::jsonb[], %s::text[], %s::date[])"
        "  AS n (id, labels, metadata, url, review_by)) AS k WHERE d.id = k.id AND (d.labels, d.metadata, d.url,"
        "  d.review_by) IS DISTINCT FROM (k.labels, k.metadata, k.url, k.review_by) RETURNING d.id",
        [
            list(described),
            [jsonb(sorted(facts.labels)) for facts, _ in described.values()],
            [jsonb(dict(metadata)) for _, metadata in described.values()],
            [facts.url for facts, _ in described.values()],
            days,
        ],
    )
    await outbox.note_documents(transaction, [row["id"] for row in changed])
    return bool(changed)


async def _end_paths(transaction: Transaction, base_id: int, paths: Sequence[str]) -> None:
    rows = await transaction.rows(
        "SELECT id FROM document WHERE base_id = %s AND path = ANY(%s)", [base_id, list(paths)]
    )
    await _end_versions(transaction, base_id, [row["id"] for row in rows])


async def _end_versions(transaction: Transaction, base_id: int, documents: Sequence[int]) -> None:
    """Mark the live versions as dead, take their chunks out and correct the statistics."""
    ended = await transaction.rows(
        "UPDATE document_version v SET died_at = now(), labels = d.labels FROM document d"
        " WHERE d.id = v.document_id AND v.document_id = ANY(%s) AND v.died_at IS NULL RETURNING v.id",
        [list(documents)],
    )
    if ended:
        await entries.end(transaction, base_id, [row["id"] for row in ended])


async def _add_versions(transaction: Transaction, base_id: int, prepared: Mapping[int, PreparedDocument]) -> None:
    documents = prepared.values()
    rows = await transaction.rows(
        "INSERT INTO document_version (document_id, sha256, recipe, title, language, content, metadata, bands)"
        " SELECT id, sha256, recipe, title, language, content, metadata,"
        "  ARRAY(SELECT jsonb_array_elements_text(bands)::bigint)"
        "  FROM unnest(%s::bigint[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[],"
        "  %s::jsonb[])"
        "  AS n (id, sha256, recipe, title, language, content, metadata, bands) RETURNING id, document_id",
        [
            list(prepared),
            [one.sha256 for one in documents],
            [one.recipe for one in documents],
            [one.document.title for one in documents],
            [one.language for one in documents],
            [one.document.text for one in documents],
            [jsonb(dict(one.document.metadata)) for one in documents],
            [jsonb(list(one.bands)) for one in documents],
        ],
    )
    versions = {int(row["id"]): prepared[row["document_id"]] for row in rows}
    pages = [
        (version, page.number, page.start, page.end, page.width, page.height)
        for version, one in versions.items()
        for page in one.document.pages
    ]
    await transaction.copy("page", ("version_id", "number", "start", "stop", "width", "height"), pages)
    added = [PreparedVersion(version, one.language, one.chunks) for version, one in versions.items()]
    await entries.add(transaction, base_id, added)
    for one in documents:
        await _keep_original(transaction, one)


async def _keep_original(transaction: Transaction, prepared: PreparedDocument) -> None:
    if 0 < len(prepared.original) <= ORIGINAL_LIMIT:
        await transaction.execute(
            "INSERT INTO original (sha256, content) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [prepared.sha256, prepared.original],
        )


async def _forget_failures(transaction: Transaction, base_id: int, paths: Sequence[str]) -> None:
    await transaction.execute(
        "DELETE FROM document_failure WHERE base_id = %s AND path = ANY(%s)", [base_id, list(paths)]
    )
