"""What a month costs, before it is lived: arithmetic on calls, tokens and prices. Nothing here reads or asks.

Prompt caches are counted as read: writing the cached part once in a while is not in here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from steadyhand.routing.cost import cost_usd
from steadyhand.types.model import Price, Usage

_PER_MILLION = Decimal(1_000_000)
_SECONDS = Decimal(3_600)

Prices = Mapping[str, Price | None]
"""The models that are compared, by name. None: its price is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is asked of a model in a month: so many `units`, such as documents, each with these calls.

    `budget_usd` is the least and the most that a month may cost; `saved_minutes` is what each unit saves a person.
    """

    name: str
    unit: str
    units: int
    calls: tuple[Usage, ...]
    budget_usd: tuple[Decimal, Decimal] | None = None
    saved_minutes: Decimal = Decimal(0)

    @property
    def calls_a_month(self) -> int:
        return self.units * len(self.calls)

    @property
    def usage(self) -> Usage:
        """All tokens of a month."""
        return Usage(
            input_tokens=self.units * sum(call.input_tokens for call in self.calls),
            output_tokens=self.units * sum(call.output_tokens for call in self.calls),
            cached_tokens=self.units * sum(call.cached_tokens for call in self.calls),
        )

    @property
    def saved_hours(self) -> Decimal:
        return self.units * self.saved_minutes / 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A month of a workload with one model. None: the price is not known.

    `answers` are the shortest and the longest output of a call, in tokens, that keep a month within its budget;
    None where no budget was given, or where no length does.
    """

    model: str
    usd: Decimal | None
    unit_usd: Decimal | None
    is_cheapest: bool
    answers: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """Models on graphics processors that are paid by the hour, busy or not. `question` is what one call uses."""

    name: str
    gpus: int
    gpu_hour_usd: Decimal
    hours: Decimal
    question: Usage

    @property
    def usd(self) -> Decimal:
        """A month."""
        return self.gpus * self.gpu_hour_usd * self.hours

    def break_even(self, price: Price) -> Decimal | None:
        """Questions a month from which hosting is cheaper than this price; None: never, where that is 0."""
        each = cost_usd(self.question, price)
        return self.usd / each if each else None

    def tokens_per_s(self, mtok_usd: Decimal) -> Decimal:
        """Tokens a second, day and night, at which a million of them costs as much as said."""
        return self.usd / mtok_usd * _PER_MILLION / (self.hours * _SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Fine-tuning by a vendor, who charges for every token of every pass. `mtok_usd` is for a million of them."""

    name: str
    examples: int
    example_tokens: int
    epochs: int
    mtok_usd: Decimal

    @property
    def usd(self) -> Decimal:
        return self.examples * self.example_tokens * self.epochs * self.mtok_usd / _PER_MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Something that is built once and saves money every month from then on. `within` are months: from, to."""

    name: str
    build_usd: Decimal
    saves_usd: Decimal
    runs_usd: Decimal
    within: tuple[int, int] | None = None

    @property
    def months(self) -> int | None:
        """The month in which it has paid for itself; None: never, because it runs for what it saves."""
        net = self.saves_usd - self.runs_usd
        return _up(self.build_usd / net) if net > 0 else None

    @property
    def affordable(self) -> tuple[int, int] | None:
        """The least and the most US dollars, whole, that the building may cost to pay for itself `within` time."""
        net = self.saves_usd - self.runs_usd
        if self.within is None or net <= 0:
            return None
        first, last = self.within
        return _down((first - 1) * net) + 1, _down(last * net)


def conversation(
    turns: int, *, system: int, passages: int, user: int, answer: int, cached: int = 0
) -> tuple[Usage, ...]:
    """The calls of a conversation: each one reads the system prompt, its passages and all that was said before."""
    return tuple(
        Usage(system + passages + user + turn * (user + answer), answer, cached_tokens=cached)
        for turn in range(turns)
    )


def estimates(workload: Workload, prices: Prices) -> tuple[Estimate, ...]:
    """A month with each of the models, in their order."""
    costs = {model: month_usd(workload, price) if price else None for model, price in prices.items()}
    least = min((cost for cost in costs.values() if cost), default=None)  # hosting is not in a price of 0
    return tuple(
        Estimate(
            model=model,
            usd=usd,
            unit_usd=usd / workload.units if usd is not None else None,
            is_cheapest=usd is not None and usd == least and len(prices) > 1,
            answers=_answers(workload, price) if price else None,
        )
        for (model, usd), price in zip(costs.items(), prices.values(), strict=True)
    )


def month_usd(workload: Workload, price: Price) -> Decimal:
    """Exact. Every call is priced by itself: a long prompt may have rates of its own."""
    return workload.units * sum((cost_usd(call, price) for call in workload.calls), Decimal(0))


def output_tokens_for(workload: Workload, price: Price, usd: Decimal) -> Decimal | None:
    """How long an answer may be on average, in tokens, for a month to cost so much.

    Below 0 when the input alone costs more; None where output costs nothing.
    """
    silent = replace(workload, calls=tuple(replace(call, output_tokens=0) for call in workload.calls))
    each = replace(workload, calls=tuple(replace(call, output_tokens=1) for call in workload.calls))
    base = month_usd(silent, price)
    token_usd = month_usd(each, price) - base
    return (usd - base) / token_usd if token_usd else None


def _answers(workload: Workload, price: Price) -> tuple[int, int] | None:
    if workload.budget_usd is None:
        return None
    least, most = (output_tokens_for(workload, price, usd) for usd in workload.budget_usd)
    if least is None or most is None or most < 0:
        return None
    return max(0, _up(least)), _down(most)


def _up(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_CEILING))


def _down(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_FLOOR))
