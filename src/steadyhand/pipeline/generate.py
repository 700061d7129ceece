"""Step: have a model answer; when it is down or slow, the next one."""

from dataclasses import replace

from steadyhand.errors import NoModel
from steadyhand.pipeline.asking import Asking
from steadyhand.pipeline.ports import Ports
from steadyhand.prompts.render import messages, stable, wire_schema
from steadyhand.routing.attempts import Attempts
from steadyhand.types.model import Candidate, CompletionRequest, Model, Task
from steadyhand.types.run import Continue, Failure, Run, StepResult, Stop


async def generate(run: Run, ports: Ports) -> StepResult:
    """The first completion of the allowed candidates, in order. Every call is kept, also those that failed."""
    if run.output is not None:
        return Continue(run)
    candidates = [_now(candidate, run, ports) for candidate in run.candidates]
    models = [candidate.model for candidate in candidates if candidate.is_allowed]
    if not models:
        reasons = "; ".join(candidate.reason for candidate in candidates)
        return Stop(run, "failed", Failure(NoModel.code, f"no model may serve this run: {reasons}"))
    attempts = attempts_of(run, ports, models)
    asking = Asking(attempts, ports, _request(run), run.attempt, run.feature.routing.hedge_s)
    try:
        answer = await asking.answer(run.deadline)
    except BaseException:
        ports.keep(replace(run, calls=(*run.calls, *asking.calls)))
        raise
    run = replace(run, calls=(*run.calls, *asking.calls))
    if answer is None:
        failure = attempts.failure
        return Stop(run, "failed", Failure(failure.code, str(failure), failure.hint))
    return Continue(replace(run, completion=answer.completion, model=answer.model.id))


def _now(candidate: Candidate, run: Run, ports: Ports) -> Candidate:
    """The candidate as it is now: it may have been switched off since it was chosen."""
    off = ports.routing.switches(candidate.model.id, run.feature.name)
    return replace(candidate, is_allowed=False, reason=off) if off and candidate.is_allowed else candidate


def attempts_of(run: Run, ports: Ports, models: list[Model]) -> Attempts:
    """The policy of one request for the run: which model is asked next, and when."""
    return Attempts(
        models,
        ports.routing.health,
        ports.routing.retries,
        deadline=run.deadline,
        clock=ports.monotonic,
        jitter=lambda: int.from_bytes(ports.randomness(4), "big") / 2**32,
        is_ours=True,
    )


def _request(run: Run) -> CompletionRequest:
    passages = run.retrieval.passages if run.retrieval else ()
    told = messages(
        run.feature,
        run.input,
        passages,
        run.feedback,
        run.data_class,
        today=run.started_at.date(),
        disagree=run.retrieval.contradictions if run.retrieval else (),
    )
    return CompletionRequest(
        messages=told,
        stable_messages=stable(told),
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
