"""How far a knowledge base is in following its sources: who follows, what was listed, what became of each document.

A sync of a source is a round. One round of a source runs at a time; its number fences off a process that was taken
for dead and was not: only who holds the last round may write.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import PurePosixPath
from typing import Literal

from steadyhand.errors import SourceBusy, SteadyhandError
from steadyhand.knowledge.ingest.claims import HOLDERS
from steadyhand.storage import Database, Row, Transaction, jsonb
from steadyhand.types.json import JsonObject
from steadyhand.types.source import Remembered

Outcome = Literal["added", "unchanged", "skipped", "failed", "removed"]
OUTCOMES: tuple[Outcome, ...] = ("added", "unchanged", "skipped", "failed", "removed")
SourceState = Literal["listing", "bringing", "done", "failed"]
ItemState = Literal["queued", "reading", "embedding"]


@dataclass(frozen=True, slots=True)
class Progress:
    """One document is done. It is in the database, or out of it, when this is said."""

    done: int
    total: int
    path: str
    outcome: Outcome
    passages: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """A sync that has begun. `base_id` and `source_id` are rows."""

    base_id: int
    source_id: int
    number: int
    origin: str


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What is remembered of an item. `named` is its path inside the base; `sha256` is of the content last seen."""

    path: str
    named: str
    state: str
    fingerprint: str
    sha256: bytes
    recipe: str
    notes: JsonObject
    facts: str
    attempts: int
    is_temporary: bool
    reason: str

    @property
    def remembered(self) -> Remembered:
        return Remembered(self.fingerprint, self.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a document in a round. `path` is that of its item, "" for a member of a container."""

    path: str
    named: str
    outcome: Outcome
    passages: int = 0
    reason: str = ""
    fingerprint: str = ""
    sha256: bytes = b""
    recipe: str = ""
    facts: str = ""
    notes: JsonObject = field(default_factory=dict)
    is_temporary: bool = False


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source and its last round. `outcomes` count what the round is done with; together they end at `total`."""

    base: str
    origin: str
    round: int
    state: SourceState
    total: int
    outcomes: dict[Outcome, int]
    error_code: str
    error: str
    hint: str
    began_at: datetime | None
    ended_at: datetime | None

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())


class Following:
    """Rounds and their items, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, base_id: int, origin: str, holder: int) -> Round | None:
        """A new round; None while another one of the source runs in a process that lives."""
        await self._database.execute(
            "INSERT INTO source (base_id, origin) VALUES (%s, %s) ON CONFLICT DO NOTHING", [base_id, origin]
        )
        async with self._database.transaction() as transaction:
            row = await transaction.row(
                "UPDATE source SET holder = %(holder)s, round = round + 1, state = 'listing', total = 0, added = 0,"
                " unchanged = 0, skipped = 0, failed = 0, removed = 0, error_code = '', error = '', hint = '',"
                " began_at = now(), ended_at = NULL WHERE base_id = %(base)s AND origin = %(origin)s"
                " AND (holder IS NULL OR pg_try_advisory_xact_lock_shared(%(family)s, holder)) RETURNING id, round",
                {"base": base_id, "origin": origin, "holder": holder, "family": HOLDERS},
            )
            if row is None:
                return None
            await transaction.execute(
                "DELETE FROM source_item WHERE source_id = %s AND state = 'removed'", [row["id"]]
            )
        return Round(base_id, row["id"], row["round"], origin)

    async def known(self, source: Round) -> dict[str, KnownItem]:
        """What is remembered of the source's items, by the path that the source gives them."""
        rows = await self._database.rows(
            "SELECT path, named, state, fingerprint, sha256, recipe, notes, facts, attempts, is_temporary, reason"
            " FROM source_item WHERE source_id = %s",
            [source.source_id],
        )
        return {row["path"]: KnownItem(**row) for row in rows}

    async def queue(
        self, source: Round, paths: Sequence[str], counted: Counter[Outcome], total: int
    ) -> dict[str, str]:
        """The list is complete: these items are to be brought; returns their paths inside the base.

        A path that another source has already is put under the name of this one. `counted` are done already.
        """
        async with self._database.transaction() as transaction:
            await transaction.execute("SELECT 1 FROM knowledge_base WHERE id = %s FOR UPDATE", [source.base_id])
            await _count(transaction, source, counted, total)
            await transaction.execute("UPDATE source SET state = 'bringing' WHERE id = %s", [source.source_id])
            named = await _named(transaction, source, paths)
            await transaction.execute(
                "INSERT INTO source_item AS i (source_id, path, named, state, round)"
                " SELECT %(source)s, path, named, 'queued', %(round)s"
                " FROM unnest(%(paths)s::text[], %(named)s::text[]) AS q (path, named)"
                " ON CONFLICT (source_id, path) DO UPDATE SET state = 'queued', round = excluded.round,"
                " number = 0, outcome = '', passages = 0",
                {
                    "source": source.source_id,
                    "round": source.number,
                    "paths": list(named),
                    "named": list(named.values()),
                },
            )
        return named

    async def advance(self, source: Round, paths: Sequence[str], state: ItemState) -> None:
        """Say what is being done with these items."""
        await self._database.execute(
            "UPDATE source_item SET state = %s WHERE source_id = %s AND path = ANY(%s)",
            [state, source.source_id, list(paths)],
        )

    async def end(self, source: Round, error: SteadyhandError | None = None) -> None:
        """The round is over, for good or with an error. Does nothing when another one has taken the source over."""
        await self._database.execute(
            "UPDATE source SET holder = NULL, ended_at = now(), state = %(state)s, error_code = %(code)s,"
            " error = %(error)s, hint = %(hint)s WHERE id = %(source)s AND round = %(round)s",
            {
                "state": "failed" if error else "done",
                "code": error.code if error else "",
                "error": str(error) if error else "",
                "hint": error.hint if error else "",
                "source": source.source_id,
                "round": source.number,
            },
        )

    async def statuses(self, base: str) -> list[SourceStatus]:
        """The sources of a base, those that were looked at last first."""
        rows = await self._database.rows(
            f"SELECT {_STATUS} FROM source s JOIN knowledge_base b ON b.id = s.base_id WHERE b.name = %s"
            " ORDER BY s.began_at DESC NULLS LAST, s.origin",
            [base],
        )
        return [_status(row) for row in rows]

    async def status(self, base: str, origin: str) -> SourceStatus | None:
        """None for a source that was never looked at."""
        row = await self._database.row(
            f"SELECT {_STATUS} FROM source s JOIN knowledge_base b ON b.id = s.base_id"
            " WHERE b.name = %s AND s.origin = %s",
            [base, origin],
        )
        return _status(row) if row else None

    async def is_running(self, base: str, origin: str) -> bool:
        """Does a process that lives bring it in step now?"""
        row = await self._database.row(
            "SELECT NOT pg_try_advisory_xact_lock_shared(%s, s.holder) AS runs FROM source s"
            " JOIN knowledge_base b ON b.id = s.base_id"
            " WHERE b.name = %s AND s.origin = %s AND s.holder IS NOT NULL",
            [HOLDERS, base, origin],
        )
        return row is not None and bool(row["runs"])

    async def settled(self, base: str, origin: str, round_: int, after: int) -> list[tuple[int, Progress]]:
        """What a round was done with behind number `after`, with numbers; not what it found unchanged."""
        rows = await self._database.rows(
            "SELECT i.number, s.total, i.named, i.outcome, i.passages, i.reason FROM source_item i"
            " JOIN source s ON s.id = i.source_id JOIN knowledge_base b ON b.id = s.base_id"
            " WHERE b.name = %s AND s.origin = %s AND s.round = %s AND i.round = s.round AND i.number > %s"
            " ORDER BY i.number",
            [base, origin, round_, after],
        )
        return [(row["number"], _progress(row)) for row in rows]

    async def failed_for_now(self, base: str, origin: str) -> int:
        """How many items could not be read for a reason that may pass."""
        row = await self._database.row(
            "SELECT count(*) AS items FROM source_item i JOIN source s ON s.id = i.source_id"
            " JOIN knowledge_base b ON b.id = s.base_id WHERE b.name = %s AND s.origin = %s AND i.is_temporary",
            [base, origin],
        )
        assert row is not None
        return int(row["items"])


async def settle(transaction: Transaction, source: Round, settled: Sequence[Settled]) -> None:
    """Note what became of documents, in the transaction that made it true. Raises `SourceBusy` when taken over."""
    outcomes: Counter[Outcome] = Counter(one.outcome for one in settled)
    done = await _count(transaction, source, outcomes, 0)
    first = done - len(settled)
    items = [(number, one) for number, one in enumerate(settled, start=first + 1) if one.path]
    await transaction.execute(
        "UPDATE source_item i SET state = k.state, fingerprint = k.fingerprint, sha256 = k.sha256,"
        " recipe = k.recipe, facts = k.facts, notes = k.notes, reason = k.reason, outcome = k.outcome,"
        " passages = k.passages, number = k.number, round = %(round)s, is_temporary = k.is_temporary,"
        " attempts = CASE WHEN k.is_temporary THEN i.attempts + 1 ELSE 0 END FROM unnest(%(paths)s::text[],"
        "  %(states)s::text[], %(fingerprints)s::text[], %(sha256s)s::bytea[], %(recipes)s::text[],"
        "  %(facts)s::text[], %(notes)s::jsonb[], %(reasons)s::text[], %(outcomes)s::text[], %(passages)s::int[],"
        "  %(numbers)s::int[], %(temporary)s::bool[]) AS k (path, state, fingerprint, sha256, recipe, facts, notes,"
        "  reason, outcome, passages, number, is_temporary) WHERE i.source_id = %(source)s AND i.path = k.path",
        {
            "round": source.number,
            "source": source.source_id,
            "paths": [one.path for _, one in items],
            "states": [_STATE_OF[one.outcome] for _, one in items],
            "fingerprints": [one.fingerprint for _, one in items],
            "sha256s": [one.sha256 for _, one in items],
            "recipes": [one.recipe for _, one in items],
            "facts": [one.facts for _, one in items],
            "notes": [jsonb(one.notes) for _, one in items],
            "reasons": [one.reason for _, one in items],
            "outcomes": [one.outcome for _, one in items],
            "passages": [one.passages for _, one in items],
            "numbers": [number for number, _ in items],
            "temporary": [one.is_temporary for _, one in items],
        },
    )


async def describe(transaction: Transaction, source: Round, digests: Mapping[str, str]) -> None:
    """Note that the labels and the like of items were applied, by the digest of what they are now."""
    await _count(transaction, source, Counter(), 0)
    await transaction.execute(
        "UPDATE source_item i SET facts = k.facts FROM unnest(%s::text[], %s::text[]) AS k (path, facts)"
        " WHERE i.source_id = %s AND i.path = k.path",
        [list(digests), list(digests.values()), source.source_id],
    )


async def forget(transaction: Transaction, source: Round, paths: Sequence[str]) -> None:
    """The source calls these items otherwise now."""
    await transaction.execute(
        "DELETE FROM source_item WHERE source_id = %s AND path = ANY(%s)", [source.source_id, list(paths)]
    )


async def grow(transaction: Transaction, source: Round, more: int) -> None:
    """A container turned out to hold so many documents more."""
    await _count(transaction, source, Counter(), more)


async def _named(transaction: Transaction, source: Round, paths: Sequence[str]) -> dict[str, str]:
    """Paths inside the base: as before, else the source's own, else that under the source's name."""
    rows = await transaction.rows(
        "SELECT path, named FROM source_item WHERE source_id = %s AND path = ANY(%s)",
        [source.source_id, list(paths)],
    )
    named: dict[str, str] = {row["path"]: row["named"] for row in rows}
    for prefix in _prefixes(source.origin):
        candidates = {path: f"{prefix}{path}" for path in paths if path not in named}
        if not candidates:
            break
        rows = await transaction.rows(
            "SELECT i.named FROM source_item i JOIN source s ON s.id = i.source_id WHERE s.base_id = %s"
            " AND i.state <> 'removed' AND i.named = ANY(%s)",
            [source.base_id, list(candidates.values())],
        )
        taken = {row["named"] for row in rows} | set(named.values())
        named |= {path: name for path, name in candidates.items() if name not in taken}
    return {path: named[path] for path in paths}


def _prefixes(origin: str) -> Iterator[str]:
    """ "", then "contracts/", "contracts (2)/" ... for the folder /srv/contracts, or a file in it."""
    yield ""
    place = PurePosixPath(origin)
    name = (place.parent if place.suffix else place).name or "source"
    yield f"{name}/"
    yield from (f"{name} ({number})/" for number in count(2))


async def _count(transaction: Transaction, source: Round, counted: Counter[Outcome], total: int) -> int:
    """Add to the counters of a round; returns what it is done with. Locks the source until the commit."""
    sums = ", ".join(f"{outcome} = {outcome} + %({outcome})s" for outcome in OUTCOMES)
    row = await transaction.row(
        f"UPDATE source SET total = total + %(total)s, {sums} WHERE id = %(source)s AND round = %(round)s"
        " AND holder IS NOT NULL RETURNING added + unchanged + skipped + failed + removed AS done",
        {
            **{outcome: counted[outcome] for outcome in OUTCOMES},
            "total": total,
            "source": source.source_id,
            "round": source.number,
        },
    )
    if row is None:
        raise SourceBusy(
            f"expected to be the one who brings {source.origin} in; another process has taken over",
            hint="let that one end; nothing is lost",
        )
    return int(row["done"])


_STATE_OF = {"added": "ready", "unchanged": "ready", "skipped": "ready", "failed": "failed", "removed": "removed"}
_STATUS = (
    "b.name AS base, s.origin, s.round, s.state, s.total, s.added, s.unchanged, s.skipped, s.failed, s.removed,"
    " s.error_code, s.error, s.hint, s.began_at, s.ended_at"
)


def _status(row: Row) -> SourceStatus:
    outcomes: dict[Outcome, int] = {outcome: row.pop(outcome) for outcome in OUTCOMES}
    return SourceStatus(outcomes={outcome: number for outcome, number in outcomes.items() if number}, **row)


def _progress(row: Row) -> Progress:
    return Progress(row["number"], row["total"], row["named"], row["outcome"], row["passages"], row["reason"])
