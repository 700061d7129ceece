"""How much may be tried again: retries of all requests together stay a fraction of the requests.

Without it, a provider in trouble gets several times its usual load from clients that mean well.
"""

from collections.abc import Callable
from dataclasses import dataclass

_WINDOW_S = 10
_SHARE = 0.2
_LEAST = 10
"""So many retries are fine in a window, however few requests there are."""


@dataclass(slots=True)
class _Second:
    number: int = -1
    requests: int = 0
    retries: int = 0


class RetryBudget:
    """Of one process. At most 20 % of the requests of the last 10 s, and at least 10."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seconds = [_Second() for _ in range(_WINDOW_S)]

    def count(self) -> None:
        """A request came in."""
        self._now().requests += 1

    def take(self) -> bool:
        """May a call be made again? When it may, the retry is counted."""
        now = self._now()
        recent = [each for each in self._seconds if now.number - each.number < _WINDOW_S]
        most = max(_LEAST, _SHARE * sum(each.requests for each in recent))
        if sum(each.retries for each in recent) + 1 > most:
            return False
        now.retries += 1
        return True

    def _now(self) -> _Second:
        number = int(self._clock())
        second = self._seconds[number % _WINDOW_S]
        if second.number != number:
            second.number, second.requests, second.retries = number, 0, 0
        return second
