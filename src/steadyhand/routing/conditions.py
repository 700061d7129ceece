"""What routing knows of the moment: one value for everything that calls models in a process."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from steadyhand.routing.flags import Flags, unset
from steadyhand.routing.health import Health
from steadyhand.routing.retry_budget import RetryBudget
from steadyhand.routing.switches import Switches

RunsToday = Callable[[str], Awaitable[int]]
"""How often a feature has run since midnight UTC, about."""


async def _none(feature: str) -> int:
    del feature
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Made once and shared, so that a model that fails is left alone by features and the gateway alike."""

    health: Health = field(default_factory=lambda: Health(time.monotonic))
    retries: RetryBudget = field(default_factory=lambda: RetryBudget(time.monotonic))
    switches: Switches = field(default_factory=Switches)
    flags: Flags = unset
    runs_today: RunsToday = _none
