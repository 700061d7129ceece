"""A timer that is set anew all the time, and hardly ever touches the loop."""

import asyncio
from collections.abc import Callable
from math import inf

_SLACK_S = 0.001
"""Timers of the loop ring up to so much too early."""


class Alarm:
    """Calls `ring` at the instant that was set last, on the loop's clock; each rings once.

    The loop's timer comes at least every `look_s` and looks whether it is time: an instant further away than that
    is set by writing it down.
    """

    __slots__ = ("_handle", "_instant", "_look_at", "_look_s", "_loop", "_ring")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None], look_s: float) -> None:
        self._loop = loop
        self._ring = ring
        self._look_s = look_s
        self._instant = inf
        self._look_at = inf
        self._handle: asyncio.TimerHandle | None = None

    def set(self, instant: float) -> None:
        """Ring then, and not when it was set before; `inf` rings never."""
        self._instant = instant
        if instant < self._look_at:
            self._look_later()

    def cancel(self) -> None:
        """Ring no more."""
        self._instant = self._look_at = inf
        if self._handle is not None:
            self._handle.cancel()

    def _look_later(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        now = self._loop.time()
        self._look_at = now + max(_SLACK_S, min(self._instant - now, self._look_s))
        self._handle = self._loop.call_at(self._look_at, self._look)

    def _look(self) -> None:
        self._handle, self._look_at = None, inf
        if self._loop.time() + _SLACK_S < self._instant:
            if self._instant < inf:
                self._look_later()
        else:
            self._instant = inf
            self._ring()
