"""Step: which models may see this run, and in which order are they tried?"""

from dataclasses import replace

from steadyhand.errors import NoModel
from steadyhand.pipeline.ports import Ports
from steadyhand.routing.choose import candidates
from steadyhand.types.run import Continue, Run, StepResult


async def choose(run: Run, ports: Ports) -> StepResult:
    """Keep every candidate with the reason why it may serve or not; fail when none may."""
    if run.output is not None:
        return Continue(run)
    found = candidates(run.feature, run.data_class, ports.find_model)
    if not any(candidate.is_allowed for candidate in found):
        reasons = "; ".join(candidate.reason for candidate in found)
        raise NoModel(
            f"no model may serve this run: {reasons}", hint="change models.try, or a provider's clearance"
        )
    return Continue(replace(run, candidates=found))
