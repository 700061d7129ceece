"""What the ledger tells of models: how often a feature ran today, and how the last calls went."""

import time
from collections.abc import Callable

from steadyhand.errors import ProviderUnavailable
from steadyhand.routing.health import Health
from steadyhand.storage import Database
from steadyhand.types.ids import ModelId

_KEPT_S = 60.0
"""Runs are counted again after so long: the count decides nothing that a minute changes."""


class Volumes:
    """How often features run. `clock` counts seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[float, int]] = {}

    async def runs_today(self, feature: str) -> int:
        """Runs since midnight UTC, as of at most a minute ago."""
        known = self._known.get(feature)
        if known is not None and self._clock() < known[0]:
            return known[1]
        row = await self._database.row(
            "SELECT count(*) AS runs FROM run WHERE feature = %s"
            " AND door <> 'shadow' AND started_at >= date_trunc('day', now(), 'UTC')",
            [feature],
        )
        runs = int(row["runs"]) if row else 0
        self._known[feature] = (self._clock() + _KEPT_S, runs)
        return runs


async def health_of(database: Database) -> Health:
    """The health that a process would see which had made every call of the last 10 minutes.

    The ledger keeps no kind of error: each failure counts as a model that could not be reached.
    """
    rows = await database.rows(
        "SELECT model_call.model, error, first_token_s, model_call.duration_s,"
        " extract(epoch FROM run.started_at - now())::float8 AS at_s"
        " FROM model_call JOIN run ON run.id = model_call.run_id"
        " WHERE run.started_at > now() - interval '10 minutes' ORDER BY run.started_at, seq"
    )
    now_s = 0.0

    def clock() -> float:
        return now_s

    health = Health(clock)
    for row in rows:
        now_s = row["at_s"]
        model = ModelId(row["model"])
        health.begin(model)
        if row["error"]:
            health.failed(model, ProviderUnavailable(row["error"]))
        else:
            health.succeeded(model, row["first_token_s"] or row["duration_s"])
    now_s = 0.0
    return health
