"""Step: have a model answer; when it is down or slow, the next one."""

from dataclasses import replace

from steadyhand.pipeline.asking import Asking
from steadyhand.pipeline.ports import Ports
from steadyhand.prompts.render import messages, wire_schema
from steadyhand.routing.attempts import Attempts
from steadyhand.types.model import CompletionRequest, Task
from steadyhand.types.run import Continue, Failure, Run, StepResult, Stop


async def generate(run: Run, ports: Ports) -> StepResult:
    """The first completion of the allowed candidates, in order. Every call is kept, also those that failed."""
    if run.output is not None:
        return Continue(run)
    attempts = _attempts(run, ports)
    asking = Asking(attempts, ports, _request(run), run.attempt, run.feature.routing.hedge_s)
    answer = await asking.answer(run.deadline)
    run = replace(run, calls=(*run.calls, *asking.calls))
    if answer is None:
        failure = attempts.failure
        return Stop(run, "failed", Failure(failure.code, str(failure), failure.hint))
    return Continue(replace(run, completion=answer.completion, model=answer.model.id))


def _attempts(run: Run, ports: Ports) -> Attempts:
    """Of the candidates that are still allowed: one may have been switched off since they were chosen."""
    routing = ports.routing
    models = [
        candidate.model
        for candidate in run.candidates
        if candidate.is_allowed and not routing.switches(candidate.model.id, run.feature.name)
    ]
    return Attempts(
        models,
        routing.health,
        routing.retries,
        deadline=run.deadline,
        clock=ports.monotonic,
        jitter=lambda: int.from_bytes(ports.randomness(4), "big") / 2**32,
        is_ours=True,
    )


def _request(run: Run) -> CompletionRequest:
    passages = run.retrieval.passages if run.retrieval else ()
    return CompletionRequest(
        messages=messages(run.feature, run.input, passages, run.feedback, run.data_class),
        task=Task(
            input=run.input,
            query=run.query,
            output_schema=run.feature.output_schema,
            passages=passages,
            examples=run.feature.examples,
            settled=run.settled,
        ),
        output_schema=wire_schema(run.feature),
        timeout_s=run.feature.model_timeout_s,
    )
