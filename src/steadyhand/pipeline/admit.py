"""Step: may this caller run this feature with this input, now, and is there money left today?"""

from dataclasses import replace
from decimal import Decimal

from steadyhand.access.roles import may
from steadyhand.checks.schema import is_json, violations
from steadyhand.errors import BudgetExceeded, Forbidden, InvalidInput
from steadyhand.pipeline.ports import Ports
from steadyhand.pipeline.reserve import limits_of
from steadyhand.types.run import Continue, Run, StepResult


async def admit(run: Run, ports: Ports) -> StepResult:
    """Refuse a role that may not call, an input that breaks its promise, and a day whose budget is spent.

    The request counts from here, under every limit of requests. Raises `RateLimited` when there are too many.
    """
    if not may(run.principal, "call"):
        raise Forbidden(
            f"expected a key that may call features; {run.principal.name!r} is a {run.principal.role}",
            hint="ask an admin for a key with the role caller",
        )
    if not is_json(run.input):
        raise InvalidInput("expected an input of JSON's types and Unicode text; it holds something else")
    problems = violations(run.input, run.feature.input_schema, "input")
    if problems:
        raise InvalidInput(
            "; ".join(problems), hint=f"the input of {run.feature.name} is described in its contract"
        )
    limit = run.feature.budget.per_day_usd
    if limit is not None and await ports.spent_today(run.feature.name) >= limit:
        raise BudgetExceeded(
            f"{run.feature.name} has spent its {limit} USD of today", hint="raise budget.per_day_usd"
        )
    rates = tuple(limit for limit in limits_of(run, ports) if limit.unit == "requests")
    if not rates:
        return Continue(run)
    return Continue(replace(run, admission=await ports.reserve(rates, usd=Decimal(0), tokens=0)))
