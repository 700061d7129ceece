"""Step: is there something in the output that should not leave?"""

from dataclasses import replace

from steadyhand.guardrails import inspect, segments
from steadyhand.pipeline.ports import Ports
from steadyhand.types.run import Continue, Run, StepResult


async def guard_output(run: Run, ports: Ports) -> StepResult:
    """Note every finding in what the model wrote."""
    del ports
    assert run.output is not None
    report = inspect(run.feature.output_guardrails, segments(run.output, "output", "model", run.data_class))
    return Continue(replace(run, findings=(*run.findings, *report.findings)))
