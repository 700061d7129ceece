"""Step: which models may see this run, and in which order are they tried?"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from steadyhand.catalog.tokens import estimate
from steadyhand.checks.cel import evaluate
from steadyhand.checks.rules import values
from steadyhand.errors import BudgetExceeded, NoModel
from steadyhand.routing.choose import Choice, Situation
from steadyhand.routing.choose import choose as chosen
from steadyhand.routing.conditions import Conditions
from steadyhand.routing.demand import Demand
from steadyhand.types.json import JsonObject
from steadyhand.types.ports import FindModel, SpentToday
from steadyhand.types.run import Continue, Failure, Run, RunStatus, StepResult, Stop


class ChoicePorts(Protocol):
    """What a choice needs from the world; `Ports` has it all."""

    @property
    def find_model(self) -> FindModel: ...

    @property
    def spent_today(self) -> SpentToday: ...

    @property
    def routing(self) -> Conditions: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def randomness(self) -> Callable[[int], bytes]: ...


async def choose(run: Run, ports: ChoicePorts) -> StepResult:
    """Keep every candidate with the reason why it may serve or not; end the run when none may."""
    if run.output is not None:
        return Continue(run)
    choice = await choice_of(run, ports)
    run = replace(run, candidates=choice.candidates, routing=choice.summary, shadow=choice.shadow)
    over = run.feature.budget.over
    if choice.over_budget and over != "cheaper":
        status: RunStatus = "refused" if over == "refuse" else "failed"
        hint = "raise the contract's budget, or set budget.over to cheaper"
        return Stop(run, status, Failure(BudgetExceeded.code, choice.over_budget, hint))
    if not any(candidate.is_allowed for candidate in choice.candidates):
        reasons = "; ".join(candidate.reason for candidate in choice.candidates)
        hint = f"change models.try, or a provider's clearance; steadyhand route explain {run.feature.name}"
        return Stop(run, "failed", Failure(NoModel.code, f"no model may serve this run: {reasons}", hint))
    return Continue(run)


async def choice_of(run: Run, ports: ChoicePorts) -> Choice:
    """What would be asked for this run now, and why. No model is asked."""
    feature, routing = run.feature, ports.routing
    has_daily_budget = feature.budget.per_day_usd is not None
    caller = run.end_user or run.principal.key_id or run.principal.name
    flag = feature.routing.flag
    situation = Situation(
        data_class=run.data_class,
        today=ports.now().date(),
        demand=Demand(
            input_tokens=input_tokens(run),
            run_usd=run.cost_usd or Decimal(0),
            today_usd=await ports.spent_today(feature.name) if has_daily_budget else Decimal(0),
        ),
        key=_key(run, caller),
        flag=await routing.flags(flag.name, flag.default, caller=caller, feature=feature.name) if flag else "",
        runs_today=await routing.runs_today(feature.name) if feature.routing.order == "auto" else 0,
        draw=_draw(ports.randomness),
        shadow_draw=_draw(ports.randomness),
    )
    return chosen(feature, situation, ports.find_model, routing.health, routing.switches)


def input_tokens(run: Run) -> int:
    """At most so many tokens will the messages have: the prompt, the input and the passages."""
    passages = run.retrieval.passages if run.retrieval else ()
    return estimate([run.feature.prompt, json.dumps(run.input), *(passage.text for passage in passages)])


def _key(run: Run, caller: str) -> str:
    """The value of the experiment's key as text; the caller where the contract names none, or it has no value."""
    experiment = run.feature.routing.experiment
    if experiment is None or not experiment.key:
        return caller
    schemas = (run.feature.input_schema, run.feature.output_schema)
    known: JsonObject = {"input": values(run.input, {}, schemas)["input"]}
    found = evaluate(experiment.key, known).value
    return caller if found is None else str(found)


def _draw(randomness: Callable[[int], bytes]) -> float:
    """Uniform in [0, 1)."""
    return int.from_bytes(randomness(4), "big") / 2**32
