"""Step: set aside what the run may cost at most, and leave out the models that there is no money for."""

from dataclasses import replace
from decimal import Decimal

from steadyhand.errors import BudgetExceeded, NoModel
from steadyhand.pipeline.choose import input_tokens
from steadyhand.pipeline.ports import Ports
from steadyhand.routing.demand import Demand
from steadyhand.routing.exclusions import money, worst_case_usd
from steadyhand.types.ids import ModelId
from steadyhand.types.quota import Limit
from steadyhand.types.run import Continue, Run, StepResult


async def reserve(run: Run, ports: Ports) -> StepResult:
    """Reserve for the dearest allowed model with all its retries, and for the contract's fallback model.

    When a budget has no room for it, the cheaper models stay; the first in order is given up only where the
    contract's `budget.over` is `cheaper`. Raises `BudgetExceeded`, `RateLimited` or `NoModel` when none is left.
    """
    limits = tuple(limit for limit in limits_of(run, ports) if limit.unit != "requests")
    if run.output is not None or run.reservation is not None or not limits:
        return Continue(run)
    demand = Demand(input_tokens=input_tokens(run))
    costs = _costs_usd(run, demand, ports)
    if any(limit.unit == "usd" for limit in limits):
        run = _without_unknown_prices(run, costs)
    while True:
        most_usd = max(costs[model] or Decimal(0) for model in _allowed(run))
        tokens = demand.input_tokens + demand.output_tokens if _counts_tokens(run) else 0
        try:
            reservation = await ports.reserve(limits, usd=most_usd, tokens=tokens)
        except BudgetExceeded as error:
            run = _without_the_dearest(run, costs, error)
        else:
            return Continue(replace(run, reservation=reservation))


def limits_of(run: Run, ports: Ports) -> tuple[Limit, ...]:
    """The limits of the caller, of the end user and of everybody, and the feature's own of a day."""
    limits = ports.limits_of(run.principal, run.end_user)
    per_day_usd = run.feature.budget.per_day_usd
    if per_day_usd is None:
        return limits
    return (*limits, Limit(f"feature:{run.feature.name}", "usd", per_day_usd))


def _costs_usd(run: Run, demand: Demand, ports: Ports) -> dict[ModelId, Decimal | None]:
    """What the run may still cost with each allowed model at most; None where a price is unknown."""
    feature = run.feature
    calls = (1 + feature.attempts - run.attempt) * (2 if feature.routing.hedge_s is not None else 1)
    fallback = ports.find_model(feature.fallback_model) if feature.fallback_model else None
    extra = (worst_case_usd(fallback, demand) if fallback else None) or Decimal(0)
    found: dict[ModelId, Decimal | None] = {}
    for candidate in run.candidates:
        worst = worst_case_usd(candidate.model, demand)
        also = Decimal(0) if candidate.model.id == feature.fallback_model else extra
        found[candidate.model.id] = None if worst is None else calls * worst + also
    return found


def _allowed(run: Run) -> list[ModelId]:
    """In the order in which they are asked."""
    return [candidate.model.id for candidate in run.candidates if candidate.is_allowed]


def _counts_tokens(run: Run) -> bool:
    """Models that are built in read no tokens."""
    return any(one.is_allowed and one.model.provider.dialect != "local" for one in run.candidates)


def _without_unknown_prices(run: Run, costs: dict[ModelId, Decimal | None]) -> Run:
    unknown = {model for model in _allowed(run) if costs[model] is None}
    left = _without(run, unknown, "has no known price, and what this run may spend is limited")
    if not _allowed(left):
        raise NoModel(
            f"no model may serve this run: {left.routing}",
            hint='say the price in steadyhand.toml: [catalog."provider:name"] input_usd, output_usd',
        )
    return left


def _without_the_dearest(run: Run, costs: dict[ModelId, Decimal | None], error: BudgetExceeded) -> Run:
    """Raises the error when no cheaper model is left, or the contract wants none instead of the first."""
    first, *_ = allowed = _allowed(run)
    most_usd = max(costs[model] or Decimal(0) for model in allowed)
    dear = {model for model in allowed if costs[model] == most_usd}
    if len(dear) == len(allowed) or (first in dear and run.feature.budget.over != "cheaper"):
        raise error
    return _without(run, dear, f"may cost {money(most_usd)} with every retry: {error}")


def _without(run: Run, models: set[ModelId], reason: str) -> Run:
    if not models:
        return run
    candidates = tuple(
        replace(one, is_allowed=False, reason=f"{one.model.id} {reason}") if one.model.id in models else one
        for one in run.candidates
    )
    said = "; ".join(one.reason for one in candidates if one.model.id in models)
    return replace(run, candidates=candidates, routing=f"{run.routing}; {said}" if run.routing else said)
