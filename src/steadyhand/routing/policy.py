"""How the models that may serve a call are ordered: a file of `policies/`, found by its name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

from steadyhand import plugins
from steadyhand.routing.demand import Demand
from steadyhand.routing.health import Health
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Candidate, Order
from steadyhand.types.text import DataClass

FOLDER = "routing.policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an order may depend on besides the models. `draw` is uniform in [0, 1), new for every call."""

    health: Health
    draw: float = 0.0
    data_class: DataClass = "internal"
    weights: Mapping[ModelId, int] = field(default_factory=dict)
    is_narrow: bool = False
    is_frequent: bool = False


class Policy(Protocol):
    """A module of `policies/`: a pure function.

    It gives every candidate back, once, with what it has to say behind the reasons; it may exclude some, and allows
    none that is excluded already.
    """

    def order(self, candidates: Sequence[Candidate], demand: Demand, context: Context) -> tuple[Candidate, ...]: ...


def arrange(
    order: Order, candidates: Sequence[Candidate], demand: Demand, context: Context
) -> tuple[Candidate, ...]:
    """The candidates in the order that the policy of this name gives them."""
    policy = cast("Policy", plugins.load(FOLDER, order))
    return policy.order(candidates, demand, context)


def excluded(candidate: Candidate, reason: str) -> Candidate:
    """The candidate, excluded when there is a reason and none excluded it before."""
    return replace(candidate, is_allowed=False, reason=reason) if reason and candidate.is_allowed else candidate


def because(candidate: Candidate, remark: str) -> Candidate:
    """The candidate with a remark behind its reason; an excluded one has its reason already."""
    return replace(candidate, reason=f"{candidate.reason}; {remark}") if candidate.is_allowed else candidate
