"""As the contract lists them."""

from collections.abc import Sequence

from steadyhand.routing.demand import Demand
from steadyhand.routing.policy import Context
from steadyhand.types.model import Candidate


def order(candidates: Sequence[Candidate], demand: Demand, context: Context) -> tuple[Candidate, ...]:
    """The order they came in."""
    del demand, context
    return tuple(candidates)
