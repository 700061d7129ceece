"""Cheapest first, by what the call may cost at most. Equal ones stay as listed, unknown prices go last."""

from collections.abc import Sequence
from decimal import Decimal

from steadyhand.routing.demand import Demand
from steadyhand.routing.exclusions import money, worst_case_usd
from steadyhand.routing.policy import Context, because
from steadyhand.types.model import Candidate

_UNKNOWN = Decimal("Infinity")


def order(candidates: Sequence[Candidate], demand: Demand, context: Context) -> tuple[Candidate, ...]:
    """By the price of the demand, which is said of each."""
    del context
    priced = [(worst_case_usd(candidate.model, demand), candidate) for candidate in candidates]
    priced.sort(key=lambda pair: _UNKNOWN if pair[0] is None else pair[0])
    return tuple(because(candidate, _remark(cost_usd)) for cost_usd, candidate in priced)


def _remark(cost_usd: Decimal | None) -> str:
    return "its price is unknown" if cost_usd is None else f"costs at most {money(cost_usd)}"
