"""Vectors of several embedders in one knowledge base, side by side: built beside the others, switched by a pointer.

Searches read the generation that `knowledge_base.embedder` names. Every other one is kept complete as well, so that
going back takes one statement, until it is reclaimed. Vectors are kept by embedder and text: those of two embedders
never meet.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from steadyhand.errors import SteadyhandError, StorageError, UsageError
from steadyhand.knowledge import bases
from steadyhand.knowledge.embedding.embedders import Embedder, Embedders
from steadyhand.knowledge.index import compaction, entries
from steadyhand.knowledge.reading import chunking
from steadyhand.storage import Database, Row, Transaction
from steadyhand.types.document import Chunk, Document

_log = logging.getLogger(__name__)

_BATCH = 64  # texts per embedding call and commit
_PAGE = 1_024  # chunks looked at in one read

Reason = Literal["not worse", "worse, wanted anyway", "not measured", "rolled back"]
"""Why a base came to be searched by other vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """An embedder that makes vectors of all chunks of a base. `built_at` None: some may still be missing."""

    embedder: str
    is_active: bool
    begun_at: datetime
    built_at: datetime | None


@dataclass(frozen=True, slots=True)
class Built:
    """So many of the base's chunks have their vectors by now."""

    done: int
    total: int


class Generations:
    """Of all bases. Every change is one transaction; what was broken off goes on where it stopped."""

    def __init__(self, database: Database, embedders: Embedders) -> None:
        self._database = database
        self._embedders = embedders

    async def of(self, base: str) -> list[Generation]:
        """The generations of a base, the active one first, then the newest. Raises `NotFound`."""
        found = await self._base(base)
        rows = await self._database.rows(
            "SELECT embedder, embedder = %(active)s AS is_active, begun_at, built_at FROM generation"
            " WHERE base_id = %(id)s ORDER BY is_active DESC, begun_at DESC",
            {"id": found["id"], "active": found["embedder"]},
        )
        return [Generation(**row) for row in rows]

    async def wanted(self, base: str) -> str:
        """The id of the embedder that the settings want, which a new base begins with.

        Searches and ingest stay with an older one until it is switched; then the log says that a re-index is due.
        """
        wanted = await (await self._embedders.wanted(base)).id()
        row = await self._database.row("SELECT embedder FROM knowledge_base WHERE name = %s", [base])
        if row is not None and row["embedder"] != wanted:
            _log.warning(
                "%s: its vectors are of %s, the settings want %s; `steadyhand knowledge reindex %s` changes them",
                base, row["embedder"], wanted, base,
            )  # fmt: skip
        return wanted

    async def embed(self, base_id: int, texts: Mapping[bytes, str]) -> None:
        """Make the vectors that are missing of these texts, by their hashes, for every generation of the base.

        Each batch is kept as soon as it is made. Raises `WrongEmbedder` and what embedding raises, but only for the
        active generation: another one that cannot be kept up counts as not built, until it is built again.
        """
        rows = await self._database.rows(
            "SELECT DISTINCT b.name, each AS embedder, each = b.embedder AS is_active FROM knowledge_base b"
            " LEFT JOIN generation g ON g.base_id = b.id, unnest(ARRAY[b.embedder, g.embedder]) AS each"
            " WHERE b.id = %s AND each IS NOT NULL ORDER BY is_active DESC, embedder",
            [base_id],
        )
        for row in rows:
            try:
                embedder = await self._embedders.of(row["embedder"], row["name"])
                await self._fill(base_id, row["embedder"], embedder, texts)
            except SteadyhandError as error:
                if row["is_active"] or isinstance(error, StorageError):
                    raise
                _log.warning("%s: the vectors of %s are not kept up: %s", row["name"], row["embedder"], error)
                await self._mark(row["name"], row["embedder"], is_built=False)

    async def begin(self, base: str, name: str = "") -> str:
        """Add a generation by the embedder that the settings call `name`, by default the one they want.

        From now on documents get its vectors as they come in. Returns the embedder's id; one that is there already
        stays as it is. Raises `NotFound`.
        """
        found = await self._base(base)
        embedder = await (self._embedders.named(name, base) if name else self._embedders.wanted(base))
        made = await embedder.id()
        await self._database.execute(
            "INSERT INTO generation (base_id, embedder) VALUES (%s, %s) ON CONFLICT DO NOTHING", [found["id"], made]
        )
        return made

    async def build(self, base: str, embedder_id: str) -> AsyncIterator[Built]:
        """Make the vectors that a generation lacks, and say how far it is; searches and ingest go on meanwhile.

        Raises `NotFound`, and `UsageError` for chunks of an older Steadyhand that did not keep what it embedded.
        """
        base_id = (await self._base(base))["id"]
        embedder = await self._embedders.of(embedder_id, base)
        while True:
            total, done, made = await self._chunk_count(base_id), 0, 0
            async for page in self._pages(base_id):
                hashes = {row["text_hash"] for row in page}
                missing = await entries.missing_vectors(self._database, base_id, embedder_id, hashes)
                for start in range(0, len(ordered := sorted(missing)), _BATCH):
                    batch = ordered[start : start + _BATCH]
                    await self._fill(base_id, embedder_id, embedder, await self._texts(base, base_id, batch))
                    made += len(batch)
                    yield Built(done + round(len(page) * (start + len(batch)) / len(missing)), total)
                done += len(page)
                yield Built(done, max(total, done))
            if not made:  # nothing came in behind the reading
                break
        await compaction.ensure_index(self._database, base_id)
        await self._mark(base, embedder_id, is_built=True)

    async def switch(self, base: str, embedder_id: str, reason: Reason) -> None:
        """Let searches read the vectors of this embedder from now on: one transaction, and answers are of the one
        or the other. Raises `UsageError` for a generation that is not complete."""
        async with self._database.transaction() as transaction:
            await self._point(transaction, base, embedder_id, reason)

    async def rollback(self, base: str) -> str:
        """Go back to what searches read before the last switch; returns that embedder's id.

        Nothing is computed. Raises `NotFound`, and `UsageError` when nothing was switched or the vectors were
        reclaimed.
        """
        async with self._database.transaction() as transaction:
            found = await _locked(transaction, base)
            row = await transaction.row(
                "SELECT was FROM generation_switch WHERE base_id = %s AND became = %s AND reason <> 'rolled back'"
                " ORDER BY id DESC LIMIT 1",
                [found["id"], found["embedder"]],
            )
            if row is None:
                raise UsageError(
                    f"expected a base whose vectors were switched; nothing was switched in {base!r}",
                    hint=f"steadyhand knowledge show {base}",
                )
            await self._point(transaction, base, row["was"], "rolled back")
        return str(row["was"])

    async def reclaim(self, base: str) -> int:
        """Give up every generation but the active one; returns how many vectors went.

        Going back to what was given up means building it again.
        """
        async with self._database.transaction() as transaction:
            found = await _locked(transaction, base)
            await transaction.execute(
                "DELETE FROM generation WHERE base_id = %s AND embedder <> %s", [found["id"], found["embedder"]]
            )
            return await entries.drop_vectors(transaction, found["id"], keep=[found["embedder"]])

    async def _point(self, transaction: Transaction, base: str, embedder_id: str, reason: Reason) -> None:
        found = await _locked(transaction, base)
        if found["embedder"] == embedder_id:
            return
        row = await transaction.row(
            "SELECT built_at FROM generation WHERE base_id = %s AND embedder = %s", [found["id"], embedder_id]
        )
        if row is None or row["built_at"] is None:
            state = "was given up" if row is None else "still lacks some"
            raise UsageError(
                f"expected all vectors of {embedder_id} in {base!r}; that generation {state}",
                hint=f"steadyhand knowledge reindex {base}",
            )
        await transaction.execute(
            "UPDATE knowledge_base SET embedder = %s, revision = revision + 1 WHERE id = %s",
            [embedder_id, found["id"]],
        )
        await transaction.execute(
            "INSERT INTO generation_switch (base_id, was, became, reason) VALUES (%s, %s, %s, %s)",
            [found["id"], found["embedder"], embedder_id, reason],
        )

    async def _fill(self, base_id: int, embedder_id: str, embedder: Embedder, texts: Mapping[bytes, str]) -> None:
        missing = await entries.missing_vectors(self._database, base_id, embedder_id, texts)
        ordered = sorted(missing, key=lambda key: len(texts[key]))
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            vectors = await embedder([texts[key] for key in batch])
            await entries.add_vectors(self._database, base_id, embedder_id, batch, vectors)

    async def _mark(self, base: str, embedder_id: str, *, is_built: bool) -> None:
        await self._database.execute(
            "UPDATE generation g SET built_at = CASE WHEN %s THEN coalesce(built_at, now()) END"
            " FROM knowledge_base b WHERE b.id = g.base_id AND b.name = %s AND g.embedder = %s",
            [is_built, base, embedder_id],
        )

    async def _base(self, base: str) -> Row:
        row = await self._database.row("SELECT id, embedder FROM knowledge_base WHERE name = %s", [base])
        if row is None:
            raise bases.unknown(base)
        return row

    async def _chunk_count(self, base_id: int) -> int:
        row = await self._database.row(
            "SELECT count(*) AS chunks FROM chunk WHERE base_id = %s AND died IS NULL", [base_id]
        )
        return int(row["chunks"]) if row else 0

    async def _pages(self, base_id: int) -> AsyncIterator[list[Row]]:
        """The chunks of a base, in pages."""
        last = 0
        while page := await self._database.rows(
            "SELECT id, text_hash FROM chunk WHERE base_id = %s AND died IS NULL AND id > %s ORDER BY id LIMIT %s",
            [base_id, last, _PAGE],
        ):
            yield page
            last = page[-1]["id"]

    async def _texts(self, base: str, base_id: int, hashes: Sequence[bytes]) -> dict[bytes, str]:
        """What was embedded, by its hash; without chunks that have gone meanwhile."""
        rows = await self._database.rows(
            "SELECT DISTINCT ON (c.text_hash) c.text_hash, c.context, c.body, c.section, v.title FROM chunk c"
            " JOIN document_version v ON v.id = c.version_id WHERE c.base_id = %s AND c.text_hash = ANY(%s)",
            [base_id, list(hashes)],
        )
        found = {row["text_hash"]: _text(row) for row in rows}
        unknown = [key for key, text in found.items() if text is None]
        if unknown:
            raise UsageError(
                f"expected the texts of all passages of {base!r}; {len(unknown)} of {len(found)} are of an older"
                " version of Steadyhand, which did not keep the titles of long tables",
                hint=f"steadyhand ingest {base} reads their documents again; then start the same command again",
            )
        return {key: text for key, text in found.items() if text is not None}


def _text(row: Row) -> str | None:
    """The text with this hash: in the context that was kept, else in the one that most chunks have."""
    plain = Chunk(0, 1, row["section"], 0, 0)
    for context in (row["context"], chunking.context(Document(row["title"], "", (), ()), plain)):
        text = f"{context}\n{row['body']}"
        if hashlib.sha256(text.encode()).digest() == row["text_hash"]:
            return text
    return None


async def _locked(transaction: Transaction, base: str) -> Row:
    """The base, which nobody else changes until the transaction ends. Raises `NotFound`."""
    row = await transaction.row("SELECT id, embedder FROM knowledge_base WHERE name = %s FOR UPDATE", [base])
    if row is None:
        raise bases.unknown(base)
    return row
