"""Documents that are handed in one by one: kept in the database first, then brought in as those of a folder are.

What is kept is the source: an upload that was broken off is finished by whoever comes next, a better reader of its
format reads it again, and its labels follow the settings.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TypeAlias

from steadyhand.errors import DocumentUnreadable, DocumentUnsupported, Duplicate, InvalidInput
from steadyhand.jobs.queue import Arguments, Jobs
from steadyhand.knowledge.ingest.bringing import PATH_LIMIT
from steadyhand.knowledge.ingest.following import Outcome
from steadyhand.knowledge.reading import formats, members
from steadyhand.storage import Database, Row, jsonb
from steadyhand.types.json import Json
from steadyhand.types.source import Item, Remembered, Source

ORIGIN = "(uploads)"
"""The source that the uploads of a base are."""

SIZE_LIMIT = 64 * 2**20
"""Bytes of a file that is handed in. Larger ones come from a folder or an address."""

_LOOK = "knowledge.uploads"
_EVERY_MINUTE = "* * * * *"

EnsureBase: TypeAlias = Callable[[str], Awaitable[int]]
"""The id of a base, which is made when there is none."""

Bring: TypeAlias = Callable[[str, Source], Awaitable[None]]
"""`Upkeep.bring`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file for a base. `labels` None leaves them to the settings; `metadata` goes before the document's own."""

    path: str
    content: bytes = field(repr=False)
    labels: frozenset[str] | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of it. One that `failed` for a reason which may pass is tried again every minute."""

    path: str
    outcome: Outcome
    passages: int
    reason: str


class Uploads:
    """Of all bases. Those that come at the same time are brought in together."""

    def __init__(self, database: Database, ensure_base: EnsureBase, bring: Bring, jobs: Jobs) -> None:
        self._database = database
        self._ensure_base = ensure_base
        self._bring = bring
        self._tickets = count(1)
        self._turns: dict[str, asyncio.Lock] = {}
        self._served: dict[str, int] = {}  # the last ticket that was taken before the base's last round began
        self._followed: set[str] = set()  # bases whose uploads this process has looked through
        jobs.add(_LOOK, self._look_job, every=_EVERY_MINUTE)

    async def add(self, base: str, upload: Upload) -> Uploaded:
        """Keep a file, and bring it in; both are done when this returns. The same path again replaces it.

        Raises `InvalidInput` for a path that is none, `DocumentUnsupported` for a kind that nobody reads,
        `Duplicate` for a path that another source has, and `DocumentUnreadable` when it cannot be read: then the
        base holds no text of it, and lists it among what failed.
        """
        _require_path(upload.path)
        base_id = await self._ensure_base(base)
        await self._require_free(base_id, upload.path)
        sha256 = await asyncio.to_thread(_sha256, upload.content)
        known = await self._item(base_id, upload.path)
        await self._keep(base_id, upload, sha256)
        await self._settle(base)
        found = await self._item(base_id, upload.path)
        if found is None:
            raise Duplicate(f"{upload.path!r} was deleted while it was brought in", hint="hand it in again")
        if found["state"] == "failed" and not found["is_temporary"]:
            raise DocumentUnreadable(found["reason"], hint="hand in another file under the same path, or delete it")
        is_same = known is not None and known["state"] == "ready" and known["sha256"] == sha256
        outcome: Outcome = "unchanged" if is_same else found["outcome"]
        return Uploaded(found["named"], outcome, found["passages"], found["reason"])

    async def source(self, base: str) -> Source | None:
        """All that was handed in to a base; None where nothing was."""
        row = await self._database.row(
            "SELECT 1 FROM upload u JOIN knowledge_base b ON b.id = u.base_id WHERE b.name = %s LIMIT 1", [base]
        )
        return UploadSource(self._database, base) if row else None

    async def look(self) -> None:
        """Finish what was broken off or failed for now; the first time, look through the uploads of every base."""
        for row in await self._database.rows(_WAITING, {"origin": ORIGIN}):
            if row["waits"] or row["name"] not in self._followed:
                await self._settle(row["name"])
                self._followed.add(row["name"])

    async def _require_free(self, base_id: int, path: str) -> None:
        row = await self._database.row(
            "SELECT s.origin FROM source_item i JOIN source s ON s.id = i.source_id"
            " WHERE s.base_id = %s AND i.named = %s AND i.state <> 'removed' AND s.origin <> %s",
            [base_id, path, ORIGIN],
        )
        if row is not None:
            raise Duplicate(
                f"expected a path that no other source has; {path!r} comes from {row['origin']}",
                hint="change it there, or hand it in under another path",
            )

    async def _keep(self, base_id: int, upload: Upload, sha256: bytes) -> None:
        await self._database.execute(
            "INSERT INTO upload (base_id, path, sha256, content, labels, metadata) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (base_id, path) DO UPDATE SET sha256 = excluded.sha256, content = excluded.content,"
            " labels = excluded.labels, metadata = excluded.metadata, at = now()",
            [
                base_id,
                upload.path,
                sha256,
                upload.content,
                None if upload.labels is None else sorted(upload.labels),
                jsonb(dict(upload.metadata)),
            ],
        )

    async def _settle(self, base: str) -> None:
        """Returns when a round is over that began after now. One round serves everybody who came before it."""
        ticket = next(self._tickets)
        async with self._turns.setdefault(base, asyncio.Lock()):
            if self._served.get(base, 0) >= ticket:
                return
            before = next(self._tickets)
            await self._bring(base, UploadSource(self._database, base))
            self._served[base] = before

    async def _item(self, base_id: int, path: str) -> Row | None:
        return await self._database.row(
            "SELECT i.named, i.outcome, i.passages, i.reason, i.state, i.is_temporary, i.sha256 FROM source_item i"
            " JOIN source s ON s.id = i.source_id WHERE s.base_id = %s AND s.origin = %s AND i.path = %s",
            [base_id, ORIGIN, path],
        )

    async def _look_job(self, arguments: Arguments) -> None:
        del arguments
        await self.look()


class UploadSource:
    """The files of a base that were handed in, by their paths."""

    def __init__(self, database: Database, base: str) -> None:
        self._database = database
        self._base = base
        self.origin = ORIGIN

    async def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
        """They change when their content does."""
        del known
        rows = await self._database.rows(
            "SELECT u.path, u.sha256, u.labels, u.metadata FROM upload u JOIN knowledge_base b ON b.id = u.base_id"
            " WHERE b.name = %s ORDER BY u.path",
            [self._base],
        )
        for row in rows:
            yield Item(
                path=row["path"],
                open=partial(self._open, row["path"]),
                fingerprint=bytes(row["sha256"]).hex(),
                metadata=row["metadata"],
                labels=None if row["labels"] is None else frozenset(row["labels"]),
            )

    async def _open(self, path: str) -> bytes:
        row = await self._database.row(
            "SELECT u.content FROM upload u JOIN knowledge_base b ON b.id = u.base_id"
            " WHERE b.name = %s AND u.path = %s",
            [self._base, path],
        )
        if row is None:
            raise DocumentUnreadable(f"{path}: expected a file; it was deleted meanwhile")
        return bytes(row["content"])


def _require_path(path: str) -> None:
    if (wrong := members.fault(path)) or path != members.safe(path) or len(path.encode()) > PATH_LIMIT:
        raise InvalidInput(
            f"expected a path inside the base, such as contracts/2026.pdf; found {wrong or repr(path[:80])}",
            hint="leave out what leads elsewhere, and what cannot be seen",
        )
    extension = formats.extension_of(path)
    kinds = formats.supported() | formats.containers()
    if extension not in kinds:
        raise DocumentUnsupported(
            f"{path}: expected one of {', '.join(sorted(kinds))}; found {extension or 'no extension'}",
            hint="convert it first",
        )


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


_WAITING = """
SELECT b.name, bool_or(i.path IS NULL OR i.is_temporary OR i.state NOT IN ('ready', 'failed')
    OR i.sha256 <> u.sha256) AS waits
FROM upload u JOIN knowledge_base b ON b.id = u.base_id
LEFT JOIN source s ON s.base_id = u.base_id AND s.origin = %(origin)s
LEFT JOIN source_item i ON i.source_id = s.id AND i.path = u.path
GROUP BY b.name
"""
