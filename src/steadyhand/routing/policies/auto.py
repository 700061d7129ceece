"""The decision tree, from the top: sensitive data, high volume, a narrow task, anything else.

Sensitive data (confidential and restricted) stays here or goes to a provider with an agreement. A feature with many
runs is served by local and cheap models first. A narrow task, whose outputs are labels and numbers, goes to small
models. All else goes to the strongest. Models that are equal in this stay as listed.
"""

from collections.abc import Sequence

from steadyhand.routing.demand import Demand
from steadyhand.routing.exclusions import unbound
from steadyhand.routing.policies import cost
from steadyhand.routing.policy import Context, because, excluded
from steadyhand.types.model import Candidate, Model

_STRENGTH = {"large": 0, "medium": 1, "": 1, "small": 2}


def order(candidates: Sequence[Candidate], demand: Demand, context: Context) -> tuple[Candidate, ...]:
    """The branch that was taken is said of each."""
    found = [excluded(each, unbound(each.model, context.data_class)) for each in candidates]
    if context.is_frequent:
        cheapest = cost.order(found, demand, context)
        return tuple(because(each, "high volume: local and cheap first") for each in _local_first(cheapest))
    if context.is_narrow:
        found.sort(key=lambda each: not _is_small(each.model))
        return tuple(because(each, "narrow task: small models first") for each in found)
    found.sort(key=lambda each: _STRENGTH[each.model.size])
    return tuple(because(each, "strongest first") for each in found)


def _local_first(candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda each: each.model.provider.place != "local")


def _is_small(model: Model) -> bool:
    """Models that were trained here for one task are small too."""
    return model.size == "small" or model.provider.dialect == "local"
