"""What one gateway call costs, from the reservation to its rows in the journal."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Part:
    """What came of an answer that was broken off.

    `pieces` are all that its vendor sent, as it cut them, thoughts and calls included; `text` is what the client
    got of the text; `counted` are the vendor's own counts until then.
    """

    pieces: tuple[str, ...] = ()
    text: str = ""
    counted: Usage = _NOTHING


class Booking:
    """Of one call. `began_s` is on the monotonic clock. Every attempt is noted once, and then `end` is called."""

    def __init__(self, ports: GatewayPorts, exchange: Exchange) -> None:
        self.exchange = exchange
        self.reservation: Reservation | None = None
        self.began_s = ports.monotonic()
        self._ports = ports
        self._has_answer = False
        self._has_ended = False

    def note(
        self, attempt: Attempt, usage: Usage, answer: str, duration_s: float, first_token_s: float | None
    ) -> None:
        """The attempt gave the answer."""
        if usage == _NOTHING:
            usage = self._estimated(-(-len(answer) // _PER_TOKEN))
        self._add(attempt, usage, duration_s, first_token_s=first_token_s, answer=answer)
        self.exchange.model = attempt.model.id
        self._has_answer = True

    def note_failure(self, attempt: Attempt, duration_s: float, error: str) -> None:
        """The attempt gave nothing, and costs nothing."""
        self._add(attempt, _NOTHING, duration_s, error=error)

    def note_part(self, attempt: Attempt, part: Part, duration_s: float, error: str) -> Usage:
        """The attempt was broken off: it is billed by what has come."""
        usage = self._estimated(_tokens(part.pieces))
        if part.counted != _NOTHING:
            output = max(usage.output_tokens, part.counted.output_tokens)
            usage = replace(part.counted, output_tokens=output, is_estimated=True)
        self._add(attempt, usage, duration_s, error=error, answer=part.text)
        if not self._has_answer:
            self.exchange.model = attempt.model.id
        return usage

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
        if isinstance(error, SteadyhandError):
            error.run_id = exchange.run_id
        if error is not None and exchange.failure is None:
            exchange.failure = _failure(error)
            exchange.status = "refused" if isinstance(error, _REFUSED) else "failed"
        elif exchange.failure is None:
            exchange.status = "answered"
        exchange.cost_usd, used = self._total()
        if self.reservation is not None:
            exchange.spendings = self.reservation.settle(usd=exchange.cost_usd or Decimal(0), tokens=used)
        self._ports.ledger.record(exchange)

    def _estimated(self, output_tokens: int) -> Usage:
        """Tokens that nobody counted."""
        return Usage(tokens.estimate([self.exchange.prompt]), output_tokens, is_estimated=True)

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


def _tokens(pieces: Sequence[str]) -> int:
    """How many the pieces of a vendor hold that nobody counted: one each, where they are as short as tokens."""
    length = sum(map(len, pieces))
    is_token_each = length <= _SHORT_PIECE * len(pieces)
    return len(pieces) if is_token_each else -(-length // _PER_TOKEN)


def _failure(error: BaseException) -> Failure:
    if isinstance(error, SteadyhandError):
        return Failure(error.code, str(error), error.hint)
    if isinstance(error, asyncio.CancelledError):
        return Failure(RunCancelled.code, "the client went away")
    return Failure(SteadyhandError.code, f"the gateway broke: {type(error).__name__}")
