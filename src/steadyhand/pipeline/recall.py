"""Step: is the answer already known? Today: do the contract's rules settle every field without a model?"""

from dataclasses import replace

from steadyhand.checks.rules import decide
from steadyhand.checks.schema import violations
from steadyhand.pipeline.ports import Ports
from steadyhand.types.ids import ModelId
from steadyhand.types.run import Continue, Run, StepResult

RULES = ModelId("local:rules")


async def recall(run: Run, ports: Ports) -> StepResult:
    """Take the output from the rules when they alone make a complete one; no model is asked then."""
    del ports
    decided = decide(run.feature.rules, run.input, run.feature.input_schema)
    if not decided or violations(decided, run.feature.output_schema, "output"):
        return Continue(run)
    return Continue(replace(run, output=decided, model=RULES, confidence=1.0))
