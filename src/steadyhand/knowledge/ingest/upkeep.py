"""Follows the sources that the settings declare: when somebody asks, when it is time, here or by a job.

A job brings one source of a base in step. One that found documents which could not be read for now fails and is
tried again with growing pauses.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TypeAlias

from steadyhand import settings
from steadyhand.errors import NotFound, SourceUnreadable, SteadyhandError, WorkspaceInvalid, of_code
from steadyhand.jobs.queue import Arguments, Jobs
from steadyhand.knowledge.ingest.bringing import Vision
from steadyhand.knowledge.ingest.facts import LabelsOf
from steadyhand.knowledge.ingest.following import Outcome, Progress, SourceStatus
from steadyhand.knowledge.ingest.sync import Ingest
from steadyhand.settings import KnowledgeSettings, Settings
from steadyhand.tables.sources import SourceSettings
from steadyhand.types.source import Source

_log = logging.getLogger(__name__)

SYNC = "knowledge.sync"
"""The task that brings a source in step: `base`, `place` (as the settings name it), `allow_removals`."""

_LOOK, _EVERY_MINUTE = "knowledge.look", "* * * * *"
_SWEEP, _EVERY_NIGHT = "knowledge.sweep", "17 3 * * *"
_POLL_S = 0.25
_NEARLY = timedelta(seconds=30)  # looks come by the minute: who is due before the next one is due now

OpenSource: TypeAlias = Callable[[SourceSettings], Source]
"""Costs nothing: what is there is seen when it is listed."""

VisionOf: TypeAlias = Callable[[str], Vision | None]
"""The model that reads the pictures of a base, by its name; None when there is none."""

AfterSync: TypeAlias = Callable[[str], Awaitable[None]]
"""Told the base when a source of it is in step; raises nothing that the sync should fail for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A source that a job was asked to bring in step; `round` is its last one before.

    `key` is the job's; "" when a process does it without one.
    """

    base: str
    origin: str
    round: int
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A source of a base. `status` is None before the first look, `next_at` where nobody says how often.

    `place` is what the settings call it, the origin of one that they do not name.
    """

    place: str
    is_declared: bool
    is_running: bool
    every: str
    next_at: datetime | None
    status: SourceStatus | None


class Upkeep:
    """The sources of all bases, as the settings name them when the workspace opens.

    Labels alone are read again when a sync begins, so that those that were taken away do not come back with a
    server that is older than the change.
    """

    def __init__(
        self,
        configured: Settings,
        ingest: Ingest,
        jobs: Jobs,
        opened: OpenSource,
        *,
        vision_of: VisionOf,
        after_sync: AfterSync,
    ) -> None:
        self._settings = configured
        self._written = configured.knowledge
        self._ingest = ingest
        self._following = ingest.following
        self._jobs = jobs
        self._opened = opened
        self._vision_of = vision_of
        self._after_sync = after_sync
        jobs.add(SYNC, self._sync_job)
        jobs.add(_LOOK, self._look, every=_EVERY_MINUTE)
        jobs.add(_SWEEP, self._sweep, every=_EVERY_NIGHT)

    def sources(self, base: str) -> list[SourceSettings]:
        """The declared sources of a base, else the folder `knowledge/<base>`. Raises `NotFound` without a place."""
        declared = self._of(base).sources
        sources = declared or [SourceSettings(path=f"knowledge/{base}")]
        for source in sources:
            place = self._settings.root / source.path
            if source.path and not place.exists():
                table = f"[knowledge.{base}] sources"
                raise NotFound(
                    f"expected the sources of {base!r} in {place}; it is not there",
                    hint=f"is it mounted? {table} names it"
                    if declared
                    else f"name a path, or declare them: {table}",
                )
        return list(sources)

    async def sync(
        self, base: str, source: SourceSettings, *, allow_removals: bool = False, labels_only: bool = False
    ) -> AsyncGenerator[Progress, None]:
        """Bring a source in step in this process, or with `labels_only` its labels: see `Ingest.sync`."""
        opened = self._opened(source)
        steps = self._ingest.sync(
            base,
            opened,
            labels_of=await self._labels_of(base, opened.origin, source),
            allow_removals=allow_removals,
            labels_only=labels_only,
            vision=self._vision_of(base),
        )
        async with aclosing(steps):
            async for step in steps:
                yield step
        await self._after_sync(base)

    async def bring(self, base: str, source: Source, *, labels_only: bool = False) -> None:
        """Bring a source in step that no settings name. Items that say nothing of labels have the base's."""
        labels_of = _labels_of(await self._as_written(base), None)
        steps = self._ingest.sync(
            base, source, labels_of=labels_of, labels_only=labels_only, vision=self._vision_of(base)
        )
        async with aclosing(steps):
            async for _ in steps:
                pass
        await self._after_sync(base)

    def intervals(self, base: str) -> dict[str, int]:
        """How often each declared source is to be looked at, in seconds by its origin; 0: by hand."""
        return {self._origin(source): source.every_s for source in self._of(base).sources}

    async def followed(self, base: str) -> list[Followed]:
        """The sources of a base as they are now: the declared ones first, then what was brought in by hand."""
        statuses = {status.origin: status for status in await self._following.statuses(base)}
        found = []
        for source in self._of(base).sources:
            status = statuses.pop(self._origin(source), None)
            last = status.began_at if status else None
            found.append(
                Followed(
                    place=source.place,
                    is_declared=True,
                    is_running=await self._is_running(status),
                    every=source.every,
                    next_at=last + timedelta(seconds=source.every_s) if last and source.every_s else None,
                    status=status,
                )
            )
        for origin, status in statuses.items():
            is_running = await self._is_running(status)
            found.append(
                Followed(
                    place=origin, is_declared=False, is_running=is_running, every="", next_at=None, status=status
                )
            )
        return found

    async def ask(self, base: str, *, allow_removals: bool = False) -> list[Asked]:
        """Have the declared sources brought in step by jobs, wherever one is free. One that waits already counts.

        Raises `NotFound`, `DatabaseUnavailable`, and what opening the base's embedder raises.
        """
        asked = []
        sources = self.sources(base)
        await self._ingest.ensure_base(base)
        for source in sources:
            origin, key = self._opened(source).origin, _key(base, source)
            status = await self._following.status(base, origin)
            arguments: Arguments = {"base": base, "place": source.place, "allow_removals": allow_removals}
            await self._jobs.defer(SYNC, arguments, key=key)
            asked.append(Asked(base, origin, status.round if status else 0, key))
        return asked

    async def follow(self, asked: Asked) -> AsyncGenerator[Progress, None]:
        """What the round behind `asked` is done with, as it is done; documents without a change only count.

        Ends with the round. Raises the error that ended it early, also when nobody is left who would end it.
        """
        after, number = 0, asked.round
        is_left_alone = False
        while True:
            status = await self._following.status(asked.base, asked.origin)
            if status is not None and status.round > number:  # it begins, or another process goes on with it
                after, number = 0, status.round
            if status is not None and number > asked.round:
                for place, step in await self._following.settled(asked.base, asked.origin, number, after):
                    after = place
                    yield step
                if status.ended_at is not None:
                    _raise(status)
                    return
            if is_left_alone:
                raise SteadyhandError(
                    f"expected {asked.origin} to be brought in step with {asked.base!r}; nobody does it any more",
                    hint="the log of `steadyhand up` says why; start it again",
                )
            is_left_alone = not await self._is_under_way(asked)
            if not is_left_alone:  # else what it left is looked at once more
                await asyncio.sleep(_POLL_S)

    async def outcomes(self, asked: Sequence[Asked]) -> dict[Outcome, int]:
        """What became of the documents of these sources in their last rounds."""
        found: Counter[Outcome] = Counter()
        for source in asked:
            if status := await self._following.status(source.base, source.origin):
                found.update(status.outcomes)
        return dict(found)

    async def running(self, base: str, source: SourceSettings) -> Asked | None:
        """For `follow`, when another process brings the source in step now; None when nobody does."""
        origin = self._opened(source).origin
        if not await self._following.is_running(base, origin):
            return None
        status = await self._following.status(base, origin)
        return Asked(base, origin, status.round - 1) if status else None

    def _of(self, base: str) -> KnowledgeSettings:
        return self._settings.knowledge.get(base, KnowledgeSettings())

    async def _as_written(self, base: str) -> KnowledgeSettings:
        """The settings of a base as they are in the file now; what was read before, where they cannot be read."""
        try:
            self._written = (await asyncio.to_thread(settings.read, self._settings.root)).knowledge
        except (NotFound, WorkspaceInvalid) as error:
            _log.warning("%s: labels stay as they were read before: %s", base, error)
        return self._written.get(base) or self._of(base)

    async def _labels_of(self, base: str, origin: str, source: SourceSettings) -> LabelsOf:
        """Patterns of the base go before the labels of a source, those before the labels of the base."""
        written = await self._as_written(base)
        declared = [one for one in written.sources if self._origin(one) == origin] or [source]
        return _labels_of(written, declared[0].access)

    def _origin(self, source: SourceSettings) -> str:
        """Of a declared source; "" for one that cannot be opened."""
        try:
            return self._opened(source).origin
        except SteadyhandError:
            return ""

    async def _is_running(self, status: SourceStatus | None) -> bool:
        if status is None or status.ended_at is not None:
            return False
        return await self._following.is_running(status.base, status.origin)

    async def _is_under_way(self, asked: Asked) -> bool:
        if asked.key and await self._jobs.is_open(asked.key):
            return True
        return await self._following.is_running(asked.base, asked.origin)

    async def _sync_job(self, arguments: Arguments) -> None:
        base, place = str(arguments["base"]), arguments["place"]
        source = next((one for one in self.sources(base) if one.place == place), None)
        if source is None:  # the settings do not name it any more
            return
        async with aclosing(self.sync(base, source, allow_removals=arguments["allow_removals"] is True)) as steps:
            async for _ in steps:
                pass
        if waiting := await self._following.failed_for_now(base, self._opened(source).origin):
            raise SourceUnreadable(
                f"{base}: expected all documents of {place}; {waiting} could not be read for now",
                hint="they are tried again",
            )

    async def _look(self, arguments: Arguments) -> None:
        """Ask for the sources whose time has come."""
        del arguments
        now = datetime.now(UTC)
        for base, configured in self._settings.knowledge.items():
            for source in configured.sources:
                if source.every_s and await self._is_due(base, source, now):
                    job: Arguments = {"base": base, "place": source.place, "allow_removals": False}
                    await self._jobs.defer(SYNC, job, key=_key(base, source))

    async def _sweep(self, arguments: Arguments) -> None:
        del arguments
        await self._ingest.readings.sweep()

    async def _is_due(self, base: str, source: SourceSettings, now: datetime) -> bool:
        status = await self._following.status(base, self._opened(source).origin)
        last = status.began_at if status else None
        return last is None or last + timedelta(seconds=source.every_s) <= now + _NEARLY


def _key(base: str, source: SourceSettings) -> str:
    return f"{SYNC} {base} {source.place}"


def _labels_of(base: KnowledgeSettings, access: Sequence[str] | None) -> LabelsOf:
    """The labels of paths; `access` is the source's own, None for one that says nothing."""

    def labels(path: str) -> frozenset[str]:
        fitting = [labels for pattern, labels in base.labels.items() if fnmatchcase(path, pattern)]
        return frozenset(fitting[-1] if fitting else base.access if access is None else access)

    return labels


def _raise(status: SourceStatus) -> None:
    if status.state == "failed":
        raise (of_code(status.error_code) or SteadyhandError)(status.error, hint=status.hint)
