"""Calls of a store: within their time, asked again when the store was away, and with our errors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from steadyhand.errors import StorageError, StoreUnavailable
from steadyhand.hints import excerpt
from steadyhand.tables.stores import StoreSettings

_log = logging.getLogger(__name__)

_ATTEMPTS = 3
_PAUSE_S = 0.2  # before the second attempt; four times as long before the third

Given = TypeVar("Given")


class NotThere(Exception):
    """The store has no such collection."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The exceptions of a client's library: which of them mean that there is no such collection, or may pass."""

    kinds: tuple[type[Exception], ...]
    is_missing: Callable[[Exception], bool]
    is_away: Callable[[Exception], bool]


class Calls:
    """Of one store. All verbs may be repeated, so whatever writes is asked again; a search has no time for that."""

    def __init__(self, settings: StoreSettings, key: str, faults: Faults) -> None:
        self._settings = settings
        self._key = key
        self._faults = faults

    async def search(self, ask: Callable[[], Awaitable[Given]]) -> Given:
        """Raises `NotThere`, `StoreUnavailable`, or `StorageError` for what was refused."""
        return await self._asked(ask, self._settings.search_s)

    async def write(self, ask: Callable[[], Awaitable[Given]]) -> Given:
        """Like `search`, for everything else."""
        for attempt in range(_ATTEMPTS - 1):
            try:
                return await self._asked(ask, self._settings.write_s)
            except StoreUnavailable as error:
                _log.info("%s; asked again", error)
                await asyncio.sleep(_PAUSE_S * 4**attempt)
        return await self._asked(ask, self._settings.write_s)

    async def _asked(self, ask: Callable[[], Awaitable[Given]], within_s: float) -> Given:
        kind = self._settings.kind
        try:
            async with asyncio.timeout(within_s):
                return await ask()
        except self._faults.kinds as error:
            if self._faults.is_missing(error):
                raise NotThere from None
            if self._faults.is_away(error):
                raise StoreUnavailable(f"{kind} does not answer: {self._said(error)}", hint=_HINT) from None
            raise StorageError(f"{kind} refused: {self._said(error)}", hint="are its url and key right?") from None
        except (OSError, TimeoutError) as error:
            said = self._said(error) or f"nothing came within {within_s:g} s"
            raise StoreUnavailable(f"{kind} does not answer: {said}", hint=_HINT) from None

    def _said(self, error: Exception) -> str:
        """The first words of a library's message, without the key."""
        said = " ".join(str(error).split())
        return excerpt(said.replace(self._key, "…") if self._key else said)


_HINT = "nothing is lost: PostgreSQL has everything, and the store gets what it lacks when it is back"
