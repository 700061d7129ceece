"""Step: have a model answer; when it is down or slow, the next one."""

import asyncio
from dataclasses import replace

from steadyhand.errors import NoModel, ProviderError, ProviderTimeout
from steadyhand.pipeline.ports import Ports
from steadyhand.prompts.render import messages, wire_schema
from steadyhand.routing.cost import cost_usd
from steadyhand.types.model import Completion, CompletionRequest, Model, ModelCall, Task, Usage
from steadyhand.types.run import Continue, Failure, Run, StepResult, Stop


async def generate(run: Run, ports: Ports) -> StepResult:
    """The first completion of the allowed candidates, in order. Every call is kept, also those that failed."""
    if run.output is not None:
        return Continue(run)
    failure = Failure(NoModel.code, "no model was left to try")
    for candidate in run.candidates:
        left_s = run.deadline - ports.monotonic()
        if not candidate.is_allowed or left_s <= 0:
            continue
        request = _request(run, timeout_s=min(left_s, run.feature.model_timeout_s))
        began = ports.monotonic()
        try:
            completion = await _bounded(ports, candidate.model, request)
        except ProviderError as error:
            failure = Failure(error.code, str(error), error.hint)
            run = _with_call(run, candidate.model, request, ports.monotonic() - began, error=str(error))
            continue
        run = _with_call(run, candidate.model, request, ports.monotonic() - began, completion=completion)
        return Continue(replace(run, completion=completion, model=candidate.model.id))
    return Stop(run, "failed", failure)


async def _bounded(ports: Ports, model: Model, request: CompletionRequest) -> Completion:
    """The completion within the request's time, whatever the provider does."""
    try:
        async with asyncio.timeout(request.timeout_s):
            return await ports.complete(model, request)
    except TimeoutError:
        raise ProviderTimeout(f"{model.id} did not answer within {request.timeout_s:.1f} s") from None


def _request(run: Run, *, timeout_s: float) -> CompletionRequest:
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
        timeout_s=timeout_s,
    )


def _with_call(
    run: Run,
    model: Model,
    request: CompletionRequest,
    duration_s: float,
    *,
    completion: Completion | None = None,
    error: str = "",
) -> Run:
    usage = completion.usage if completion else Usage()
    call = ModelCall(
        model=model.id,
        attempt=run.attempt,
        usage=usage,
        cost_usd=cost_usd(usage, model.price) if model.price else None,
        price=model.price,
        duration_s=duration_s,
        first_token_s=completion.first_token_s if completion else None,
        error=error,
        prompt="\n\n".join(message.text for message in request.messages),
        answer=completion.text if completion else "",
    )
    return replace(run, calls=(*run.calls, call))
