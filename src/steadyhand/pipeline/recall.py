"""Step: is the answer already known, by the contract's rules or from a run before?"""

from dataclasses import replace

from steadyhand.checks.rules import decide
from steadyhand.checks.schema import violations
from steadyhand.pipeline.ports import Ports
from steadyhand.types.ids import ModelId
from steadyhand.types.run import Continue, Run, StepResult

RULES = ModelId("local:rules")


async def recall(run: Run, ports: Ports) -> StepResult:
    """Note the fields that rules decide, whatever a model says later; when they are all there is, ask no model.

    A run whose feature has a cache repeats the answer that was given before, where there is one.
    """
    settled = decide(run.feature.rules, run.input, run.feature.input_schema)
    run = replace(run, settled=settled)
    if settled and not violations(settled, run.feature.output_schema, "output"):
        return Continue(replace(run, output=settled, model=RULES, confidence=1.0))
    if ports.memory is not None and (known := await ports.memory.recalled(run)):
        return Continue(known, f"cache hit of run {known.recalled}")
    return Continue(run)
