"""Equal files are read once: whoever claims the reading of one does it, the others wait and take what it found.

A claim is held until the vectors are made as well, so that these are not made twice either.

A claim is good while its holder lives. A holder is a process, known by a number whose advisory lock it holds on a
connection of its own: a killed process gives it up by dying, so nothing is ever stuck in reading.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from steadyhand.errors import DocumentError, of_code
from steadyhand.storage import Database, Row
from steadyhand.storage.held_lock import HeldLock
from steadyhand.types.document import Block, Document, Page

HOLDERS = 0x57EAE
"""The family of advisory locks of those who bring documents in."""


class Key(NamedTuple):
    """What is read: a file of this SHA-256, by this recipe (its extension and the version of the readers)."""

    sha256: bytes
    recipe: str


Read: TypeAlias = Document | DocumentError


class Presence:
    """This process as a holder: its number, taken when it is first needed, and again when its lock was lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: tuple[int, HeldLock] | None = None
        self._taking = asyncio.Lock()

    async def number(self) -> int:
        async with self._taking:
            if self._held and await self._held[1].is_held():
                return self._held[0]
            row = await self._database.row("SELECT nextval('ingest_holder')::integer AS number")
            assert row is not None
            lock = await HeldLock.take(self._database.url, HOLDERS, row["number"])
            self._held = (row["number"], lock)
            return self._held[0]

    async def close(self) -> None:
        if self._held:
            await self._held[1].release()
            self._held = None


class Readings:
    """What was read in files, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, keys: Sequence[Key], holder: int) -> set[Key]:
        """Those that nobody has, or had who is dead; the holder has them now, and releases or gives up each."""
        rows = await self._database.rows(
            "WITH claimed AS (INSERT INTO reading (sha256, recipe, holder)"
            f" SELECT sha256, recipe, %(holder)s FROM {_KEYS} ORDER BY sha256, recipe"
            " ON CONFLICT (sha256, recipe) DO UPDATE SET holder = excluded.holder"
            " WHERE reading.holder IS NOT NULL AND"
            "  pg_try_advisory_xact_lock_shared(%(family)s, reading.holder)"
            " RETURNING sha256, recipe) SELECT * FROM claimed",
            {**_arrays(keys), "holder": holder, "family": HOLDERS},
        )
        return {Key(**row) for row in rows}

    async def found(self, keys: Sequence[Key], holder: int) -> dict[Key, Read]:
        """What was read in those that nobody has or, as one who died left it, in those that the holder has."""
        rows = await self._database.rows(
            f"SELECT r.sha256, r.recipe, r.document, r.code, r.reason FROM {_KEYS} JOIN reading r"
            " USING (sha256, recipe) WHERE r.holder IS NULL OR r.holder = %(holder)s AND r.document IS NOT NULL",
            {**_arrays(keys), "holder": holder},
        )
        return {Key(row["sha256"], row["recipe"]): _decoded(row) for row in rows}

    async def keep(self, read: Mapping[Key, Read], holder: int) -> None:
        """Keep what the holder has read, in case that it dies. It has documents until it releases them.

        Failures are for everybody at once. Pictures are not kept.
        """
        failures = {key: one for key, one in read.items() if isinstance(one, DocumentError)}
        await self._database.execute(
            "UPDATE reading r SET holder = CASE WHEN k.document IS NULL THEN NULL ELSE r.holder END,"
            " document = k.document, code = k.code, reason = k.reason,"
            " kept_at = now() FROM unnest(%(sha256s)s::bytea[], %(recipes)s::text[], %(documents)s::bytea[],"
            "  %(codes)s::text[], %(reasons)s::text[]) AS k (sha256, recipe, document, code, reason)"
            " WHERE r.sha256 = k.sha256 AND r.recipe = k.recipe AND r.holder = %(holder)s",
            {
                **_arrays(list(read)),
                "documents": [None if isinstance(one, DocumentError) else _encoded(one) for one in read.values()],
                "codes": [failures[key].code if key in failures else "" for key in read],
                "reasons": [str(failures[key]) if key in failures else "" for key in read],
                "holder": holder,
            },
        )

    async def release(self, keys: Sequence[Key], holder: int) -> None:
        """Whoever waits for these takes them."""
        await self._database.execute(
            f"UPDATE reading r SET holder = NULL FROM {_KEYS} WHERE r.sha256 = k.sha256 AND r.recipe = k.recipe"
            " AND r.holder = %(holder)s AND r.document IS NOT NULL",
            {**_arrays(keys), "holder": holder},
        )

    async def sweep(self) -> None:
        """Delete what nothing needs any more: readings of contents that no document has, or that were read anew
        since, and files that no version of a document came from. What is younger than a day stays."""
        await self._database.execute(
            "DELETE FROM reading r WHERE kept_at < now() - interval '1 day' AND"
            " (holder IS NULL OR pg_try_advisory_xact_lock_shared(%s, holder)) AND (EXISTS (SELECT 1 FROM reading n"
            "  WHERE n.sha256 = r.sha256 AND n.kept_at > r.kept_at"
            "  AND split_part(n.recipe, '/', 1) = split_part(r.recipe, '/', 1))"
            " OR NOT EXISTS (SELECT 1 FROM document_version v WHERE v.sha256 = r.sha256 AND v.died_at IS NULL)"
            " AND NOT EXISTS (SELECT 1 FROM document_failure f WHERE f.sha256 = r.sha256))",
            [HOLDERS],
        )
        await self._database.execute(
            "DELETE FROM original o WHERE NOT EXISTS (SELECT 1 FROM document_version v WHERE v.sha256 = o.sha256)"
        )

    async def give_up(self, keys: Sequence[Key], holder: int) -> None:
        """Let another one read these."""
        await self._database.execute(
            f"DELETE FROM reading r USING {_KEYS} WHERE r.sha256 = k.sha256 AND r.recipe = k.recipe"
            " AND r.holder = %(holder)s",
            {**_arrays(keys), "holder": holder},
        )


_KEYS = "unnest(%(sha256s)s::bytea[], %(recipes)s::text[]) AS k (sha256, recipe)"


def _arrays(keys: Sequence[Key]) -> dict[str, object]:
    return {"sha256s": [key.sha256 for key in keys], "recipes": [key.recipe for key in keys]}


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A document as a row holds it."""

    title: str
    text: str
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]
    metadata: dict[str, Any]  # any JSON


def _encoded(document: Document) -> bytes:
    return msgspec.msgpack.encode(
        _Kept(document.title, document.text, document.pages, document.blocks, dict(document.metadata))
    )


def _decoded(row: Row) -> Read:
    if row["document"] is None:
        kind = of_code(row["code"])
        return (kind if kind and issubclass(kind, DocumentError) else DocumentError)(row["reason"])
    kept = msgspec.msgpack.decode(row["document"], type=_Kept)
    return Document(kept.title, kept.text, kept.pages, kept.blocks, kept.metadata)
