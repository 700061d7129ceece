"""Models, a clock that is set by hand, and what a request needs to find its model."""

from decimal import Decimal

from steadyhand.routing.attempts import Attempts
from steadyhand.routing.health import Health
from steadyhand.routing.retry_budget import RetryBudget
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Model, Price, Provider, Rates

ACME = Provider(name="acme", dialect="openai", base_url="https://acme", place="eu", clearance="internal")
OTHER = Provider(name="other", dialect="openai", base_url="https://other", place="us", clearance="internal")


def priced(input_usd: str, output_usd: str) -> Price:
    rates = Rates(Decimal(input_usd), Decimal(output_usd), Decimal(input_usd), Decimal(input_usd))
    return Price(rates, "test")


def model(name: str, provider: Provider = ACME, **known: object) -> Model:
    given = {"price": priced("1", "2"), "context_tokens": None, **known}
    return Model(id=ModelId(f"{provider.name}:{name}"), provider=provider, name=name, **given)  # type: ignore[arg-type]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Process:
    """What all requests of a process share."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.health = Health(self.clock)
        self.budget = RetryBudget(self.clock)

    def attempts(
        self, *models: Model, time_s: float = 30.0, is_ours: bool = False, jitter: float = 0.5
    ) -> Attempts:
        return Attempts(
            models,
            self.health,
            self.budget,
            deadline=self.clock() + time_s,
            clock=self.clock,
            jitter=lambda: jitter,
            is_ours=is_ours,
        )
