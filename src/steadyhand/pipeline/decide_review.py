"""Step: does a person have to look at this first?"""

from steadyhand.checks.rules import holds, values
from steadyhand.pipeline.ports import Ports
from steadyhand.types.run import Continue, Park, ReviewTask, Run, StepResult


async def decide_review(run: Run, ports: Ports) -> StepResult:
    """Park the run when a check asks for it, or when the contract's `review.when` holds.

    A confidence that nobody stated counts as none, and a rule that cannot be evaluated holds: unsure is what review
    is for.
    """
    del ports
    review = run.feature.review
    asked = [check for check in run.checks if check.severity == "review" and not check.ok]
    if asked:
        return Park(run, ReviewTask("; ".join(f"{check.id}: {check.detail}" for check in asked), review.due_s))
    assert run.output is not None
    schemas = (run.feature.input_schema, run.feature.output_schema)
    known = values(run.input, run.output, schemas, run.evidence, run.confidence or 0.0)
    if review.when and holds(review.when, known, otherwise=True):
        return Park(run, ReviewTask(f"review.when holds: {review.when}", review.due_s))
    return Continue(run)
