"""Step: what is in the input that decides how far it may travel, or that tries to give orders?"""

import asyncio
from dataclasses import replace

from steadyhand.guardrails import inspect, segments
from steadyhand.pipeline.ports import Ports
from steadyhand.types.run import Continue, Run, StepResult

_LONG = 20_000  # characters from which on a look takes long enough to hold others up


async def guard_input(run: Run, ports: Ports) -> StepResult:
    """Note every finding and raise the run's data class to that of the gravest one."""
    del ports
    texts = list(segments(run.input, "input", "caller", run.data_class))
    if sum(len(text.text) for text in texts) > _LONG:
        report = await asyncio.to_thread(inspect, run.feature.input_guardrails, texts)
    else:
        report = inspect(run.feature.input_guardrails, texts)
    return Continue(replace(run, findings=report.findings, data_class=report.data_class))
