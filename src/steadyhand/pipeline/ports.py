"""What the steps need from the world, in one value. `workspace.py` fills it; tests fill it with their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from steadyhand.routing.conditions import Conditions
from steadyhand.types.model import ModelCall
from steadyhand.types.ports import ClassOf, Complete, FindModel, Record, Search, SpentToday


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """`monotonic` counts seconds, `now` is aware and UTC, `randomness(n)` gives n bytes.

    `keep_calls` takes the calls of a step that is broken off; the engine puts them into the run.
    """

    complete: Complete
    search: Search
    find_model: FindModel
    class_of: ClassOf
    spent_today: SpentToday
    record: Record
    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    randomness: Callable[[int], bytes]
    routing: Conditions = field(default_factory=Conditions)
    keep_calls: Callable[[Sequence[ModelCall]], None] = lambda _: None
