"""Jobs in the database: asked for by one process, done by any, taken over when the one that does them dies.

A job is the name of a task and its arguments. The tables, fetching, retries and schedules are procrastinate's
(`storage/job_schema.py` makes the tables); this file is the only one that knows it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import DeleteJobCondition
from psycopg_pool import AsyncConnectionPool

from steadyhand.errors import DatabaseUnavailable, SteadyhandError
from steadyhand.storage import Transaction
from steadyhand.storage.database import CONNECT_TIMEOUT_S
from steadyhand.types.json import Json

_log = logging.getLogger(__name__)

Arguments: TypeAlias = dict[str, Json]
Task: TypeAlias = Callable[[Arguments], Awaitable[None]]

HEARTBEAT_S = 5.0
"""How often a worker says that it lives."""

STALLED_S = 20.0
"""A worker that was silent for so long is taken for dead, and its jobs are begun again elsewhere."""

_POLL_S = 5.0  # a notification comes at once; this is for those that were missed
_STOP_S = 10.0  # that a job gets to end when its worker stops; then it is cancelled and begun again elsewhere
_PAUSE_S = 15.0  # before the second attempt; each further one waits four times as long
_LONGEST_PAUSE_S = 3_600.0
_CONNECTIONS = 4  # one listens for new jobs

logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # we log what became of a job ourselves


class Jobs:
    """Tasks by name, jobs for them, and a worker in this process when it is started. `open` it first."""

    def __init__(self, database_url: str) -> None:
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            database_url, min_size=0, max_size=_CONNECTIONS, open=False, timeout=CONNECT_TIMEOUT_S
        )
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._working: list[asyncio.Task[None]] = []
        self._is_closing = False

    def add(self, name: str, task: Task, *, attempts: int = 6, every: str = "") -> None:
        """Register a task before the worker starts. Tasks must be idempotent: a job may be begun more than once.

        An error of ours with `is_retryable` has the job tried again with growing pauses, at most `attempts` times
        in all; any other one ends it. `every` is a cron line, in UTC, at which a job without arguments is put in.
        """

        async def done(context: procrastinate.JobContext, /, timestamp: int = 0, **arguments: Json) -> None:
            del timestamp
            await self._attempt(name, task, context, attempts, arguments)

        registered = self._app.task(name=name, pass_context=True, retry=_Pauses())(done)
        if every:
            self._app.periodic(cron=every, periodic_id=name)(registered)

    async def open(self) -> None:
        await self._pool.open()
        await self._app.open_async(self._pool)

    async def close(self) -> None:
        """Stop working; what runs gets some seconds to end, and is begun again by another worker if it does not."""
        self._is_closing = True
        while self._working:
            for task in self._working:
                task.cancel()
            _, left = await asyncio.wait(self._working, timeout=_STOP_S + _POLL_S)
            self._working = list(left)  # a library may lose a cancellation among errors of its connection
        await self._app.close_async()
        await self._pool.close()

    async def defer(
        self, name: str, arguments: Arguments, *, key: str = "", transaction: Transaction | None = None
    ) -> bool:
        """Ask for a job. False: one of the same `key` waits already. One job of a key runs at a time.

        With `transaction`, the job is asked for when that is committed, or not at all. Raises
        `DatabaseUnavailable`.
        """
        connection = transaction.connection if transaction else None
        try:
            await self._app.configure_task(
                name, allow_unknown=False, lock=key or None, queueing_lock=key or None, connection=connection
            ).defer_async(**arguments)
        except AlreadyEnqueued:
            return False
        except ConnectorException as error:
            raise _unavailable(error) from error
        return True

    async def is_open(self, key: str) -> bool:
        """Does a job of this key wait, or is it being done?"""
        jobs = await self._app.job_manager.list_jobs_async(queueing_lock=key)
        return any(job.status in ("todo", "doing") for job in jobs)

    def start(self) -> None:
        """Do jobs in this process, from now until `close`. May be repeated."""
        if not self._working:
            loops = (self._work(), self._take_over())
            self._working = [asyncio.get_running_loop().create_task(loop) for loop in loops]
            for task in self._working:
                task.add_done_callback(_tell)

    async def _work(self) -> None:
        """A worker that is started again when the database was away."""
        while not self._is_closing:
            with suppress(ConnectorException, OSError):
                await self._app.run_worker_async(
                    concurrency=2,
                    fetch_job_polling_interval=_POLL_S,
                    shutdown_graceful_timeout=_STOP_S,
                    delete_jobs=DeleteJobCondition.SUCCESSFUL,
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=STALLED_S,
                )
            await asyncio.sleep(_POLL_S)

    async def _take_over(self) -> None:
        """Let jobs of dead workers begin again."""
        manager = self._app.job_manager
        while not self._is_closing:
            with suppress(ConnectorException):
                await manager.prune_stalled_workers(STALLED_S)
                for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
                    _log.warning("the worker of job %s (%s) is gone; it begins again", job.id, job.task_name)
                    await manager.retry_job(job)
            await asyncio.sleep(HEARTBEAT_S)

    async def _attempt(
        self, name: str, task: Task, context: procrastinate.JobContext, attempts: int, arguments: Arguments
    ) -> None:
        """One attempt. Errors of ours end here with a line in the log; `_Again` has it tried once more."""
        number = context.job.attempts + 1
        try:
            await task(arguments)
        except SteadyhandError as error:
            if error.is_retryable and number < attempts:
                _log.warning("job %s, attempt %d of %d: %s", name, number, attempts, error)
                raise _Again from error
            _log.error("job %s was given up after attempt %d: %s", name, number, error)
            raise


class _Again(Exception):
    """The job is to be tried again."""


class _Pauses(procrastinate.BaseRetryStrategy):
    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> procrastinate.RetryDecision | None:
        if not isinstance(exception, _Again):
            return None
        pause_s = min(_LONGEST_PAUSE_S, _PAUSE_S * 4**job.attempts)
        return procrastinate.RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=pause_s))


def _tell(task: asyncio.Task[None]) -> None:
    """A worker that ended by itself met something nobody thought of."""
    if not task.cancelled() and (error := task.exception()):
        _log.error("this process does no more jobs", exc_info=error)


def _unavailable(error: ConnectorException) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"the database does not take jobs: {error.__cause__ or error}",
        hint="steadyhand doctor looks at the database",
    )
