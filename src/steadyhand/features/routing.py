"""The keys of a contract on the choice of a model: what is wrong with them, and what they mean."""

from collections.abc import Iterator

from steadyhand.features.contract import Contract, ModelsTable
from steadyhand.features.expressions import Scope, input_scope, rule_flaws
from steadyhand.features.flaw import Flaw
from steadyhand.features.parse import Parsed
from steadyhand.hints import did_you_mean
from steadyhand.tables.lines import KeyPath
from steadyhand.types.ids import ModelId
from steadyhand.types.routing import Experiment, Flag, Routing, Shadow


def models(table: ModelsTable) -> Iterator[tuple[KeyPath, str]]:
    """Every model that is named for a comparison, with the path of its key."""
    if table.experiment:
        for model in table.experiment.shares:
            yield ("models", "experiment", "shares", model), model
    if table.shadow:
        yield ("models", "shadow", "model"), table.shadow.model
    if table.flag and table.flag.default:
        yield ("models", "flag", "default"), table.flag.default


def flaws(parsed: Parsed, whole: Scope) -> Iterator[Flaw]:
    """Keys that do not go together, and an experiment's key that fails. `whole` is what rules may speak of."""
    contract = parsed.contract
    if not any(flaw.path[:1] == ("models",) for flaw in parsed.flaws):  # what is left of them means nothing
        yield from _weight_flaws(contract.models)
    experiment = contract.models.experiment
    if experiment and sum(experiment.shares.values()) > 100:
        message = (
            f"models.experiment.shares: expected at most 100 % together; found {sum(experiment.shares.values()):g}"
        )
        yield Flaw(("models", "experiment", "shares"), message, "what is left over is the control group")
    if experiment and experiment.key:
        path = ("models", "experiment", "key")
        yield from rule_flaws(experiment.key, path, input_scope(whole), is_condition=False)
    if contract.budget.over == "fallback" and not _has_fallback(contract):
        hint = 'add [fallback] or models.fallback, or write over = "refuse"'
        yield Flaw(("budget", "over"), "budget.over: expected a fallback to answer with; found none", hint)


def routing(table: ModelsTable) -> Routing:
    """What the keys mean."""
    experiment, shadow, flag = table.experiment, table.shadow, table.flag
    return Routing(
        order=table.order,
        weights={ModelId(model): weight for model, weight in table.weights.items()},
        places=frozenset(table.place),
        is_high_volume=table.volume == "high",
        hedge_s=table.hedge_s,
        experiment=Experiment(experiment.name, experiment.key, _shares(experiment.shares)) if experiment else None,
        shadow=Shadow(ModelId(shadow.model), shadow.share) if shadow else None,
        flag=Flag(flag.name, flag.default) if flag else None,
    )


def _weight_flaws(table: ModelsTable) -> Iterator[Flaw]:
    if table.order == "weight" and not table.weights:
        message = 'models.order: expected models.weights beside order = "weight"; found none'
        yield Flaw(("models", "order"), message, f'weights = {{ "{table.try_[0]}" = 1 }}')
    if table.weights and table.order != "weight":
        message = f'models.weights: expected order = "weight" beside them; the order is {table.order!r}'
        yield Flaw(("models", "weights"), message, 'write order = "weight"')
    for model in table.weights:
        if model not in table.try_:
            hint = did_you_mean(model, table.try_) or "add it to models.try"
            yield Flaw(("models", "weights", model), f"models.weights: {model!r} is not in models.try", hint)


def _has_fallback(contract: Contract) -> bool:
    return contract.fallback is not None or contract.models.fallback is not None


def _shares(shares: dict[str, float]) -> dict[ModelId, float]:
    return {ModelId(model): share for model, share in shares.items()}
