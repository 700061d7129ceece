"""Reads runs back: the newest, one with all that happened in it, and sums."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steadyhand.errors import NotFound, UsageError
from steadyhand.storage import Database, Row

_RECENT = 10_000  # runs among which a short id is looked for
_CALLERS_OWN = ["input.invalid", "not_found", "access.forbidden", "provider.refused", "rate.limited"]
"""Codes of refused runs that say nothing about us."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of `traces tail`."""

    id: str
    feature: str
    status: str
    model: str | None
    principal: str
    door: str
    data_class: str
    confidence: float | None
    cost_usd: Decimal | None
    started_at: datetime
    duration_s: float


@dataclass(frozen=True, slots=True)
class RunTrace:
    """Everything the ledger holds of one run, as it was written: each list in the order of what happened."""

    run: Row
    steps: list[Row]
    calls: list[Row]
    retrievals: list[Row]
    verdicts: list[Row]
    review: Row | None


class LedgerReader:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def tail(
        self,
        *,
        limit: int = 20,
        feature: str | None = None,
        status: str | None = None,
        after: str = "",
        before: str = "",
    ) -> list[RunSummary]:
        """The newest runs, newest first. Ids sort by time: with `after` only larger ones, with `before` smaller."""
        rows = await self._database.rows(
            "SELECT id, feature, status, model, principal, door, data_class, confidence, cost_usd, started_at,"
            " duration_s FROM run"
            " WHERE (%(feature)s::text IS NULL OR feature = %(feature)s)"
            " AND (%(status)s::text IS NULL OR status = %(status)s) AND id > %(after)s"
            " AND (%(before)s::text = '' OR id < %(before)s)"
            " ORDER BY started_at DESC, id DESC LIMIT %(limit)s",
            {"feature": feature, "status": status, "after": after, "before": before, "limit": limit},
        )
        return [RunSummary(**row) for row in rows]

    async def trace(self, run_id: str) -> RunTrace:
        """One run with everything that happened in it. `run_id` may be the end of an id, four characters or more.

        Raises `NotFound`, or `UsageError` when a short id fits several runs.
        """
        full = await self._full_id(run_id)
        run = await self._database.row(
            "SELECT * FROM run LEFT JOIN run_payload ON run_payload.run_id = run.id WHERE run.id = %s", [full]
        )
        if run is None:
            raise NotFound(f"expected a recorded run; found none with the id {run_id!r}", hint=_LIST)
        del run["run_id"]
        if run["input"] is None:  # a gateway call: what went in and came out is with its model calls
            run.update(input={}, evidence=[])
        reviews = await self._rows("review_task", full, "run_id")
        return RunTrace(
            run=run,
            steps=await self._rows("run_step", full, "seq"),
            calls=await self._rows("model_call", full, "seq"),
            retrievals=await self._rows("retrieval", full, "rank"),
            verdicts=await self._rows("verdict", full, "seq"),
            review=reviews[0] if reviews else None,
        )

    async def spent_today(self, feature: str) -> Decimal:
        """What a feature has cost since midnight UTC, in US dollars; unknown prices count nothing."""
        row = await self._database.row(
            "SELECT coalesce(sum(cost_usd), 0) AS usd FROM run WHERE feature = %s"
            " AND started_at >= date_trunc('day', now(), 'UTC')",
            [feature],
        )
        return Decimal(row["usd"]) if row else Decimal(0)

    async def totals(self) -> list[Row]:
        """Per feature, over the last 24 hours: runs by status, cost and median duration.

        `problems` counts what gave no answer; those of them that were refused for what the caller asked, or how
        often, are `invalid` as well. `unpriced` runs have no known cost and are not in the sum.
        """
        return await self._database.rows(
            "SELECT feature, count(*) AS runs, count(*) FILTER (WHERE status = 'answered') AS answered,"
            " count(*) FILTER (WHERE status IN ('failed', 'refused')) AS problems,"
            " count(*) FILTER (WHERE status = 'refused' AND error_code = ANY(%s)) AS invalid,"
            " count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced,"
            " count(*) FILTER (WHERE status = 'fallback') AS fallbacks,"
            " count(*) FILTER (WHERE status = 'review') AS reviews, sum(cost_usd) AS cost_usd,"
            " percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_s) AS median_s"
            " FROM run WHERE started_at > now() - interval '24 hours' AND door <> 'shadow'"
            " GROUP BY feature ORDER BY feature",
            [_CALLERS_OWN],
        )

    async def models(self) -> list[Row]:
        """Per model, over the last 24 hours: calls, those that failed, median duration, tokens and cost.

        `median_s` is None when every call failed; `unpriced` calls have no known cost and are not in the sum.
        """
        return await self._database.rows(
            "SELECT call.model, count(*) AS calls, count(*) FILTER (WHERE error <> '') AS failed,"
            " percentile_cont(0.5) WITHIN GROUP (ORDER BY call.duration_s) FILTER (WHERE error = '') AS median_s,"
            " sum(input_tokens) AS input_tokens, sum(cached_tokens) AS cached_tokens,"
            " sum(output_tokens) AS output_tokens, sum(call.cost_usd) AS cost_usd,"
            " count(*) FILTER (WHERE call.cost_usd IS NULL) AS unpriced"
            " FROM model_call AS call JOIN run ON run.id = call.run_id"
            " WHERE run.started_at > now() - interval '24 hours'"
            " GROUP BY call.model ORDER BY calls DESC, call.model"
        )

    async def retrieved_sources(self, knowledge_base: str, days: int) -> tuple[int, frozenset[str]]:
        """How many runs searched a knowledge base in the last days, and the documents whose passages they got."""
        row = await self._database.row(
            f"SELECT count(*) AS runs FROM run WHERE split_part(snapshot, '@', 1) = %s AND {_SEARCHED}"
            " AND started_at > now() - make_interval(days => %s)",
            [knowledge_base, days],
        )
        rows = await self._database.rows(
            "SELECT DISTINCT r.source FROM retrieval r JOIN run ON run.id = r.run_id"
            " WHERE r.knowledge_base = %s AND run.started_at > now() - make_interval(days => %s)",
            [knowledge_base, days],
        )
        return int(row["runs"]) if row else 0, frozenset(row["source"] for row in rows)

    async def weak_retrievals(self, knowledge_base: str, days: int, below: float, *, limit: int = 100) -> list[Row]:
        """Inputs whose last run found little in a knowledge base in the last days, the weakest first.

        It ended as not found, or no passage was more similar to the question than `below`: `run_id`, `input`,
        `started_at`, `similarity` (the best; None without passages), `versions` (of the passages) and `is_found`.
        A run that gave an answer out of the cache did not search.
        """
        return await self._database.rows(
            "WITH searched AS (SELECT DISTINCT ON (p.input) run.id, run.started_at, p.input,"
            "  (SELECT max(r.similarity) FROM retrieval r WHERE r.run_id = run.id) AS similarity,"
            "  ARRAY(SELECT DISTINCT r.version_id FROM retrieval r WHERE r.run_id = run.id) AS versions,"
            "  coalesce(p.output -> 'found' <> 'false'::jsonb, true) AS is_found"
            "  FROM run JOIN run_payload p ON p.run_id = run.id WHERE split_part(run.snapshot, '@', 1) = %(base)s"
            f"  AND {_SEARCHED} AND run.door <> 'shadow'"
            "  AND run.started_at > now() - make_interval(days => %(days)s)"
            "  ORDER BY p.input, run.started_at DESC)"
            " SELECT id AS run_id, input, started_at, similarity, versions, is_found FROM searched"
            " WHERE NOT is_found OR coalesce(similarity, 0) < %(below)s"
            " ORDER BY similarity NULLS FIRST, started_at DESC LIMIT %(limit)s",
            {"base": knowledge_base, "days": days, "below": below, "limit": limit},
        )

    async def _full_id(self, run_id: str) -> str:
        if len(run_id) >= 26:
            return run_id.upper()
        if len(run_id) < 4:
            raise UsageError(f"expected a run id or its last 4 or more characters; found {run_id!r}", hint=_LIST)
        rows = await self._database.rows(
            "SELECT id FROM (SELECT id FROM run ORDER BY started_at DESC LIMIT %s) AS recent"
            " WHERE right(id, length(%s)) = upper(%s) LIMIT 2",
            [_RECENT, run_id, run_id],
        )
        if len(rows) > 1:
            raise UsageError(f"{run_id!r} is the end of several runs' ids", hint="give more characters of it")
        if not rows:
            raise NotFound(f"expected a recorded run; found none whose id ends in {run_id!r}", hint=_LIST)
        return str(rows[0]["id"])

    async def _rows(self, table: str, run_id: str, order: str) -> list[Row]:
        rows = await self._database.rows(f"SELECT * FROM {table} WHERE run_id = %s ORDER BY {order}", [run_id])
        return [{name: value for name, value in row.items() if name != "run_id"} for row in rows]


_LIST = "steadyhand traces tail lists runs"
_SEARCHED = "NOT starts_with(coalesce(model, ''), 'cache:')"
