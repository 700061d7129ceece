"""Which metadata meets which condition, said as plainly as can be: what stores and searches are compared with."""

import operator
from collections.abc import Mapping

from steadyhand.types.condition import Condition
from steadyhand.types.json import Json

_SIGNS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def meets(metadata: Mapping[str, Json], condition: Condition) -> bool:
    """What `types/condition.py` promises, for values and lists of them."""
    held = metadata.get(condition.field)
    members = [each for each in (held if isinstance(held, list) else [held]) if each is not None]
    wanted = condition.value
    if condition.comparison == "in":
        return any(_same(each, one) for each in members for one in wanted)
    if condition.comparison in ("eq", "ne"):
        has = any(_same(each, wanted) for each in members)
        return has if condition.comparison == "eq" else bool(members) and not has
    alike = [each for each in members if _kind(each) == _kind(wanted)]
    return any(_SIGNS[condition.comparison](_comparable(each), _comparable(wanted)) for each in alike)


def _same(one: Json, other: Json) -> bool:
    return _kind(one) == _kind(other) and one == other


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _comparable(value: Json) -> object:
    return value.encode() if isinstance(value, str) else value
