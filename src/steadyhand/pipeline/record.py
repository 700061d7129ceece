"""Step: put the run on disk. No answer leaves before."""

from steadyhand.pipeline.ports import Ports
from steadyhand.types.run import Continue, Run, StepResult


async def record(run: Run, ports: Ports) -> StepResult:
    """Returns once the run's rows are committed; every path ends here. Then its answer may be kept for others."""
    await ports.record(run)
    if ports.memory is not None:
        await ports.memory.keep(run)
    return Continue(run)
