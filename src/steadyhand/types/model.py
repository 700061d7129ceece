"""What is said to a model, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from steadyhand.types.ids import ModelId
from steadyhand.types.json import Json, JsonObject, JsonSchema
from steadyhand.types.message import (
    Delta,
    Message,
    Reasoning,
    ReasoningDelta,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
)
from steadyhand.types.passage import Passage
from steadyhand.types.text import DataClass

Place = Literal["local", "eu", "us", "other"]
"""Where a model runs: decides, with the provider's clearance, which data classes it may see."""

FinishReason = Literal["stop", "length", "filter", "tool", "other"]


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


Effort = Literal["", "none", "minimal", "low", "medium", "high"]
"""How long a reasoning model may think; "" leaves it to the vendor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """`output_schema` is what the answer must parse into; None asks for plain text.

    What is None or empty is left to the vendor. When the last message is the assistant's, the answer continues it;
    only models whose provider says how (`Provider.prefill`) can do that.
    """

    messages: tuple[Message, ...]
    timeout_s: float
    task: Task | None = None  # the typed job, of a feature's run; a gateway call has none
    output_schema: JsonSchema | None = None
    output_name: str = "output"
    is_json: bool = False  # any JSON object will do; `output_schema` says more
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None  # None: the vendor's default
    max_output_tokens: int | None = 2_048
    temperature: float | None = 0.0
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    effort: Effort = ""
    thinking_tokens: int | None = None  # the most tokens of thought, where the vendor counts them
    user: str = ""  # whom the vendor should hold responsible, a pseudonym
    stable_messages: int = 0  # so many leading messages are the same from call to call: worth a prompt cache
    extra: JsonObject = field(
        default_factory=dict
    )  # fields of the caller's that we do not know, passed on as they are


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    `input_tokens` includes `cached_tokens` and `cache_write_tokens`, which includes `cache_write_1h_tokens` (those
    kept for an hour, where the vendor charges more for that); `output_tokens` includes `reasoning_tokens`, whatever
    the vendor's own words count. `is_estimated`: the provider counted none, so they were estimated from the texts,
    on the high side.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    is_estimated: bool = False
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """`confidence` is the model's own estimate in [0, 1]; None where it gives none."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: tuple[Reasoning, ...] = ()
    usage: Usage = Usage()
    finish: FinishReason = "stop"
    model: str = ""  # the name the provider answered with
    id: str = ""  # the provider's
    first_token_s: float | None = None
    confidence: float | None = None
    extra: JsonObject = field(default_factory=dict)  # fields of the answer that we do not know, as they came

    @property
    def deltas(self) -> tuple[Delta, ...]:
        """The answer as the pieces of a stream: thoughts, the text, then the calls of tools, each in one piece."""
        thoughts = [ReasoningDelta(thought.text) for thought in self.reasoning if thought.text]
        texts = [TextDelta(self.text)] if self.text else []
        calls = [
            ToolCallDelta(index, call.id, call.name, call.arguments) for index, call in enumerate(self.tool_calls)
        ]
        return (*thoughts, *texts, *calls)


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """`dimensions` shortens the vectors where the model can; None leaves them as they are."""

    texts: tuple[str, ...]
    timeout_s: float
    dimensions: int | None = None
    purpose: Literal["", "query", "document"] = ""  # some vendors embed questions and passages differently


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each text, in their order; all of the same length."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage = Usage()
    model: str = ""


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per million tokens, as vendors publish it. What is None costs what it is a part of."""

    input: Decimal
    output: Decimal
    cached: Decimal  # read from the vendor's prompt cache
    cache_write: Decimal  # written to it
    cache_write_1h: Decimal | None = None  # written to it for an hour, a part of what is written
    reasoning: Decimal | None = None  # a part of the output


@dataclass(frozen=True, slots=True)
class Tier:
    """The rates of a call whose prompt has more than `above_tokens` tokens: they hold for all of its tokens."""

    above_tokens: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs; `source` says where the row was read. `tiers` rise with `above_tokens`.

    `per_request` is charged for every call, whatever its length.
    """

    rates: Rates
    source: str
    tiers: tuple[Tier, ...] = ()
    per_request: Decimal = Decimal(0)

    def at(self, input_tokens: int) -> Rates:
        """The rates for a prompt of so many tokens."""
        fitting = [tier.rates for tier in self.tiers if input_tokens > tier.above_tokens]
        return fitting[-1] if fitting else self.rates


Prefill = Literal["none", "plain", "prefix", "vllm"]
"""How a provider continues an answer that was begun.

The last message is the assistant's: `plain` needs nothing else, `prefix` marks it with `"prefix": true` (Mistral,
DeepSeek), `vllm` wants `continue_final_message`. `none` begins anew.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A wire dialect, an endpoint and where its key is. No key is needed when none of the three places is named.

    A `base_url` that holds a name in braces, such as `https://{resource}.example`, waits for the workspace to fill
    it in.
    """

    name: str
    dialect: str
    base_url: str
    place: Place
    clearance: DataClass  # the highest data class this provider may see
    key_variable: str = ""  # environment variable
    key_file: str = ""
    key_command: tuple[str, ...] = ()  # prints the key; asked again when it may have expired
    key_header: str = ""  # "" leaves it to the dialect
    also: tuple[str, ...] = ()  # further dialects spoken at the same address
    agreement: str = ""  # the data-processing agreement in force; "" for none
    prefill: Prefill = "none"
    region: str = ""
    proxy: str = field(default="", repr=False)  # an HTTP proxy on the way, as http://HOST:PORT

    @property
    def needs_key(self) -> bool:
        return bool(self.key_variable or self.key_file or self.key_command)

    @property
    def is_complete(self) -> bool:
        """Has the address no name left to fill in?"""
        return "{" not in self.base_url


Order = Literal["listed", "cost", "latency", "weight", "auto"]
"""How the models that may serve are ordered: as written, cheapest first, fastest first, by share, or by the
built-in decision tree (`routing/policies`)."""

Capability = Literal["tools", "vision", "documents", "json_schema", "reasoning", "embeddings", "prompt_cache"]
Size = Literal["small", "medium", "large", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A catalogue entry. `price` None means the price is unknown, which is said and never taken for zero."""

    id: ModelId
    provider: Provider
    name: str
    price: Price | None
    context_tokens: int | None
    description: str = ""
    max_output_tokens: int | None = None
    capabilities: frozenset[Capability] = frozenset()
    strengths: tuple[str, ...] = ()  # tasks it is known to do well, such as "extraction"
    size: Size = ""
    deprecated_on: date | None = None  # the day the vendor stops serving it
    vram_gb: float | None = None  # what a local model needs at 4 bits


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
