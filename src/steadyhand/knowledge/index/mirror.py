"""Keeps vector stores in step with PostgreSQL, which has everything: they are told what changed, or built anew.

Each step is a transaction that holds the base's lock while the store is written to, so that a newer word is never
overtaken by an older one. A step that was broken off is done again.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass

from steadyhand.errors import StorageError, StoreUnavailable, UsageError
from steadyhand.jobs.queue import Arguments, Jobs
from steadyhand.knowledge import bases
from steadyhand.knowledge.index import mirrored
from steadyhand.knowledge.index.mirrored import Mirror
from steadyhand.knowledge.index.nearby import Nearby
from steadyhand.knowledge.index.vector_stores import VectorStores
from steadyhand.storage import Database, Transaction
from steadyhand.types.vectors import Collection

_log = logging.getLogger(__name__)

_PUSH = "knowledge.mirror"
_CHECK = "knowledge.mirror.check"
_LOCK = 0x57EADA  # with a base's id: whoever holds it writes to the store


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorStatus:
    """How far the store of a base is: `rows` and `snapshot` are its own words, None when it does not answer.

    `expected` is what it should hold, and `behind` how many changes it has yet to hear of.
    """

    store: str
    kind: str
    collection: str
    is_built: bool
    rows: int | None
    snapshot: str | None
    expected: int
    behind: int


class Mirrors:
    """Of all bases; `nearby` asks them."""

    def __init__(self, database: Database, stores: VectorStores, jobs: Jobs) -> None:
        self._database = database
        self._stores = stores
        self.nearby = Nearby(database, stores)
        self._pushing = asyncio.Lock()
        jobs.add(_PUSH, self._push_job, every="* * * * *")
        jobs.add(_CHECK, self._check_job, every="*/10 * * * *")

    async def close(self) -> None:
        await self._stores.close()

    async def push(self, base: str) -> None:
        """Tell the store of a base what it has not heard of; one that has never heard of it is told everything.

        Nothing is done while another process does it. Raises `StorageError`, and `WorkspaceInvalid`.
        """
        if name := self._stores.of(base):
            mirror = await mirrored.current(self._database, base, name, is_built=False)
            mirror = mirror or await self._begin(base, name, is_wanted=False)
            after: int | None = 0
            while mirror is not None and after is not None:
                after = await self._step(mirror, after)
        await self._sweep()

    async def after_sync(self, base: str) -> None:
        """`push`, where it must not matter that the store cannot be told: a job tells it later."""
        name = self._stores.of(base)
        if self._stores.is_left_alone(name):
            return
        try:
            await self.push(base)
        except (StorageError, UsageError) as error:
            _log.warning("%s: its store is not in step yet: %s", base, error)
            if isinstance(error, StoreUnavailable):
                self._stores.leave_alone(name, str(error))

    async def rebuild(self, base: str) -> None:
        """Build the collection of a base anew, beside the one that is searched, and then give that one up.

        Raises `UsageError` for a base without a store, and like `push`.
        """
        name = self._stores.of(base)
        if not name:
            raise UsageError(f"expected a base with a store; {base!r} has none", hint=f"set knowledge.{base}.store")
        await self._begin(base, name, is_wanted=True)
        await self.push(base)

    async def check(self, base: str) -> None:
        """Build anew what was lost: a store that was told everything some time ago, and counts otherwise."""
        found = await mirrored.quiet(self._database, base, self._stores.of(base))
        rows = (await self._said(found.mirror))[0] if found else None
        if found is not None and rows is not None and rows != found.expected:
            _log.warning("%s: its store has %d of %d rows; it is built anew", base, rows, found.expected)
            await self.rebuild(base)

    async def status(self, base: str) -> MirrorStatus | None:
        """None for a base without a store, or one that was told nothing yet. Raises `NotFound`."""
        row = await self._database.row(
            "SELECT chunk_count, (SELECT count(*) FROM store_outbox o WHERE o.base_id = b.id) AS behind"
            " FROM knowledge_base b WHERE name = %s",
            [base],
        )
        if row is None:
            raise bases.unknown(base)
        name = self._stores.of(base)
        mirror = await mirrored.current(self._database, base, name, is_built=False)
        if mirror is None:
            return None
        rows, snapshot = await self._said(mirror)
        return MirrorStatus(
            store=name,
            kind=self._stores.kind(name),
            collection=mirror.collection.name,
            is_built=mirror.is_built,
            rows=rows,
            snapshot=snapshot,
            expected=row["chunk_count"],
            behind=row["behind"],
        )

    async def _begin(self, base: str, store: str, *, is_wanted: bool) -> Mirror | None:
        """A mirror that is to be built, unless there is one and another is not wanted; None without vectors."""
        async with self._database.transaction() as transaction:
            # Who writes to the base now has ended when the lock is ours; who writes later notes it for the mirror.
            await transaction.execute("SELECT 1 FROM knowledge_base WHERE name = %s FOR UPDATE", [base])
            found = await mirrored.current(transaction, base, store, is_built=False)
            if found is None or is_wanted:
                name = mirrored.collection_name(base, secrets.token_hex(6))
                await mirrored.begin(transaction, base, store, name)
                found = await mirrored.current(transaction, base, store, is_built=False)
        return found

    async def _step(self, mirror: Mirror, after: int) -> int | None:
        """Tell a page of what there is behind the note `after`; how to go on, None when all is told."""
        place = await self._stores.named(mirror.store)
        async with self._database.transaction() as transaction:
            held = await mirrored.again(transaction, mirror) if await _lock(transaction, mirror.base_id) else None
            if held is None:
                return None
            page = await mirrored.next_page(transaction, held, after)
            if page.rows:
                await place.upsert(held.collection, page.rows)
            if page.gone:
                await place.delete(held.collection, page.gone)
            await mirrored.told(transaction, held, page)
        if held.is_built:
            return page.last if page.is_full else None
        return after

    async def _said(self, mirror: Mirror) -> tuple[int | None, str | None]:
        try:
            place = await self._stores.named(mirror.store)
            return await place.stats(mirror.collection), await place.snapshot(mirror.collection)
        except StorageError as error:
            _log.warning("%s", error)
            return None, None

    async def _sweep(self) -> None:
        """Give up collections that no search reads any more, as far as their stores answer."""
        wanted = {base: self._stores.of(base) for base in self._stores.bases()}
        for mirror_id, store, collection in await mirrored.outdated(self._database, wanted):
            if store in self._stores:
                try:
                    await (await self._stores.named(store)).delete(Collection(collection, 0))
                except (StorageError, UsageError) as error:
                    _log.warning("the collection %s is not deleted yet: %s", collection, error)
                    continue
            else:
                _log.warning(
                    "the collection %s stays in the store %s, which is not in the settings", collection, store
                )
            await mirrored.forget(self._database, mirror_id)

    async def _push_job(self, arguments: Arguments) -> None:
        """One at a time, so that a store that is away keeps no other jobs waiting."""
        del arguments
        if self._pushing.locked():
            return
        async with self._pushing:
            for base in self._stores.bases():
                await self.after_sync(base)
            await self._sweep()

    async def _check_job(self, arguments: Arguments) -> None:
        del arguments
        for base in self._stores.bases():
            await self.check(base)


async def _lock(transaction: Transaction, base_id: int) -> bool:
    row = await transaction.row("SELECT pg_try_advisory_xact_lock(%s, %s) AS ours", [_LOCK, base_id])
    return row is not None and bool(row["ours"])
