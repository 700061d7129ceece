"""Step: what is in the input that decides how far it may travel, or that tries to give orders?"""

from dataclasses import replace

from steadyhand.guardrails import inspect, segments
from steadyhand.pipeline.ports import Ports
from steadyhand.types.run import Continue, Run, StepResult


async def guard_input(run: Run, ports: Ports) -> StepResult:
    """Note every finding and raise the run's data class to that of the gravest one."""
    del ports
    report = inspect(run.feature.input_guardrails, segments(run.input, "input", "caller", run.data_class))
    return Continue(replace(run, findings=report.findings, data_class=report.data_class))
