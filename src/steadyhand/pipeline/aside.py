"""Asks a model something on the way to a run's answer: other wordings of a question, the order of passages.

Such a call is the run's like any other: by its models, as far as they may see what is told, within its budget, its
limits and its time, and in the ledger. Nothing depends on it: without an answer the run goes on and says why.
"""

from dataclasses import replace
from decimal import Decimal

from steadyhand.catalog.tokens import of_request
from steadyhand.checks.parse import parse
from steadyhand.checks.schema import violations
from steadyhand.errors import BudgetExceeded, NoModel, OutputInvalid, ProviderError, RateLimited
from steadyhand.pipeline.asking import Asking
from steadyhand.pipeline.generate import attempts_of
from steadyhand.pipeline.ports import Ports
from steadyhand.pipeline.reserve import limits_of
from steadyhand.pipeline.settle import settled
from steadyhand.routing.choose import candidate
from steadyhand.routing.demand import Demand
from steadyhand.routing.exclusions import worst_case_usd
from steadyhand.types.json import JsonObject, JsonSchema
from steadyhand.types.message import Message
from steadyhand.types.model import CompletionRequest, Model
from steadyhand.types.run import Run
from steadyhand.types.text import highest

_OUTPUT_TOKENS = 1_024
_SHARE = 0.3
"""Of the time that the run has left: the answer itself needs the most of it."""


class Aside:
    """Implements the port `Ask` for one run, and keeps what it costs: `run` is the run with it so far.

    `notes` say why there was no answer, one sentence for each time.
    """

    def __init__(self, run: Run, ports: Ports) -> None:
        self.run = run
        self.notes: list[str] = []
        self._ports = ports

    async def __call__(
        self, messages: tuple[Message, ...], schema: JsonSchema, name: str, told: frozenset[int] = frozenset()
    ) -> JsonObject | None:
        """The answer as an object that fits the schema; None when there is none."""
        self._keep(replace(self.run, told=self.run.told | told))
        request = CompletionRequest(
            messages=messages,
            timeout_s=self.run.feature.model_timeout_s,
            output_schema=schema,
            output_name=name,
            max_output_tokens=_OUTPUT_TOKENS,
        )
        try:
            models = await self._models(request)
            text = await self._answer(request, models)
            said = parse(text).value
        except (NoModel, BudgetExceeded, RateLimited, ProviderError, OutputInvalid) as error:
            self.notes.append(f"no {name}: {error}")
            return None
        if faults := violations(said, schema, name):
            self.notes.append(f"no {name}: {'; '.join(faults)}")
            return None
        return said

    async def _models(self, request: CompletionRequest) -> list[Model]:
        """The contract's models that may be told this. Built-in ones only know their own task."""
        run, ports, feature = self.run, self._ports, self.run.feature
        told = [segment.data_class for message in request.messages for segment in message.segments]
        limited = feature.budget.per_day_usd is not None
        demand = _demand(request, run)
        demand = replace(demand, today_usd=await ports.spent_today(feature.name) if limited else Decimal(0))
        found = [
            candidate(
                model, feature.budget, highest(run.data_class, *told), ports.find_model, demand,
                routing=feature.routing, today=run.started_at.date(),
            )
            for model in feature.models
        ]  # fmt: skip
        asked = [one for one in found if one.model.provider.dialect != "local"]
        off = {one.model.id: ports.routing.switches(one.model.id, feature.name) for one in asked}
        allowed = [one.model for one in asked if one.is_allowed and not off[one.model.id]]
        if not allowed:
            reasons = "; ".join(off[one.model.id] or one.reason for one in asked)
            raise NoModel(reasons or "the contract has built-in models only")
        return allowed

    async def _answer(self, request: CompletionRequest, models: list[Model]) -> str:
        run, ports = self.run, self._ports
        limits = tuple(limit for limit in limits_of(run, ports) if limit.unit != "requests")
        if limits:
            demand = _demand(request, run)
            costs = [worst_case_usd(model, demand) for model in models]
            if None in costs and any(limit.unit == "usd" for limit in limits):
                raise NoModel("a model's price is not known, and what may be spent is limited")
            most_usd = max(cost or Decimal(0) for cost in costs)
            tokens = demand.input_tokens + demand.output_tokens
            self._keep(replace(run, reservation=await ports.reserve(limits, usd=most_usd, tokens=tokens)))
        now = ports.monotonic()
        attempts = attempts_of(run, ports, models)
        asking = Asking(attempts, ports, request, run.attempt, None)
        try:
            answer = await asking.answer(now + _SHARE * max(0.0, run.deadline - now))
        finally:
            self._keep(settled(replace(self.run, calls=(*self.run.calls, *asking.calls))))
        if answer is None:
            raise attempts.failure
        return answer.completion.text

    def _keep(self, run: Run) -> None:
        """The run as it is now, also for an engine that breaks this step off."""
        self.run = run
        self._ports.keep(run)


def _demand(request: CompletionRequest, run: Run) -> Demand:
    return Demand(
        input_tokens=of_request(request), output_tokens=_OUTPUT_TOKENS, run_usd=run.cost_usd or Decimal(0)
    )
