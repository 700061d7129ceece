"""What one process knows of one limit's window: what it has leased, and what its calls do with it. No I/O."""

import asyncio
from decimal import Decimal

from steadyhand.access.quota_store import Window
from steadyhand.types.quota import Spending

_ZERO = Decimal(0)


class Account:
    """What is leased is `room + reserved + unbooked`, as far as calls kept to what they had reserved.

    `room` may be used by the next call; it is below 0 when a call used more than was leased. `unbooked` was used
    and is not in the database yet. Whoever changes the lease in the database has the `lock`.
    """

    __slots__ = (
        "_is_used", "_keep", "_least_room", "lock", "refused_left", "refused_until_s", "reserved", "room",
        "unbooked", "waiting", "window",
    )  # fmt: skip

    def __init__(self, window: Window) -> None:
        self.window = window
        self.room = self.reserved = self.unbooked = _ZERO
        self.lock = asyncio.Lock()
        self.waiting = 0  # calls that found no room and wait for a lease
        self.refused_until_s, self.refused_left = 0.0, _ZERO
        self._least_room = self._keep = _ZERO
        self._is_used = True

    def reserve(self, amount: Decimal) -> None:
        self.room -= amount
        self.reserved += amount
        self._is_used = True
        if self.room < self._least_room:  # noqa: PLR1730 - a call of `min` would cost more than all the rest
            self._least_room = self.room

    def settle(self, amount: Decimal, used: Decimal) -> None:
        """A call that had reserved `amount` has used `used`."""
        self.reserved -= amount
        self.unbooked += used
        self.room += amount - used

    def leased(self, amount: Decimal, *, keep: Decimal) -> None:
        """`keep` is what an account in use does not give back, though it was not needed."""
        self.room += amount
        self._keep = keep

    def covered(self, amount: Decimal) -> Decimal:
        """How much of what was used is taken from the lease when it is booked: never what calls have reserved."""
        return max(_ZERO, min(amount, self.unbooked, self.room + self.unbooked))

    def booked(self, amount: Decimal) -> None:
        ours = min(amount, self.unbooked)
        self.room += ours - self.covered(amount)
        self.unbooked -= ours

    def is_idle(self) -> bool:
        """Nothing is under way, and nothing was since `take_unused`."""
        return not (self._is_used or self.waiting or self.reserved or self.unbooked)

    def take_unused(self) -> Decimal:
        """What was room all the time since the last call, less what is kept: it is room no longer."""
        unused = _ZERO
        if not self.waiting:
            keep = self._keep if self._is_used else _ZERO
            unused = max(_ZERO, min(self._least_room, self.room) - keep)
        self.room -= unused
        self._least_room = self.room
        self._is_used = False
        return unused

    def lose(self) -> None:
        """The lease is void."""
        self.room = -(self.reserved + self.unbooked)


class Held:
    """What one call has set aside, account by account."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[tuple[Account, Decimal]] = []

    def add(self, account: Account, amount: Decimal) -> None:
        account.reserve(amount)
        self._parts.append((account, amount))

    def settle(self, *, usd: Decimal, tokens: int) -> tuple[Spending, ...]:
        """Give back what was not used; what was has to be booked."""
        counted = Decimal(tokens)
        spendings = []
        for account, amount in self._parts:
            scope, unit, number = account.window
            used = usd if unit == "usd" else counted if unit == "tokens" else amount
            account.settle(amount, used)
            if used:
                spendings.append(Spending(scope, unit, number, used))
        return tuple(spendings)

    def release(self) -> None:
        """Give everything back."""
        for account, amount in self._parts:
            account.settle(amount, _ZERO)
