"""Step: is the answer already known? Today: what do the contract's rules settle without a model?"""

from dataclasses import replace

from steadyhand.checks.rules import decide
from steadyhand.checks.schema import violations
from steadyhand.pipeline.ports import Ports
from steadyhand.types.ids import ModelId
from steadyhand.types.run import Continue, Run, StepResult

RULES = ModelId("local:rules")


async def recall(run: Run, ports: Ports) -> StepResult:
    """Note the fields that rules decide, whatever a model says later; when they are all there is, ask no model."""
    del ports
    settled = decide(run.feature.rules, run.input, run.feature.input_schema)
    run = replace(run, settled=settled)
    if not settled or violations(settled, run.feature.output_schema, "output"):
        return Continue(run)
    return Continue(replace(run, output=settled, model=RULES, confidence=1.0))
