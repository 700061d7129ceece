"""Runs that wait for a person."""

from dataclasses import dataclass
from datetime import datetime

from steadyhand.storage import Database


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A parked run: why, and until when somebody should have looked."""

    run_id: str
    feature: str
    reason: str
    due_at: datetime


class ReviewTasks:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, limit: int = 100) -> list[OpenTask]:
        """Undecided tasks, the most urgent first."""
        rows = await self._database.rows(
            "SELECT t.run_id, r.feature, t.reason, t.due_at FROM review_task t JOIN run r ON r.id = t.run_id"
            " WHERE t.decided_at IS NULL ORDER BY t.due_at LIMIT %s",
            [limit],
        )
        return [OpenTask(**row) for row in rows]
