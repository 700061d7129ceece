"""What people have switched off: models, providers, features, or everything.

`Switches` is what a process knows; asking it costs nothing. `SwitchStore` keeps the truth in the database, and
`Watch` brings it into the process every 2 s. When the database is away, what was known last counts.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from steadyhand.errors import InvalidInput, StorageError
from steadyhand.storage import Database
from steadyhand.types.ids import ModelId

_log = logging.getLogger(__name__)

_EVERY_S = 2.0
_EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Off:
    """`target` is a model's id, `provider:NAME`, `feature:NAME`, or `*` for everything."""

    target: str
    reason: str
    by: str
    at: datetime


class Switches:
    """What is off, as far as this process knows."""

    def __init__(self) -> None:
        self._off: dict[str, Off] = {}

    def replace(self, off: Iterable[Off]) -> None:
        """From now on, this and nothing else is off."""
        self._off = {each.target: each for each in off}

    def __call__(self, model: ModelId, feature: str = "") -> str:
        """Why the model may not be asked, for this feature; "" when it may."""
        if not self._off:
            return ""
        provider = model.partition(":")[0]
        for target in (_EVERYTHING, f"feature:{feature}", f"provider:{provider}", model):
            found = self._off.get(target)
            if found is not None:
                return f"{model}: {found.by} switched {_named(target)} off: {found.reason}"
        return ""


class SwitchStore:
    """The switches of all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def off(self, target: str, *, reason: str, by: str) -> None:
        """Switch the target off; it counts in every process within 5 s. A second time changes who and why.

        Raises `InvalidInput` for a target that is none.
        """
        _require_target(target)
        await self._database.execute(
            "INSERT INTO switch_off (target, reason, by) VALUES (%s, %s, %s) ON CONFLICT (target)"
            " DO UPDATE SET reason = excluded.reason, by = excluded.by, at = now()",
            [target, reason, by],
        )

    async def on(self, target: str) -> bool:
        """Switch the target on again; False when it was not off."""
        return bool(await self._database.execute("DELETE FROM switch_off WHERE target = %s", [target]))

    async def all(self) -> list[Off]:
        """Everything that is off, the newest first."""
        rows = await self._database.rows("SELECT target, reason, by, at FROM switch_off ORDER BY at DESC, target")
        return [Off(**row) for row in rows]


class Watch:
    """Keeps `switches` as the store says, from `start` to `close`."""

    def __init__(self, store: SwitchStore, switches: Switches, every_s: float = _EVERY_S) -> None:
        self._store = store
        self._switches = switches
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        """Look, so that the first run knows already what is off, and go on looking.

        Raises `StorageError` when the first look fails: without it nothing is known that could count.
        """
        self._switches.replace(await self._store.all())
        self._task = asyncio.create_task(self._look_forever(), name="switches")
        return self

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                self._switches.replace(await self._store.all())
            except StorageError as error:
                _log.warning("the switches cannot be read, the last known ones count: %s", error)


def _named(target: str) -> str:
    return "everything" if target == _EVERYTHING else target.removeprefix("provider:").removeprefix("feature:")


def _require_target(target: str) -> None:
    kind, _, name = target.partition(":")
    if target != _EVERYTHING and not (kind and name):
        raise InvalidInput(
            f"expected provider:name of a model, provider:NAME, feature:NAME or *; found {target!r}",
            hint="steadyhand route off openai:gpt-4o-mini --reason '...'",
        )
