"""What is said to a model, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from steadyhand.types.ids import ModelId
from steadyhand.types.json import Json, JsonObject, JsonSchema
from steadyhand.types.passage import Passage
from steadyhand.types.text import DataClass, Segment

Role = Literal["system", "user", "assistant"]
Place = Literal["local", "eu", "us", "other"]
"""Where a model runs: decides, with the provider's clearance, which data classes it may see."""

FinishReason = Literal["stop", "length", "filter", "tool", "other"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Rule:
    """A decision that needs no model: when the CEL expression over `input` holds, these output fields are set."""

    when: str
    then: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled case of a feature: `input` and the `output` a person gave it."""

    input: JsonObject
    output: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The typed job behind the messages. Built-in local models work on it; remote dialects read the messages."""

    input: JsonObject
    query: str  # the question, as it was given to retrieval
    output_schema: JsonSchema  # of the feature's output, without `citations`
    passages: tuple[Passage, ...] = ()
    examples: tuple[Example, ...] = ()
    settled: JsonObject = field(default_factory=dict)  # output fields that the contract's rules have decided


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """`output_schema` is what the answer must parse into; None asks for plain text."""

    messages: tuple[Message, ...]
    task: Task
    output_schema: JsonSchema | None
    timeout_s: float
    max_output_tokens: int = 2_048
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `input_tokens` includes `cached_tokens`; `output_tokens` includes reasoning.

    `is_estimated`: the provider counted none, so they were estimated from the texts, on the high side.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    is_estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """`confidence` is the model's own estimate in [0, 1]; None where it gives none."""

    text: str
    usage: Usage = Usage()
    finish: FinishReason = "stop"
    model: str = ""  # the name the provider answered with
    first_token_s: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, as vendors publish it; `source` says where the row was read."""

    input: Decimal
    output: Decimal
    cached: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A wire dialect, an endpoint and a key. `key_variable` names the environment variable; "" needs no key."""

    name: str
    dialect: str
    base_url: str
    key_variable: str
    place: Place
    clearance: DataClass  # the highest data class this provider may see


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A catalogue entry. `price` None means the price is unknown, which is said and never taken for zero."""

    id: ModelId
    provider: Provider
    name: str
    price: Price | None
    context_tokens: int | None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may serve the run, or may not, and why."""

    model: Model
    is_allowed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One attempt to have a model answer, as the ledger keeps it. `error` is "" when it answered."""

    model: ModelId
    attempt: int
    usage: Usage
    cost_usd: Decimal | None  # None: the price is unknown
    price: Price | None
    duration_s: float
    first_token_s: float | None
    error: str
    prompt: str
    answer: str
