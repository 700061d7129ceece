"""Step: which models may see this run, and in which order are they tried?"""

import json
from dataclasses import replace
from decimal import Decimal

from steadyhand.catalog.tokens import estimate
from steadyhand.errors import NoModel
from steadyhand.pipeline.ports import Ports
from steadyhand.routing.choose import Demand, candidates
from steadyhand.types.run import Continue, Run, StepResult


async def choose(run: Run, ports: Ports) -> StepResult:
    """Keep every candidate with the reason why it may serve or not; fail when none may."""
    if run.output is not None:
        return Continue(run)
    has_daily_budget = run.feature.budget.per_day_usd is not None
    today_usd = await ports.spent_today(run.feature.name) if has_daily_budget else Decimal(0)
    demand = Demand(input_tokens=_input_tokens(run), run_usd=run.cost_usd or Decimal(0), today_usd=today_usd)
    found = candidates(run.feature, run.data_class, ports.find_model, demand)
    if not any(candidate.is_allowed for candidate in found):
        reasons = "; ".join(candidate.reason for candidate in found)
        raise NoModel(
            f"no model may serve this run: {reasons}", hint="change models.try, or a provider's clearance"
        )
    return Continue(replace(run, candidates=found))


def _input_tokens(run: Run) -> int:
    """At most so many tokens will the messages have: the prompt, the input and the passages."""
    passages = run.retrieval.passages if run.retrieval else ()
    return estimate([run.feature.prompt, json.dumps(run.input), *(passage.text for passage in passages)])
