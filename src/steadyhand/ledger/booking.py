"""What runs used of their limits becomes true together with their rows."""

from collections.abc import Sequence
from typing import Protocol

from steadyhand.storage import Transaction
from steadyhand.types.quota import Spending


class Booking(Protocol):
    """`book` writes into the transaction that writes the rows; `booked` hears when it was committed."""

    async def book(self, transaction: Transaction, spendings: Sequence[Spending]) -> None: ...

    def booked(self, spendings: Sequence[Spending]) -> None: ...
