"""By share: the first model is drawn by weight, the others follow by weight. One without weight only stands in."""

from collections.abc import Sequence

from steadyhand.routing.demand import Demand
from steadyhand.routing.policy import Context, because
from steadyhand.types.model import Candidate


def order(candidates: Sequence[Candidate], demand: Demand, context: Context) -> tuple[Candidate, ...]:
    """The heaviest first, except for the one that was drawn. Excluded ones take no part in the draw."""
    del demand
    weights = {each.model.id: context.weights.get(each.model.id, 0) for each in candidates}
    total = sum(weights[each.model.id] for each in candidates if each.is_allowed)
    found = sorted(candidates, key=lambda each: -weights[each.model.id])
    place = context.draw * total
    for index, each in enumerate(found):
        place -= weights[each.model.id] if each.is_allowed else 0
        if place < 0:
            found.insert(0, found.pop(index))
            break
    return tuple(because(each, f"{weights[each.model.id]} of {total} shares") for each in found)
