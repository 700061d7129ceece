"""Asks models one after the other until one gives the whole of what is wanted; a second one beside a slow first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from steadyhand.errors import ProviderError
from steadyhand.pipeline.gateway.booking import Booking
from steadyhand.pipeline.gateway.ports import GatewayPorts
from steadyhand.routing.attempts import Attempt, Attempts
from steadyhand.types.model import Model, Usage

Wanted = TypeVar("Wanted")


@dataclass(frozen=True, slots=True)
class Got(Generic[Wanted]):
    """What a model gave, with what it took and its text for the ledger."""

    wanted: Wanted
    usage: Usage
    text: str


class Asking(Generic[Wanted]):
    """Of one call. Every attempt is noted in `booking`, also one that another was faster than."""

    def __init__(
        self,
        ports: GatewayPorts,
        booking: Booking,
        attempts: Attempts,
        ask: Callable[[Model], Awaitable[Got[Wanted]]],
        hedge_s: float | None = None,
    ) -> None:
        self._ports = ports
        self._booking = booking
        self._attempts = attempts
        self._ask = ask
        self._hedge_s = hedge_s

    async def first(self) -> Wanted:
        """The first answer. Raises the last failure when nobody is left to ask."""
        while (attempt := self._attempts.next()) is not None:
            if attempt.wait_s:
                await asyncio.sleep(attempt.wait_s)
            found = await (self._one(attempt) if self._hedge_s is None else self._race(attempt, self._hedge_s))
            if found is not None:
                return found.wanted
        raise self._attempts.failure

    async def _one(self, attempt: Attempt) -> Got[Wanted] | None:
        ports, began_s = self._ports, self._ports.monotonic()
        try:
            found = await self._ask(attempt.model)
        except ProviderError as error:
            self._attempts.failed(attempt, error)
            self._booking.note_failure(attempt, ports.monotonic() - began_s, str(error))
            return None
        except BaseException:
            self._attempts.abandoned(attempt)
            self._booking.note_part(attempt, "", 0, ports.monotonic() - began_s, "broken off")
            raise
        duration_s = ports.monotonic() - began_s
        self._attempts.succeeded(attempt, duration_s)
        self._booking.note(attempt, found.usage, found.text, duration_s, None)
        return found

    async def _race(self, first: Attempt, hedge_s: float) -> Got[Wanted] | None:
        """The first good answer of this model and of those asked beside it; the others are broken off."""
        running = {asyncio.create_task(self._one(first))}
        try:
            while running:
                done, running = await asyncio.wait(running, timeout=hedge_s, return_when=asyncio.FIRST_COMPLETED)
                for found in (task.result() for task in done):
                    if found is not None:
                        return found
                beside = self._attempts.hedge() if running else None
                if beside is not None:
                    running.add(asyncio.create_task(self._one(beside)))
            return None
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
