"""What may be spent: money in a day, requests and tokens in a minute."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

Unit = Literal["usd", "requests", "tokens"]

WINDOW_S: dict[Unit, int] = {"usd": 86_400, "requests": 60, "tokens": 60}
"""How long a limit of each unit holds, in seconds. Windows begin at multiples of it since the epoch, in UTC."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so much in one window.

    `scope` says of whom: `key:ID`, `user:KEY/NAME` (every key has users of its own), `feature:NAME` or `workspace`.
    """

    scope: str
    unit: Unit
    most: Decimal


@dataclass(frozen=True, slots=True)
class Spending:
    """What a call used of a limit's window. `window` counts windows since the epoch."""

    scope: str
    unit: Unit
    window: int
    amount: Decimal


class Reservation(Protocol):
    """What was set aside for one call. Exactly one of the two is called, once."""

    def settle(self, *, usd: Decimal, tokens: int) -> tuple[Spending, ...]:
        """Give back what was not used; what was goes to the ledger, which books it with the call's row."""
        ...

    def release(self) -> None:
        """Give everything back: the call was never made."""
        ...


class Reserve(Protocol):
    """Set aside, under every limit at once, what a call may use at most.

    Raises `BudgetExceeded` or `RateLimited` when one of them has no room for it; then nothing is set aside.
    """

    async def __call__(self, limits: tuple[Limit, ...], *, usd: Decimal, tokens: int) -> Reservation: ...
