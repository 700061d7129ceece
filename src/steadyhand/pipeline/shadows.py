"""Runs beside runs: the contract's shadow model gets the same task after the answer has left.

A shadow is a run of its own with the door `shadow`, so that nobody waits for it and its row is written all the
same; its `routing` names the run it belongs to. What it costs counts for the feature. It retries nothing, asks no
person and answers nobody.
"""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime

from steadyhand.types.feature import Review
from steadyhand.types.ids import RunId
from steadyhand.types.model import Candidate, Model
from steadyhand.types.run import Run

_log = logging.getLogger(__name__)

_MOST = 32
"""Shadows at the same time; a run that ends while there are so many gets none."""


class Shadows:
    """Those under way in one event loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        return len(self._tasks) < _MOST

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Let it run to its end; an error is logged."""
        task = asyncio.create_task(work, name="shadow")
        self._tasks.add(task)
        task.add_done_callback(self._end)

    async def close(self) -> None:
        """Wait for those under way; each is bounded by its contract's time."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a shadow run broke", exc_info=error)


def shadow_of(run: Run, model: Model, *, run_id: RunId, now: datetime, deadline: float) -> Run:
    """A run with the same task as it was before a model was asked, whose only candidate is `model`."""
    reason = f"shadow of {run.id}"
    feature = replace(run.feature, attempts=0, review=Review("", 0.0))
    return replace(
        run, id=run_id, feature=feature, door="shadow", started_at=now, deadline=deadline, attempt=0, feedback=(),
        candidates=(Candidate(model, is_allowed=True, reason=reason),), routing=reason, shadow=None, calls=(),
        completion=None, model=None, output=None, confidence=None, evidence=(), checks=(), status=None,
        failure=None, review=None, steps=(), duration_s=0.0, spendings=(), booked_calls=0,
    )  # fmt: skip
