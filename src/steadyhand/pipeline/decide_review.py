"""Step: does a person have to look at this first?"""

from steadyhand.checks.rules import holds
from steadyhand.pipeline.ports import Ports
from steadyhand.types.run import Continue, Park, ReviewTask, Run, StepResult


async def decide_review(run: Run, ports: Ports) -> StepResult:
    """Park the run when a check asks for it, or when the contract's `review.when` holds.

    A rule about a confidence that nobody stated holds: unsure is what review is for.
    """
    del ports
    review = run.feature.review
    asked = [check for check in run.checks if check.severity == "review" and not check.ok]
    if asked:
        return Park(run, ReviewTask("; ".join(f"{check.id}: {check.detail}" for check in asked), review.due_s))
    values = {"input": run.input, "output": run.output, "confidence": run.confidence or 0.0}
    if review.when and holds(review.when, values):
        return Park(run, ReviewTask(f"review.when holds: {review.when}", review.due_s))
    return Continue(run)
