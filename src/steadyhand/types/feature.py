"""A feature as it runs: the contract, parsed, checked and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from steadyhand.types.condition import Condition
from steadyhand.types.findings import Severity
from steadyhand.types.ids import FeatureName, ModelId
from steadyhand.types.json import JsonObject, JsonSchema
from steadyhand.types.model import Example, Rule
from steadyhand.types.routing import Over, Routing
from steadyhand.types.text import DataClass

Risk = Literal["minimal", "limited", "high"]


@dataclass(frozen=True, slots=True)
class Check:
    """A CEL expression over `input`, `output`, `evidence` and `confidence` that must be true."""

    id: str
    rule: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Where the feature's answers come from. `query` is a Jinja template over `input`, and so are texts in `where`.

    `queries` counts the wordings that are searched, the question's own included; the others are a model's.
    `rerank`, `max_tokens`, `expand` and `diversity` are as in a search's `Finish`. Passages whose support of the
    question, in [0, 1], is below `min_score` count as nothing found; None is the usual bound.
    """

    base: str
    query: str
    top_k: int
    must_cite: bool
    queries: int = 1
    rerank: str = ""
    max_tokens: int | None = None
    expand: bool = False
    diversity: float = 0.0
    where: tuple[Condition, ...] = ()
    min_score: float | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """Ask a person when the CEL expression `when` holds; "" never does. `due_s`: seconds until it is overdue."""

    when: str
    due_s: float


@dataclass(frozen=True, slots=True)
class Budget:
    per_run_usd: Decimal | None
    per_day_usd: Decimal | None
    over: Over = "cheaper"


@dataclass(frozen=True, slots=True)
class Cache:
    """Give an answer again for `ttl_s` seconds: to the very same input, or as `faq` to the same words of it."""

    match: Literal["exact", "faq"]
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Value:
    """The work the feature replaces: minutes by hand, and the cost of an hour, such as `30 EUR`."""

    baseline_minutes: float
    hourly_cost: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """`version` changes when any file of the contract does: 12 hexadecimal digits of a SHA-256 over all of them.

    `timeout_s` bounds the whole run, `model_timeout_s` one attempt at one model. `text_field` is the output field
    that citations support: the first that is free text.
    """

    name: FeatureName
    version: str
    purpose: str
    owner: str
    risk: Risk
    data_class: DataClass
    input_schema: JsonSchema
    output_schema: JsonSchema
    text_field: str
    prompt: str
    models: tuple[ModelId, ...]
    fallback_model: ModelId | None
    timeout_s: float
    model_timeout_s: float
    knowledge: Knowledge | None
    input_guardrails: tuple[str, ...]
    output_guardrails: tuple[str, ...]
    checks: tuple[Check, ...]
    attempts: int  # corrective retries after the first try
    review: Review
    fallback: JsonObject | None
    budget: Budget
    value: Value | None
    gate: Mapping[str, float]
    rules: tuple[Rule, ...]
    examples: tuple[Example, ...]
    routing: Routing = field(default_factory=Routing)
    cache: Cache | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a contract: where, what was expected and found, and what to do. `line` counts from 1."""

    file: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: {self.message}"
        return f"{place} hint: {self.hint}" if self.hint else place
