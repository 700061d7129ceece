"""What a search has to know of a base before it looks for passages, in one read."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steadyhand.errors import NotFound
from steadyhand.knowledge import bases
from steadyhand.knowledge.index.lexical import Mask, Slots, Statistics
from steadyhand.storage import Database, Row

_MOST_BASES = 256  # whose dead chunks are remembered


@dataclass(frozen=True, slots=True)
class VectorSet:
    """The vectors of a base's texts by one embedder. `is_indexed`: an index gives the nearest."""

    id: int
    dims: int
    is_indexed: bool


@dataclass(frozen=True, slots=True)
class Dead:
    """The chunks of a base that are still there and no longer live, and the first revision without each."""

    base_id: int
    revision: int  # that they were read at
    forgotten: int  # chunks of the base that were taken out until then
    slots: Slots
    died: NDArray[np.int64]

    @property
    def read_at(self) -> tuple[int, int, int]:
        """The later a base was read, the greater; a base that is made again has a greater id."""
        return self.base_id, self.revision, self.forgotten

    def joined(self, later: "Dead") -> "Dead":
        """Both; nothing was taken out in between."""
        slots, died = np.concatenate([self.slots, later.slots]), np.concatenate([self.died, later.died])
        return Dead(later.base_id, later.revision, later.forgotten, slots, died)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A base as it is, or was, at `revision`.

    `slot_count` is above every slot of the base, `held` how many chunks there are, dead ones included, `forgotten`
    how many were taken out for good. `alive` is None when all chunks are alive. `is_open`: everybody may see every
    document.
    """

    base_id: int
    knowledge_base: str
    revision: int
    is_past: bool
    embedder: str
    vectors: VectorSet | None
    languages: tuple[str, ...]
    segments: tuple[int, ...]
    slot_count: int
    held: int
    forgotten: int
    statistics: Statistics
    alive: Mask | None
    is_open: bool

    @property
    def id(self) -> str:
        return snapshot_id(self.knowledge_base, self.revision)


def snapshot_id(knowledge_base: str, revision: int) -> str:
    return f"{knowledge_base}@{revision}"


class Snapshots:
    """Reads bases. Which chunks are dead is remembered, so that only the newly dead are read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dead: OrderedDict[str, Dead] = OrderedDict()

    async def of(self, knowledge_base: str, as_of: int | None = None, embedder: str = "") -> Snapshot:
        """The base as it is now, or as it was at the revision `as_of`; with the vectors of `embedder`, by default
        those that searches read.

        Raises `NotFound` when there is no such base, or it is no longer or not yet known how it was then.
        """
        row, dead = await self._known(knowledge_base, embedder)
        if as_of is not None and not row["kept_from"] <= as_of <= row["revision"]:
            raise NotFound(
                f"expected a revision of {knowledge_base!r} from {row['kept_from']} to {row['revision']}, as far as"
                f" its chunks are kept; found {as_of}",
                hint="search it as it is now",
            )
        revision = row["revision"] if as_of is None else as_of
        bound, statistics = row["slot_count"], Statistics(row["chunk_count"], row["term_count"])
        if revision < row["revision"]:
            bound, statistics = await self._then(row["id"], revision)
        return Snapshot(
            base_id=row["id"],
            knowledge_base=knowledge_base,
            revision=revision,
            is_past=revision < row["revision"],
            embedder=row["embedder"],
            vectors=VectorSet(row["set_id"], row["dims"], row["is_indexed"]) if row["set_id"] else None,
            languages=tuple(row["languages"]),
            segments=tuple(row["segments"]),
            slot_count=row["slot_count"],
            held=row["chunk_count"] + len(dead.slots),
            forgotten=row["forgotten"],
            statistics=statistics,
            alive=_alive(dead, revision, bound, row["slot_count"]),
            is_open=not row["is_restricted"],
        )

    async def id(self, knowledge_base: str) -> str:
        """The state that a search would read now, as in `Retrieval.snapshot`; "" for a base without documents."""
        row = await self._database.row("SELECT revision FROM knowledge_base WHERE name = %s", [knowledge_base])
        return snapshot_id(knowledge_base, row["revision"]) if row else ""

    async def _known(self, knowledge_base: str, embedder: str) -> tuple[Row, Dead]:
        """The base and its dead chunks: those that were known when it was read, and those that died since."""
        known = self._dead.get(knowledge_base)
        row = await self._read(knowledge_base, embedder, known.revision if known else -1)
        if known and (row["id"], row["forgotten"]) != (known.base_id, known.forgotten):  # made again, or reclaimed
            known = None
            row = await self._read(knowledge_base, embedder, -1)
        dead = _dead(row)
        if known is not None:
            dead = known if known.revision == dead.revision else known.joined(dead)
        self._remember(knowledge_base, dead)
        return row, dead

    async def _read(self, knowledge_base: str, embedder: str, since: int) -> Row:
        row = await self._database.row(_BASE, {"name": knowledge_base, "embedder": embedder, "since": since})
        if row is None:
            raise bases.unknown(knowledge_base)
        return row

    def _remember(self, knowledge_base: str, dead: Dead) -> None:
        """Another search may have read the base meanwhile, and later."""
        held = self._dead.pop(knowledge_base, dead)
        is_later = held.read_at > dead.read_at
        self._dead[knowledge_base] = held if is_later else dead
        if len(self._dead) > _MOST_BASES:
            self._dead.popitem(last=False)

    async def _then(self, base_id: int, revision: int) -> tuple[int, Statistics]:
        """Above the slots of that time, and what BM25 counted then."""
        row = await self._database.row(
            "SELECT coalesce(max(slot) + 1, 0) AS bound, count(*) AS chunks, coalesce(sum(term_count), 0) AS terms"
            " FROM chunk WHERE base_id = %(base)s AND born <= %(revision)s"
            " AND (died IS NULL OR died > %(revision)s)",
            {"base": base_id, "revision": revision},
        )
        assert row is not None
        return int(row["bound"]), Statistics(int(row["chunks"]), int(row["terms"]))


def _dead(row: Row) -> Dead:
    stored = np.frombuffer(row["died"] or b"", dtype=[("slot", ">i4"), ("died", ">i8")])
    slots, died = stored["slot"].astype(np.int32), stored["died"].astype(np.int64)
    return Dead(row["id"], row["revision"], row["forgotten"], slots, died)


def _alive(dead: Dead, revision: int, bound: int, slot_count: int) -> Mask | None:
    gone = dead.slots[dead.died <= revision]
    gone = gone[gone < slot_count]
    if not len(gone) and bound == slot_count:
        return None
    alive = np.ones(slot_count, dtype=np.bool_)
    alive[gone] = False
    alive[bound:] = False
    return alive


_BASE = """
SELECT b.id, b.revision, b.kept_from, b.languages, b.chunk_count, b.term_count, b.slot_count, b.forgotten,
    coalesce(nullif(%(embedder)s::text, ''), b.embedder) AS embedder, s.id AS set_id, s.dims, s.is_indexed,
    EXISTS (SELECT 1 FROM document d WHERE d.base_id = b.id AND NOT d.labels @> '{everyone}') AS is_restricted,
    ARRAY(SELECT id FROM lexical_segment WHERE base_id = b.id ORDER BY first_slot) AS segments,
    (SELECT string_agg(int4send(c.slot) || int8send(c.died), '') FROM chunk c
     WHERE c.base_id = b.id AND c.died > %(since)s) AS died
FROM knowledge_base b LEFT JOIN embedding_set s ON s.base_id = b.id
    AND s.embedder = coalesce(nullif(%(embedder)s::text, ''), b.embedder)
WHERE b.name = %(name)s
"""
