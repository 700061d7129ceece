"""Which chunks of a base a request may find at all: those that its caller may see and that meet its conditions.

It only narrows what is looked at: what is given to the caller is checked again in the read that gives it.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from steadyhand.knowledge.index import filters
from steadyhand.knowledge.index.kept import Kept
from steadyhand.knowledge.index.lexical import Mask, Slots
from steadyhand.knowledge.index.snapshots import Snapshot
from steadyhand.knowledge.visible import REMEMBERED, VISIBLE, sees
from steadyhand.storage import Database
from steadyhand.types.condition import Condition
from steadyhand.types.search import SearchRequest

_ROOM_BYTES = 32 * 1024 * 1024
_OWN_BYTES = 1_000  # of a scope without chunks, as it is kept


@dataclass(frozen=True, slots=True)
class Scope:
    """`slots` are ascending, and `mask` says the same by slot. Scopes of one `key` are the same."""

    slots: Slots
    mask: Mask
    key: Hashable

    @property
    def size_bytes(self) -> int:
        return self.slots.nbytes + self.mask.nbytes


class Scopes:
    """Reads scopes, and keeps them in memory as long as there is room and the base stays as it is."""

    def __init__(self, database: Database, room_bytes: int = _ROOM_BYTES) -> None:
        self._database = database
        self._kept: Kept[Hashable, Scope] = Kept(room_bytes, _size_bytes)

    async def of(self, snapshot: Snapshot, request: SearchRequest) -> Scope | None:
        """What the request may find in the snapshot; None when that is every chunk which is alive there."""
        is_open = snapshot.is_open and not snapshot.is_past  # earlier texts may have had fewer readers
        if not request.where and (is_open or request.principal.sees is None):
            return None
        labels = sees(request.principal)
        if snapshot.is_past:  # who may find earlier texts changes with the base as it is now
            return await scope(self._database, snapshot, labels, request.where)
        found = self._kept.get(_key(snapshot, labels, request.where))
        if found is None:
            found = await scope(self._database, snapshot, labels, request.where)
            self._kept.put(found.key, found)
        return found


def _key(snapshot: Snapshot, labels: list[str] | None, where: Sequence[Condition]) -> Hashable:
    named = None if labels is None else tuple(labels)
    return snapshot.base_id, snapshot.revision, snapshot.is_past, named, repr(where)


def _size_bytes(key: Hashable, scope: Scope) -> int:
    """Its conditions may be longer than what they leave."""
    return scope.size_bytes + len(repr(key)) + _OWN_BYTES


async def scope(
    database: Database, snapshot: Snapshot, labels: list[str] | None, where: Sequence[Condition]
) -> Scope:
    """The chunks of the snapshot that meet the conditions and have one of the labels; None is any."""
    condition, values = filters.clause(where)
    row = await database.row(
        "SELECT string_agg(int4send(c.slot), '' ORDER BY c.slot) AS slots FROM document d"
        " JOIN document_version v ON v.document_id = d.id JOIN chunk c ON c.version_id = v.id"
        f" WHERE d.base_id = %(base)s AND {PAST if snapshot.is_past else NOW} AND {condition}",
        {"base": snapshot.base_id, "revision": snapshot.revision, "sees": labels, **values},
    )
    stored = row["slots"] if row else None
    slots = np.frombuffer(stored or b"", dtype=">i4").astype(np.int32)
    mask = np.zeros(snapshot.slot_count, dtype=np.bool_)
    slots = slots[slots < snapshot.slot_count]
    mask[slots] = True
    return Scope(slots, mask, _key(snapshot, labels, where))


NOW = f"c.born <= %(revision)s AND c.died IS NULL AND {VISIBLE}"
"""Is the chunk live, was it there when the search began, and may the caller see it?"""

PAST = f"c.born <= %(revision)s AND (c.died IS NULL OR c.died > %(revision)s) AND {REMEMBERED}"
"""Was the chunk live at the revision, and may the caller still find it there?"""
