"""What one gateway call costs, from the reservation to its rows in the journal."""

import asyncio
from decimal import Decimal

from steadyhand.catalog import tokens
from steadyhand.errors import (
    AccessError,
    BudgetExceeded,
    InvalidInput,
    NotFound,
    RateLimited,
    RunCancelled,
    SteadyhandError,
)
from steadyhand.pipeline.gateway.ports import GatewayPorts
from steadyhand.routing.attempts import Attempt
from steadyhand.routing.cost import cost_usd
from steadyhand.types.exchange import Exchange
from steadyhand.types.model import ModelCall, Price, Usage
from steadyhand.types.quota import Reservation
from steadyhand.types.run import Failure

_SHORT_PIECE = 12  # characters: vendors whose pieces are shorter on average send one token in each
_PER_TOKEN = 4  # characters of a token where pieces are longer
_NOTHING = Usage()
_REFUSED = (InvalidInput, NotFound, AccessError, BudgetExceeded, RateLimited)


class Booking:
    """Of one call. `began_s` is on the monotonic clock. Every attempt is noted once, and then `end` is called."""

    def __init__(self, ports: GatewayPorts, exchange: Exchange) -> None:
        self.exchange = exchange
        self.reservation: Reservation | None = None
        self.began_s = ports.monotonic()
        self._ports = ports
        self._has_ended = False

    def note(
        self, attempt: Attempt, usage: Usage, answer: str, duration_s: float, first_token_s: float | None
    ) -> None:
        """The attempt gave the answer."""
        if usage == _NOTHING:
            usage = self.estimated(answer, 0)
        self._add(attempt, usage, duration_s, first_token_s=first_token_s, answer=answer)
        self.exchange.model = attempt.model.id

    def note_failure(self, attempt: Attempt, duration_s: float, error: str) -> None:
        """The attempt gave nothing, and costs nothing."""
        self._add(attempt, _NOTHING, duration_s, error=error)

    def note_part(self, attempt: Attempt, text: str, pieces: int, duration_s: float, error: str) -> Usage:
        """The attempt gave a part of the answer, or was broken off: it is billed by what has come."""
        usage = self.estimated(text, pieces)
        self._add(attempt, usage, duration_s, error=error, answer=text)
        self.exchange.model = attempt.model.id
        return usage

    def estimated(self, text: str, pieces: int) -> Usage:
        """Tokens that nobody counted. `pieces` is how many the vendor cut the text into, 0 for a whole answer."""
        is_token_each = pieces > 0 and len(text) <= _SHORT_PIECE * pieces
        output = pieces if is_token_each else -(-len(text) // _PER_TOKEN)
        return Usage(tokens.estimate([self.exchange.prompt]), output, is_estimated=True)

    def refuse(self, error: SteadyhandError) -> None:
        """The client is told by the vendor's own words that its request is wrong."""
        self.exchange.failure = _failure(error)
        self.exchange.status = "refused"

    def end(self, error: BaseException | None) -> None:
        """Settle what was set aside, and put the call's rows into the journal; a second call does nothing.

        Raises `StorageError` when they could not be written.
        """
        if self._has_ended:
            return
        self._has_ended = True
        exchange = self.exchange
        exchange.duration_s = self._ports.monotonic() - self.began_s
        if error is not None:
            exchange.failure = _failure(error)
            exchange.status = "refused" if isinstance(error, _REFUSED) else "failed"
            if isinstance(error, SteadyhandError):
                error.run_id = exchange.run_id
        elif exchange.failure is None:
            exchange.status = "answered"
        exchange.cost_usd, used = self._total()
        if self.reservation is not None:
            exchange.spendings = self.reservation.settle(usd=exchange.cost_usd or Decimal(0), tokens=used)
        self._ports.ledger.record(exchange)

    def _total(self) -> tuple[Decimal | None, int]:
        """What all attempts cost together, None when a price is unknown, and how many tokens they took."""
        cost: Decimal | None = Decimal(0)
        count = 0
        for call in self.exchange.calls:
            count += call.usage.input_tokens + call.usage.output_tokens
            cost = None if cost is None or call.cost_usd is None else cost + call.cost_usd
        return cost, count

    def _add(
        self,
        attempt: Attempt,
        usage: Usage,
        duration_s: float,
        *,
        first_token_s: float | None = None,
        error: str = "",
        answer: str = "",
    ) -> None:
        model = attempt.model
        call = ModelCall(
            model=model.id,
            attempt=attempt.number - 1,
            usage=usage,
            cost_usd=_cost_usd(usage, model.price),
            price=model.price,
            duration_s=duration_s,
            first_token_s=first_token_s,
            error=error,
            prompt=self.exchange.prompt,
            answer=answer,
        )
        self.exchange.calls.append(call)


def _cost_usd(usage: Usage, price: Price | None) -> Decimal | None:
    """An attempt that gave nothing is free, whatever its price."""
    if usage is _NOTHING:
        return Decimal(0)
    return cost_usd(usage, price) if price else None


def _failure(error: BaseException) -> Failure:
    if isinstance(error, SteadyhandError):
        return Failure(error.code, str(error), error.hint)
    if isinstance(error, asyncio.CancelledError):
        return Failure(RunCancelled.code, "the client went away")
    return Failure(SteadyhandError.code, f"the gateway broke: {type(error).__name__}")
