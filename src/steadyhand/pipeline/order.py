"""The path of a run, read from top to bottom. Nothing else decides what comes next."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from steadyhand.pipeline.admit import admit
from steadyhand.pipeline.choose import choose
from steadyhand.pipeline.decide_review import decide_review
from steadyhand.pipeline.generate import generate
from steadyhand.pipeline.guard_input import guard_input
from steadyhand.pipeline.guard_output import guard_output
from steadyhand.pipeline.judge import judge
from steadyhand.pipeline.ports import Ports
from steadyhand.pipeline.recall import recall
from steadyhand.pipeline.record import record
from steadyhand.pipeline.reserve import reserve
from steadyhand.pipeline.retrieve import retrieve
from steadyhand.pipeline.validate import validate
from steadyhand.types.run import Run, StepResult

Step: TypeAlias = Callable[[Run, Ports], Awaitable[StepResult]]

STEPS: tuple[Step, ...] = (
    admit,
    guard_input,
    recall,
    retrieve,
    choose,
    reserve,
    generate,
    validate,
    guard_output,
    judge,
    decide_review,
    record,
)
