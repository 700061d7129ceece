"""Which models may serve a run, in the contract's order, and why each one may or may not."""

from dataclasses import dataclass
from decimal import Decimal

from steadyhand.errors import NotFound
from steadyhand.routing.cost import cost_usd
from steadyhand.types.feature import Budget, Feature
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Candidate, Model, Usage
from steadyhand.types.ports import FindModel
from steadyhand.types.text import DataClass, rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the next call would need, at most, and what was spent before it, in tokens and US dollars."""

    input_tokens: int = 0
    output_tokens: int = 2_048  # what a CompletionRequest allows unless told otherwise
    run_usd: Decimal = Decimal(0)
    today_usd: Decimal = Decimal(0)


_UNKNOWN = Demand()


def candidates(
    feature: Feature, data_class: DataClass, find: FindModel, demand: Demand = _UNKNOWN
) -> tuple[Candidate, ...]:
    """The models of the contract, in its order, each with the sentence that allows or excludes it.

    `data_class` is the run's. Raises `NotFound` for a model that is not in the catalogue: contracts are checked for
    that when they are loaded.
    """
    return tuple(candidate(model, feature.budget, data_class, find, demand) for model in feature.models)


def candidate(
    model: ModelId, budget: Budget, data_class: DataClass, find: FindModel, demand: Demand = _UNKNOWN
) -> Candidate:
    """One model, such as the contract's fallback: it is held to the same rules as the others."""
    entry = find(model)
    if entry is None:
        raise NotFound(f"expected a model of the catalogue; found {model!r}", hint="steadyhand models list")
    excluded = (
        _above_clearance(entry, data_class) or _too_long(entry, demand) or _over_budget(entry, budget, demand)
    )
    allowed = f"{model} may see up to {entry.provider.clearance}, this run is {data_class}"
    return Candidate(entry, is_allowed=not excluded, reason=excluded or allowed)


def _above_clearance(model: Model, data_class: DataClass) -> str:
    clearance = model.provider.clearance
    if rank(data_class) <= rank(clearance):
        return ""
    return f"{model.id}: {model.provider.name} may see up to {clearance}, this run is {data_class}"


def _too_long(model: Model, demand: Demand) -> str:
    needed = demand.input_tokens + demand.output_tokens
    if model.context_tokens is None or needed <= model.context_tokens:
        return ""
    return f"{model.id} takes {model.context_tokens} tokens, this run may need {needed}"


def _over_budget(model: Model, budget: Budget, demand: Demand) -> str:
    limits = (
        ("run", budget.per_run_usd, demand.run_usd),
        ("day", budget.per_day_usd, demand.today_usd),
    )
    for span, limit_usd, spent_usd in limits:
        if limit_usd is None:
            continue
        if model.price is None:
            return f"{model.id} has no known price, and the contract limits what a {span} may cost"
        worst_usd = cost_usd(Usage(demand.input_tokens, demand.output_tokens), model.price)
        if worst_usd and spent_usd + worst_usd > limit_usd:
            return _excess(model, span, worst_usd, spent_usd, limit_usd)
    return ""


def _excess(model: Model, span: str, worst_usd: Decimal, spent_usd: Decimal, limit_usd: Decimal) -> str:
    spent = f" after ${_plain(spent_usd)} spent" if spent_usd else ""
    return f"{model.id} may cost ${_plain(worst_usd)}{spent}, the budget of a {span} is ${_plain(limit_usd)}"


def _plain(amount_usd: Decimal) -> str:
    """Without exponent and trailing zeros: 0.0012288."""
    text = f"{amount_usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
