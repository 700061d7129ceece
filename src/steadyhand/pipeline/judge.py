"""Step: how sure are we? The model's own estimate, never above what the sources support."""

from dataclasses import replace

from steadyhand.pipeline.ports import Ports
from steadyhand.scorers.grounded import score
from steadyhand.types.run import Continue, Run, StepResult


async def judge(run: Run, ports: Ports) -> StepResult:
    """Set the confidence; None when neither the model nor the evidence says anything about it."""
    del ports
    assert run.output is not None
    stated = run.completion.confidence if run.completion else run.confidence
    text = run.output.get(run.feature.text_field)
    supported = (
        score(text, [item.quote for item in run.evidence]) if isinstance(text, str) and run.evidence else None
    )
    known = [value for value in (stated, supported) if value is not None]
    return Continue(replace(run, confidence=min(known) if known else None))
