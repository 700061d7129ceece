"""Why a model may not serve a call. Each rule gives a sentence, "" when it has nothing against the model."""

from collections.abc import Collection
from datetime import date, timedelta
from decimal import Decimal

from steadyhand.routing.cost import cost_usd
from steadyhand.routing.demand import Demand
from steadyhand.types.feature import Budget
from steadyhand.types.model import Model, Place, Usage
from steadyhand.types.text import DataClass, rank

_SOON = timedelta(days=90)


def above_clearance(model: Model, data_class: DataClass) -> str:
    clearance = model.provider.clearance
    if rank(data_class) <= rank(clearance):
        return ""
    return f"{model.id}: {model.provider.name} may see up to {clearance}, this run is {data_class}"


def unbound(model: Model, data_class: DataClass) -> str:
    """Under order = auto: sensitive data stays here, or goes where an agreement binds the provider."""
    provider = model.provider
    if rank(data_class) < rank("confidential") or provider.place == "local" or provider.agreement:
        return ""
    return f"{model.id}: sensitive data needs an agreement with {provider.name}; none is named"


def elsewhere(model: Model, places: Collection[Place]) -> str:
    """No places allow every place."""
    if not places or model.provider.place in places:
        return ""
    return f"{model.id} runs in {model.provider.place}, the contract allows {', '.join(sorted(places))}"


def incomplete(model: Model) -> str:
    if model.provider.is_complete:
        return ""
    return f"{model.id}: the address of {model.provider.name} still has a name to fill in"


def withdrawn(model: Model, today: date) -> str:
    if model.deprecated_on is None or today < model.deprecated_on:
        return ""
    return f"{model.id} was withdrawn by its vendor on {model.deprecated_on}"


def withdrawn_soon(model: Model, today: date) -> str:
    """A note on a model that its vendor stops serving within 90 days, or has; "" for any other."""
    if model.deprecated_on is None or model.deprecated_on - today > _SOON:
        return ""
    return withdrawn(model, today) or f"{model.id} is withdrawn by its vendor on {model.deprecated_on}"


def incapable(model: Model, demand: Demand) -> str:
    """A model of which no capability is known is taken to have them all."""
    missing = demand.needs - model.capabilities
    if not model.capabilities or not missing:
        return ""
    return f"{model.id} has no {', '.join(sorted(missing))}, which this run needs"


def too_long(model: Model, demand: Demand) -> str:
    needed = demand.input_tokens + demand.output_tokens
    if model.context_tokens is None or needed <= model.context_tokens:
        return ""
    return f"{model.id} takes {model.context_tokens} tokens, this run may need {needed}"


def over_budget(model: Model, budget: Budget, demand: Demand) -> str:
    limits = (
        ("run", budget.per_run_usd, demand.run_usd),
        ("day", budget.per_day_usd, demand.today_usd),
    )
    for span, limit_usd, spent_usd in limits:
        if limit_usd is None:
            continue
        worst_usd = worst_case_usd(model, demand)
        if worst_usd is None:
            return f"{model.id} has no known price, and the contract limits what a {span} may cost"
        if worst_usd and spent_usd + worst_usd > limit_usd:
            return _excess(model, span, worst_usd, spent_usd, limit_usd)
    return ""


def worst_case_usd(model: Model, demand: Demand) -> Decimal | None:
    """What the call may cost at most; None when the price is unknown."""
    return cost_usd(Usage(demand.input_tokens, demand.output_tokens), model.price) if model.price else None


def money(amount_usd: Decimal) -> str:
    """Without exponent and trailing zeros: $0.0012288."""
    text = f"{amount_usd:f}"
    return "$" + (text.rstrip("0").rstrip(".") if "." in text else text)


def _excess(model: Model, span: str, worst_usd: Decimal, spent_usd: Decimal, limit_usd: Decimal) -> str:
    spent = f" after {money(spent_usd)} spent" if spent_usd else ""
    return f"{model.id} may cost {money(worst_usd)}{spent}, the budget of a {span} is {money(limit_usd)}"
