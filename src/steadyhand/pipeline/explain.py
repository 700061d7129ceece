"""Which models a run of a feature would ask now, in which order, and why: the choice without the run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from steadyhand.guardrails import inspect, segments
from steadyhand.pipeline.choose import ChoicePorts, choice_of
from steadyhand.routing.choose import Choice
from steadyhand.routing.exclusions import worst_case_usd
from steadyhand.routing.health import Health, State
from steadyhand.types.feature import Feature
from steadyhand.types.ids import ModelId, RunId
from steadyhand.types.json import JsonObject
from steadyhand.types.model import Place
from steadyhand.types.routing import Over
from steadyhand.types.run import Principal, Run
from steadyhand.types.text import DataClass, highest

_THEN: Mapping[Over, str] = {
    "cheaper": "the next one that fits is asked",
    "fallback": "the contract's fallback answers",
    "refuse": "the run is refused",
}
"""What follows where there is no money for the model that comes first, by `budget.over`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One model. `place_in_order` counts from 1, None for one that is not asked.

    `worst_usd` is what the call may cost at most, None when the price is unknown; `latency_s` the usual time to the
    first token, None when nothing is known.
    """

    model: ModelId
    place_in_order: int | None
    reason: str
    place: Place
    worst_usd: Decimal | None
    latency_s: float | None
    breaker: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`remarks` are on the choice as a whole; `bucket` is the run's in the experiment, None without one.

    `over_budget` says which model there is no money for, and what the contract does then; "" when there is.
    """

    feature: str
    data_class: DataClass
    remarks: tuple[str, ...]
    bucket: int | None
    over_budget: str
    models: tuple[Ranked, ...]


async def explain(
    feature: Feature, values: JsonObject, data_class: DataClass, principal: Principal, ports: ChoicePorts
) -> Explanation:
    """The choice for this input, which the contract's guardrails look at; nothing is retrieved and no model asked.

    `data_class` is the least the run is taken for, besides the contract's own.
    """
    least = highest(feature.data_class, data_class)
    seen = inspect(feature.input_guardrails, segments(values, "input", "caller", least))
    run = Run(
        id=RunId(""),
        feature=feature,
        input=values,
        principal=principal,
        door="cli",
        started_at=ports.now(),
        deadline=0.0,
        data_class=seen.data_class,
    )
    choice = await choice_of(run, ports)
    over = feature.budget.over
    return Explanation(
        feature=feature.name,
        data_class=run.data_class,
        remarks=choice.remarks,
        bucket=choice.arm.bucket if choice.arm else None,
        over_budget=f"{choice.over_budget}; {_THEN[over]}" if choice.over_budget else "",
        models=tuple(_ranked(choice, ports.routing.health, asks=not choice.over_budget or over == "cheaper")),
    )


def _ranked(choice: Choice, health: Health, *, asks: bool) -> Iterator[Ranked]:
    """The candidates; none has a place when the run ends before one is asked."""
    asked = 0
    for each in choice.candidates:
        is_asked = asks and each.is_allowed
        asked += is_asked
        yield Ranked(
            model=each.model.id,
            place_in_order=asked if is_asked else None,
            reason=each.reason,
            place=each.model.provider.place,
            worst_usd=worst_case_usd(each.model, choice.demand),
            latency_s=health.latency_s(each.model.id),
            breaker=health.state(each.model.id),
        )
