"""Which models may serve a run, in which order, and why each one may or may not. Pure: nothing is asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from steadyhand.errors import NotFound
from steadyhand.routing import exclusions
from steadyhand.routing.demand import Demand, is_narrow
from steadyhand.routing.experiments import BUCKETS, Arm, arm
from steadyhand.routing.health import Health
from steadyhand.routing.policy import Context, arrange, because, excluded
from steadyhand.types.feature import Budget, Feature
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Candidate
from steadyhand.types.ports import FindModel
from steadyhand.types.routing import Routing
from steadyhand.types.text import DataClass

_FREQUENT = 1_000
"""Runs of a feature in a day from which on its volume is high, whatever the contract says."""

_UNKNOWN = Demand()
_ANYWHERE = Routing()

Off = Callable[[ModelId, str], str]
"""Why a model is switched off for a feature; "" when it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What one run brings to the choice. The draws are uniform in [0, 1).

    `key` is the value of the experiment's key, `flag` of the contract's flag; "" for none.
    """

    data_class: DataClass
    today: date
    demand: Demand = _UNKNOWN
    key: str = ""
    flag: str = ""
    runs_today: int = 0
    draw: float = 0.0
    shadow_draw: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`candidates` in the order they are asked, those that may not serve included.

    `over_budget` says why the budget has no room for the model that would be first; "" when it has.
    `shadow` is asked beside the answer. `remarks` are on the choice as a whole.
    """

    candidates: tuple[Candidate, ...]
    over_budget: str
    shadow: ModelId | None
    arm: Arm | None
    remarks: tuple[str, ...]
    demand: Demand

    @property
    def summary(self) -> str:
        """All of it in one line: the order, every model with its reason, what else counted."""
        return "; ".join((*self.remarks, *_told(self.candidates)))


def choose(feature: Feature, situation: Situation, find: FindModel, health: Health, off: Off) -> Choice:
    """The models of the contract, narrowed and ordered. What it pins goes first: the flag's model, then the arm's.

    Raises `NotFound` for a model of the contract that is not in the catalogue: contracts are checked for that when
    they are loaded.
    """
    routing = feature.routing
    rules = _Rules(routing, feature.budget, situation.data_class, situation.demand, situation.today, find)
    taken = arm(routing.experiment, situation.key) if routing.experiment else None
    pinned, remarks = _pinned(routing, situation, taken, find)

    def allowed_now(model: ModelId) -> Candidate:
        stopped = off(model, feature.name) or (health.reason(model) if health.state(model) == "open" else "")
        return excluded(rules.entitled(model), stopped)

    models = dict.fromkeys((*pinned, *feature.models))
    ordered = arrange(
        routing.order,
        [allowed_now(model) for model in models],
        situation.demand,
        _context(feature, situation, health),
    )
    ordered = _with_pinned_first(ordered, pinned)
    affordable = tuple(rules.within_budget(each) for each in ordered)
    first = next((index for index, each in enumerate(ordered) if each.is_allowed), None)
    beside = _shadow(routing, situation)
    return Choice(
        candidates=affordable,
        over_budget="" if first is None or affordable[first].is_allowed else affordable[first].reason,
        shadow=beside if beside and rules.within_budget(allowed_now(beside)).is_allowed else None,
        arm=taken,
        remarks=(f"order {routing.order}", *remarks),
        demand=situation.demand,
    )


def candidate(
    model: ModelId,
    budget: Budget,
    data_class: DataClass,
    find: FindModel,
    demand: Demand = _UNKNOWN,
    *,
    routing: Routing = _ANYWHERE,
    today: date | None = None,
) -> Candidate:
    """One model under the rules that do not change from moment to moment, such as the contract's fallback.

    Without `today` no model counts as withdrawn. Raises `NotFound` like `choose`.
    """
    rules = _Rules(routing, budget, data_class, demand, today, find)
    return rules.within_budget(rules.entitled(model))


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a run's models are held to, from its beginning to its end."""

    routing: Routing
    budget: Budget
    data_class: DataClass
    demand: Demand
    today: date | None
    find: FindModel

    def entitled(self, model: ModelId) -> Candidate:
        """Under every rule but the budget's, which counts when the order is known."""
        entry = self.find(model)
        if entry is None:
            raise NotFound(f"expected a model of the catalogue; found {model!r}", hint="steadyhand models list")
        allowed = f"{model} may see up to {entry.provider.clearance}, this run is {self.data_class}"
        return excluded(
            Candidate(entry, is_allowed=True, reason=allowed),
            exclusions.above_clearance(entry, self.data_class)
            or (exclusions.unbound(entry, self.data_class) if self.routing.order == "auto" else "")
            or exclusions.elsewhere(entry, self.routing.places)
            or exclusions.incomplete(entry)
            or (exclusions.withdrawn(entry, self.today) if self.today else "")
            or exclusions.incapable(entry, self.demand)
            or exclusions.too_long(entry, self.demand),
        )

    def within_budget(self, found: Candidate) -> Candidate:
        return excluded(found, exclusions.over_budget(found.model, self.budget, self.demand))


def _context(feature: Feature, situation: Situation, health: Health) -> Context:
    return Context(
        health=health,
        draw=situation.draw,
        data_class=situation.data_class,
        weights=feature.routing.weights,
        is_narrow=is_narrow(feature.output_schema),
        is_frequent=feature.routing.is_high_volume or situation.runs_today >= _FREQUENT,
    )


def _pinned(
    routing: Routing, situation: Situation, taken: Arm | None, find: FindModel
) -> tuple[dict[ModelId, str], list[str]]:
    """Models that go first whatever the order, each with the reason, and remarks on how that came about."""
    pinned: dict[ModelId, str] = {}
    remarks = []
    if routing.flag is not None:
        value = ModelId(situation.flag or routing.flag.default)
        remarks.append(f"flag {routing.flag.name} = {value or 'unset'}")
        if value and find(value) is None:
            remarks.append(f"{value} is no model of the catalogue")
        elif value:
            pinned[value] = f"the flag {routing.flag.name} names it"
    if taken is not None and routing.experiment is not None:
        name = routing.experiment.name
        remarks.append(f"experiment {name}: bucket {taken.bucket} of {BUCKETS}, {taken.model or 'control'}")
        if taken.model is not None:
            pinned.setdefault(taken.model, f"its arm of the experiment {name}")
    return pinned, remarks


def _with_pinned_first(ordered: Sequence[Candidate], pinned: dict[ModelId, str]) -> tuple[Candidate, ...]:
    by_model = {each.model.id: each for each in ordered}
    first = [because(by_model[model], reason) for model, reason in pinned.items()]
    return (*first, *(each for each in ordered if each.model.id not in pinned))


def _shadow(routing: Routing, situation: Situation) -> ModelId | None:
    """The shadow's model when this run is drawn for it."""
    shadow = routing.shadow
    return shadow.model if shadow and situation.shadow_draw * 100 < shadow.share else None


def _told(candidates: Sequence[Candidate]) -> Iterator[str]:
    for each in candidates:
        yield each.reason if each.is_allowed else f"not {each.reason}"
