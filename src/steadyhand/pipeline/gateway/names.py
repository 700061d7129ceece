"""What clients of the gateway may call a model, and who answers to the name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

from steadyhand.errors import Forbidden, NoModel, NotFound
from steadyhand.hints import did_you_mean
from steadyhand.routing.choose import candidate
from steadyhand.routing.conditions import Conditions
from steadyhand.routing.demand import Demand
from steadyhand.routing.policy import Context, arrange
from steadyhand.settings import GatewayModelSettings, GatewaySettings
from steadyhand.types.exchange import PASSTHROUGH
from steadyhand.types.feature import Budget
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Candidate, Model, Order
from steadyhand.types.ports import FindModel
from steadyhand.types.run import Principal
from steadyhand.types.text import DataClass, highest

_KEPT_S = 30.0  # how long a resolved name is kept: prices and settings do not change faster
_KEPT_MAX = 1_000
_LONGEST = 300  # characters of a name: what is known of a model is kept under it
_OUTPUT_TOKENS = 4_096  # reserved for an answer whose length the client did not bound
_PER = Decimal(1_000_000)
_NO_BUDGET = Budget(None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who answers to a name for one data class. `models` are those that may, in the configured order.

    `input_usd` and `output_usd` are the dearest of them in any tier, per token, and `request_usd` per request: what
    has to be reserved. None: a price is unknown.
    """

    name: str
    models: tuple[Model, ...]
    reasons: str
    data_class: DataClass
    order: Order
    weights: Mapping[ModelId, int]
    timeout_s: float
    attempt_s: float
    hedge_s: float | None
    cache_s: float | None
    input_usd: Decimal | None
    output_usd: Decimal | None
    request_usd: Decimal

    def worst_usd(self, input_tokens: int, output_tokens: int) -> Decimal:
        """What the dearest model would cost, once for each that may be asked beside others.

        Unknown prices count nothing here and are refused elsewhere.
        """
        if self.input_usd is None or self.output_usd is None:
            return Decimal(0)
        most = self.request_usd + input_tokens * self.input_usd + output_tokens * self.output_usd
        return most if self.hedge_s is None else most * len(self.models)

    def output_tokens(self, asked: int | None, answers: int = 1) -> int:
        """How many tokens are reserved for so many answers of at most `asked` each.

        Less than none is said by clients of servers for which it means as many as there are.
        """
        known = [model.max_output_tokens for model in self.models if model.max_output_tokens]
        most = max(known, default=_OUTPUT_TOKENS)
        if asked is None or asked < 0:
            return answers * min(most, _OUTPUT_TOKENS)
        return answers * (min(asked, most) if known else asked)


class Names:
    """Resolves names. `named` knows bare names such as `gpt-4o-mini`; `monotonic` counts seconds."""

    def __init__(
        self,
        settings: GatewaySettings,
        find: FindModel,
        named: Callable[[str], ModelId | None],
        features: Callable[[], Iterable[str]],
        monotonic: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._find = find
        self._named = named
        self._features = features
        self._monotonic = monotonic
        self._known: dict[tuple[str, DataClass], tuple[float, Route]] = {}

    def route(self, name: str, data_class: DataClass) -> Route:
        """Who answers to `name` for a call of this class. Raises `NotFound` or `NoModel`."""
        key, now = (name, data_class), self._monotonic()
        known = self._known.get(key)
        if known is not None and now < known[0]:
            return known[1]
        if len(self._known) >= _KEPT_MAX:
            self._known.clear()
        route = self._resolved(name, data_class)
        self._known[key] = (now + _KEPT_S, route)
        return route

    def least_class(self, name: str) -> DataClass:
        """How sensitive calls under this name are at least."""
        configured = self._settings.models.get(name)
        return (configured.data_class if configured else None) or self._settings.data_class

    def all(self, principal: Principal) -> list[str]:
        """Configured names and features that the caller may use, sorted."""
        names = {*self._settings.models, *self._features()}
        return sorted(name for name in names if is_allowed(principal, name))

    def _resolved(self, name: str, data_class: DataClass) -> Route:
        configured = self._settings.models.get(name) or GatewayModelSettings.model_validate(
            {"try": [self._model(name)]}
        )
        candidates = [candidate(ModelId(model), _NO_BUDGET, data_class, self._find) for model in configured.try_]
        models = tuple(found.model for found in candidates if found.is_allowed)
        if not models:
            reasons = "; ".join(found.reason for found in candidates)
            raise NoModel(
                f"no model may serve this call: {reasons}", hint="see [gateway.models] in steadyhand.toml"
            )
        return Route(
            name=name,
            models=models,
            reasons=_reasons(candidates),
            data_class=highest(data_class, configured.data_class or "public"),
            order=configured.order,
            weights={ModelId(model): share for model, share in configured.weights.items()},
            timeout_s=configured.timeout_s,
            attempt_s=configured.attempt_s,
            hedge_s=configured.hedge_s,
            cache_s=configured.cache_s,
            input_usd=_dearest(models, "input"),
            output_usd=_dearest(models, "output"),
            request_usd=max(model.price.per_request if model.price else Decimal(0) for model in models),
        )

    def _model(self, name: str) -> ModelId:
        for model in (ModelId(name), self._named(name)):
            if model is not None and self._find(model) is not None:
                return model
        features = list(self._features())
        if name in features:
            hint = "a feature answers chat completions, responses and messages"
            raise NotFound(f"expected a model; {name!r} is a feature", hint=hint)
        options = [*self._settings.models, *features]
        raise NotFound(
            f"expected a model of the gateway, a feature or provider:name; found {name!r}",
            hint=did_you_mean(name, options) or "GET /v1/models lists them",
        )


def asked_now(
    route: Route, conditions: Conditions, draw: Callable[[], float]
) -> tuple[Sequence[Model], Sequence[str]]:
    """The route's models in the order they are asked now, and why others are not or come last.

    Raises `NoModel` when all of them are switched off.
    """
    models, remarks = [], []
    for model in route.models:
        off = conditions.switches(model.id, PASSTHROUGH)
        if not off:
            models.append(model)
        if remark := off or conditions.health.reason(model.id):
            remarks.append(remark)
    if not models:
        raise NoModel("; ".join(remarks), hint="steadyhand route on TARGET")
    return _ordered(route, models, conditions, draw), remarks


def _ordered(
    route: Route, models: Sequence[Model], conditions: Conditions, draw: Callable[[], float]
) -> Sequence[Model]:
    if route.order == "listed" or len(models) == 1:
        return models
    context = Context(
        health=conditions.health, draw=draw(), data_class=route.data_class, weights=route.weights, is_frequent=True
    )
    candidates = [Candidate(model, is_allowed=True, reason=model.id) for model in models]
    ordered = arrange(route.order, candidates, Demand(), context)
    return [found.model for found in ordered if found.is_allowed]


def is_allowed(principal: Principal, name: str) -> bool:
    """May the key use this name? Keys without patterns may use every name."""
    return not principal.models or any(fnmatchcase(name, pattern) for pattern in principal.models)


def check_allowed(principal: Principal, name: str) -> None:
    """Raises `Forbidden` when the key may not use this name, and `NotFound` for one that is none."""
    if len(name) > _LONGEST:
        raise NotFound(f"expected a name of at most {_LONGEST} characters; found one of {len(name)}")
    if not is_allowed(principal, name):
        raise Forbidden(
            f"expected a key that may use {name!r}; {principal.name!r} may use {', '.join(principal.models)}",
            hint="steadyhand keys limit changes it",
        )


def _reasons(candidates: Iterable[Candidate]) -> str:
    return "; ".join(found.reason for found in candidates)


def _dearest(models: Iterable[Model], kind: str) -> Decimal | None:
    """The highest price per token of any of the models, in any tier."""
    highest_usd = Decimal(0)
    for model in models:
        if model.price is None:
            return None
        rates = [model.price.rates, *(tier.rates for tier in model.price.tiers)]
        per_million = max(max(each.input, each.cache_write) if kind == "input" else each.output for each in rates)
        highest_usd = max(highest_usd, per_million / _PER)
    return highest_usd
