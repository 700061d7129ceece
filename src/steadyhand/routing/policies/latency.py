"""Fastest first, by the moving average of the time to the first token.

Models that nobody has measured yet come first, so that they are. Of 100 calls 5 go to any of the models, so that
one that was slow once gets another chance.
"""

from collections.abc import Sequence

from steadyhand.routing.demand import Demand
from steadyhand.routing.policy import Context, because
from steadyhand.types.model import Candidate

_EXPLORED = 0.05


def order(candidates: Sequence[Candidate], demand: Demand, context: Context) -> tuple[Candidate, ...]:
    """By seconds, which are said of each."""
    del demand
    measured = [(context.health.latency_s(candidate.model.id), candidate) for candidate in candidates]
    measured.sort(key=lambda pair: pair[0] or 0.0)
    found = [because(candidate, _remark(latency_s)) for latency_s, candidate in measured]
    if found and context.draw < _EXPLORED:
        lucky = found.pop(int(context.draw / _EXPLORED * len(found)))
        found.insert(0, because(lucky, "tried now to measure it again"))
    return tuple(found)


def _remark(latency_s: float | None) -> str:
    return "not measured yet" if latency_s is None else f"first token after {latency_s:.2f} s"
