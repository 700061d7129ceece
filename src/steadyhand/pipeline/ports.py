"""What the steps need from the world, in one value. `workspace.py` fills it; tests fill it with their own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from steadyhand.pipeline.memory import Memory
from steadyhand.routing.conditions import Conditions
from steadyhand.types.ports import ClassOf, Complete, FindModel, Record, Search, SpentToday, StillVisible
from steadyhand.types.quota import Limit, Reserve
from steadyhand.types.run import Principal, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """`monotonic` counts seconds, `now` is aware and UTC, `randomness(n)` gives n bytes.

    `limits_of` gives the limits of a caller and the end user it acts for.
    `keep` takes the run in the middle of a step, for the engine to go on from when the step is broken off.
    """

    complete: Complete
    search: Search
    still_visible: StillVisible
    find_model: FindModel
    class_of: ClassOf
    spent_today: SpentToday
    record: Record
    limits_of: Callable[[Principal, str], tuple[Limit, ...]]
    reserve: Reserve
    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    randomness: Callable[[int], bytes]
    routing: Conditions = field(default_factory=Conditions)
    memory: Memory | None = None
    keep: Callable[[Run], None] = lambda _: None
