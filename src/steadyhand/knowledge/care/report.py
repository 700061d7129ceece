"""What a knowledge base needs from the people who own it: documents and questions that want a look."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Protocol, TypeVar

from steadyhand.knowledge import bases
from steadyhand.knowledge.care.contradictions import contradictions
from steadyhand.knowledge.ingest import duplicates
from steadyhand.knowledge.ingest.duplicates import Pair
from steadyhand.knowledge.ingest.facts import REVIEW
from steadyhand.knowledge.search.passages import COLUMNS, passage
from steadyhand.storage import Database, Row
from steadyhand.types.json import Json
from steadyhand.types.passage import Contradiction, Passage

DAYS = 90
"""How far back the ledger is looked through, and how old a document is that should have been found by then."""

OLD_DAYS = 730
"""After so long without a change a document without a day of review counts as stale."""

WEAK = 0.35
"""A best passage that is less similar to its question than this is hardly about it."""

_CHUNKS_MOST = 20_000  # the newest ones, that are searched for contradictions
_LISTED = 200  # of each kind
_QUESTION = 200  # characters

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Remark:
    """A document or a source, and what is the matter with it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Weak:
    """A question that found little. `similarity` is that of its best passage; None: it had none.

    `versions` are the document versions whose passages it got.
    """

    question: str
    run_id: str
    at: datetime
    similarity: float | None
    is_found: bool
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """The report. Every list has at most 200 entries; `cut` says which had more, `remarks` what was not looked at.

    `runs` is how many runs searched the base in the last `days`; without any, no document counts as never
    retrieved.
    """

    knowledge_base: str
    revision: int
    documents: int
    days: int
    runs: int
    stale: tuple[Remark, ...]
    overdue: tuple[Remark, ...]  # sources that were not looked at as often as they should be
    failed: tuple[Remark, ...]
    never_retrieved: tuple[str, ...]
    duplicates: tuple[Pair, ...]
    contradictions: tuple[Contradiction, ...]
    weak: tuple[Weak, ...]
    remarks: tuple[str, ...]
    cut: tuple[str, ...] = ()

    @property
    def problems(self) -> int:
        """How many things want a look."""
        listed = (
            self.stale, self.overdue, self.failed, self.never_retrieved, self.duplicates, self.contradictions,
            self.weak,
        )  # fmt: skip
        return sum(len(each) for each in listed)


class Use(Protocol):
    """What the ledger knows about searches of a base; see `LedgerReader`."""

    async def retrieved_sources(self, knowledge_base: str, days: int) -> tuple[int, frozenset[str]]: ...

    async def weak_retrievals(self, knowledge_base: str, days: int, below: float) -> list[Row]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """`every_s` is how often each source should be looked at, in seconds by its origin."""

    days: int = DAYS
    old_days: int = OLD_DAYS
    weak: float = WEAK
    every_s: Mapping[str, int] = field(default_factory=dict)


async def report(database: Database, use: Use, base: str, bounds: Bounds, today: date) -> Care:
    """Everything that wants a look in a base. Raises `NotFound`. Seconds for thousands of documents."""
    found = await database.row(
        "SELECT id, revision, (SELECT count(*) FROM document d JOIN document_version v ON v.document_id = d.id"
        " WHERE d.base_id = b.id AND v.died_at IS NULL) AS documents FROM knowledge_base b WHERE name = %s",
        [base],
    )
    if found is None:
        raise bases.unknown(base)
    base_id = found["id"]
    runs, retrieved = await use.retrieved_sources(base, bounds.days)
    weak = await use.weak_retrievals(base, bounds.days, bounds.weak)
    chunks = await _passages(database, base_id, base)
    lists = _Lists()
    return Care(
        knowledge_base=base,
        revision=found["revision"],
        documents=found["documents"],
        days=bounds.days,
        runs=runs,
        stale=lists.cut("stale documents", await _stale(database, base_id, bounds.old_days, today)),
        overdue=lists.cut("sources", await _overdue(database, base_id, bounds.every_s)),
        failed=lists.cut("failed documents", await _failed(database, base_id)),
        never_retrieved=lists.cut(
            "documents never retrieved", await _unused(database, base_id, bounds.days, retrieved) if runs else []
        ),
        duplicates=lists.cut("pairs", await duplicates.near_duplicates(database, base)),
        contradictions=lists.cut("contradictions", await asyncio.to_thread(_contradicting, chunks)),
        weak=lists.cut("questions", [_weak(row) for row in weak]),
        remarks=_remarks(len(chunks), runs, bounds.days),
        cut=tuple(lists.cuts),
    )


class _Lists:
    """Cuts lists, and remembers what it cut."""

    def __init__(self) -> None:
        self.cuts: list[str] = []

    def cut(self, name: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        if len(entries) > _LISTED:
            self.cuts.append(f"{len(entries)} {name}, of which {_LISTED} are listed")
        return tuple(entries[:_LISTED])


def _remarks(chunks: int, runs: int, days: int) -> tuple[str, ...]:
    said = []
    if not runs:
        said.append(f"no run searched here in {days} days, so nothing is known about what is never retrieved")
    if chunks >= _CHUNKS_MOST:
        said.append(f"contradictions were looked for in the newest {_CHUNKS_MOST:,} passages only")
    return tuple(said)


async def _stale(database: Database, base_id: int, old_days: int, today: date) -> list[Remark]:
    rows = await database.rows(
        "SELECT d.path, d.review_by, d.metadata, v.born_at FROM document d"
        " JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL WHERE d.base_id = %(base)s"
        " AND (d.review_by < %(today)s OR (d.review_by IS NULL AND (v.born_at < %(today)s::date - %(days)s::int"
        " OR jsonb_exists_any(d.metadata, %(names)s))))"
        " ORDER BY d.review_by NULLS LAST, v.born_at, d.path",
        {"base": base_id, "today": today, "days": old_days, "names": list(REVIEW)},
    )
    return [Remark(row["path"], _why_stale(row)) for row in rows]


def _why_stale(row: Row) -> str:
    if row["review_by"]:
        return f"was to be reviewed by {row['review_by']}"
    for name in REVIEW:
        if name in row["metadata"]:
            return f"expected a day such as 2027-01-31 as its {name}; found {row['metadata'][name]!r}"
    return f"unchanged since {row['born_at']:%Y-%m-%d}"


async def _overdue(database: Database, base_id: int, every_s: Mapping[str, int]) -> list[Remark]:
    """Sources whose last complete look is older than twice its interval, or that ended with an error.

    One that nobody declared and that never gave anything was a slip of who named it.
    """
    rows = await database.rows(
        "SELECT origin, state, error, ended_at, extract(epoch FROM now() - ended_at) AS age_s FROM source s"
        " WHERE base_id = %s AND (origin = ANY(%s)"
        "  OR EXISTS (SELECT 1 FROM source_item i WHERE i.source_id = s.id)) ORDER BY origin",
        [base_id, list(every_s)],
    )
    found = []
    for row in rows:
        every = every_s.get(row["origin"], 0)
        if row["state"] == "failed":
            found.append(Remark(row["origin"], row["error"]))
        elif every and (row["ended_at"] is None or row["age_s"] > 2 * every):
            last = f"{row['ended_at']:%Y-%m-%d %H:%M} UTC" if row["ended_at"] else "never"
            found.append(Remark(row["origin"], f"last looked at: {last}; it should be every {every:,} s"))
    return found


async def _failed(database: Database, base_id: int) -> list[Remark]:
    rows = await database.rows(
        "SELECT path, reason FROM document_failure WHERE base_id = %s ORDER BY path", [base_id]
    )
    return [Remark(row["path"], row["reason"]) for row in rows]


async def _unused(database: Database, base_id: int, days: int, retrieved: Collection[str]) -> list[str]:
    """Documents that were there all the time, and of which no run got a passage."""
    rows = await database.rows(
        "SELECT d.path FROM document d JOIN document_version v ON v.document_id = d.id WHERE d.base_id = %s"
        " GROUP BY d.path HAVING bool_or(v.died_at IS NULL) AND min(v.born_at) < now() - make_interval(days => %s)"
        " ORDER BY d.path",
        [base_id, days],
    )
    return [row["path"] for row in rows if row["path"] not in retrieved]


async def _passages(database: Database, base_id: int, base: str) -> list[tuple[str, Passage]]:
    """The newest chunks of live versions, each with its language."""
    rows = await database.rows(
        f"SELECT {COLUMNS} FROM chunk c JOIN document_version v ON v.id = c.version_id AND v.died_at IS NULL"
        " JOIN document d ON d.id = v.document_id WHERE c.base_id = %s ORDER BY c.id DESC LIMIT %s",
        [base_id, _CHUNKS_MOST],
    )
    return [(row["language"], passage(row, base, "internal")) for row in rows]


def _contradicting(chunks: Sequence[tuple[str, Passage]]) -> list[Contradiction]:
    """Blocks. Documents of different languages are not compared."""
    found: list[Contradiction] = []
    in_order = sorted(chunks, key=lambda each: (each[0], each[1].source, each[1].start))
    for language, group in groupby(in_order, key=lambda each: each[0]):
        found += contradictions((each for _, each in group), language)
    return found


def _weak(row: Row) -> Weak:
    asked = " ".join(_texts(row["input"]))
    return Weak(
        question=asked if len(asked) <= _QUESTION else asked[:_QUESTION] + "…",
        run_id=row["run_id"],
        at=row["started_at"],
        similarity=row["similarity"],
        is_found=row["is_found"],
        versions=tuple(row["versions"]),
    )


def _texts(given: Json) -> Iterator[str]:
    """Every text in an input, in order."""
    match given:
        case str():
            yield given
        case dict():
            for value in given.values():
                yield from _texts(value)
        case list():
            for value in given:
                yield from _texts(value)
