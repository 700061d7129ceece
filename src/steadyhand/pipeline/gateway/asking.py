"""Asks models for a gateway call until one gives the whole of what is wanted, and books every attempt."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from steadyhand.errors import ProviderError, SteadyhandError
from steadyhand.pipeline.first import first_answer
from steadyhand.pipeline.gateway.booking import Booking, Part
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
        found = await first_answer(self._attempts, self._one, self._hedge_s)
        if found is None:
            raise self._attempts.failure
        return found.wanted

    async def _one(self, attempt: Attempt) -> Got[Wanted] | None:
        ports, began_s = self._ports, self._ports.monotonic()
        try:
            found = await self._ask(attempt.model)
        except ProviderError as error:
            self._attempts.failed(attempt, error)
            self._booking.note_failure(attempt, ports.monotonic() - began_s, str(error))
            return None
        except SteadyhandError as error:  # the request is wrong, and was not sent
            self._attempts.abandoned(attempt)
            self._booking.note_failure(attempt, ports.monotonic() - began_s, str(error))
            raise
        except BaseException:
            self._attempts.abandoned(attempt)
            self._booking.note_part(attempt, Part(), ports.monotonic() - began_s, "broken off")
            raise
        duration_s = ports.monotonic() - began_s
        self._attempts.succeeded(attempt, duration_s)
        self._booking.note(attempt, found.usage, found.text, duration_s, None)
        return found
