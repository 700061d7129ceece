"""The contract as it is written in `feature.toml`: every key, what it means, and its default.

These models read the raw table; what the keys mean together is decided in `load`. The JSON Schema for editors is
taken from here, so a key and its documentation cannot drift apart.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from steadyhand.types.feature import Risk
from steadyhand.types.findings import Severity
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.model import Order, Place
from steadyhand.types.routing import Over
from steadyhand.types.text import DataClass

NAME = r"^[a-z][a-z0-9_-]{0,62}$"
MODEL = r"^[^:\s]+:\S+$"
DUE = r"^[1-9]\d{0,3}[mhd]$"
HOURLY_COST = r"^\d+(\.\d+)? [A-Z]{3}$"

_SHORT_TYPES = "A short type such as `text <= 20000`, `number 0..1`, `high | medium | low`, `date ?` or `string[]`."
_Fields = Annotated[
    dict[str, object],
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": ["string", "object", "array"], "description": _SHORT_TYPES},
        }
    ),
]
_Values = Annotated[dict[str, object], WithJsonSchema({"type": "object"})]
_Seconds = Annotated[float, Field(gt=0, le=86_400)]
_Usd = Annotated[Decimal, Field(strict=False, gt=0)]
_Text = Annotated[str, Field(min_length=1)]
_Model = Annotated[str, Field(pattern=MODEL)]
_Percent = Annotated[float, Field(gt=0, le=100)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ExperimentTable(_Table):
    name: str = Field(pattern=NAME, description="What it is called; another name draws anew.")
    key: str = Field(
        "", description="CEL over input: runs with an equal value get the same model; default: the caller."
    )
    shares: dict[_Model, _Percent] = Field(
        min_length=1, description="Percent of the runs that ask this model first; the rest are the control group."
    )


class ShadowTable(_Table):
    model: _Model = Field(description="A model that is asked as well, after the answer; it never answers.")
    share: _Percent = Field(description="Percent of the runs it is asked for.")


class FlagTable(_Table):
    name: _Text = Field(description="The feature flag whose value is the model that is asked first.")
    default: str = Field("", description="Its value where nothing sets the flag; empty for the usual order.")


class ModelsTable(_Table):
    try_: list[_Model] = Field(
        alias="try", min_length=1, description="Models as provider:name, tried in this order."
    )
    fallback: _Model | None = Field(None, description="A model asked when all of `try` failed or were too slow.")
    timeout_s: _Seconds = Field(10.0, description="Seconds for one attempt at one model.")
    order: Order = Field(
        "listed",
        description="How models that may serve are ordered: listed, cost, latency, weight, or auto, which decides.",
    )
    weights: dict[_Model, Annotated[int, Field(ge=1, le=10_000)]] = Field(
        default_factory=dict, description="Shares of the models, for order = weight."
    )
    place: list[Place] = Field(default_factory=list, description="Where models may run; default: everywhere.")
    volume: Literal["normal", "high"] = Field("normal", description="high: order = auto goes by the price.")
    hedge_s: _Seconds | None = Field(
        None, description="Ask a second model when the first has not answered after so many seconds; first wins."
    )
    experiment: ExperimentTable | None = Field(None, description="A comparison of models, and canaries.")
    shadow: ShadowTable | None = Field(None, description="A model to compare with that never answers.")
    flag: FlagTable | None = Field(None, description="A feature flag that names the model to ask first.")


class KnowledgeTable(_Table):
    base: _Text = Field(description="The knowledge base that answers come from.")
    query: str = Field("", description="Template of the search over `input`; default: all texts of the input.")
    top: int = Field(8, ge=1, le=50, description="How many passages the model may read.")
    cite: bool = Field(True, description="Must every answer cite its sources?")
    queries: int = Field(
        1,
        ge=1,
        le=5,
        description="Wordings that are searched. Above 1 a model of `try` writes the others; where the input has"
        " `history`, it makes a question of its own out of what follows the conversation.",
    )
    rerank: str = Field(
        "none",
        description="Who puts the passages into order: none, lexical, model, or onnx:FOLDER for a cross-encoder.",
    )
    max_tokens: int | None = Field(
        None, ge=256, le=1_000_000, description="The most tokens of all passages together; default: unlimited."
    )
    expand: bool = Field(False, description="Show the section around a passage, where there is room for it.")
    diversity: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How far a passage falls back, 0 to 1, that is like a better one; the very same is left out.",
    )
    filter: _Values = Field(
        default_factory=dict,
        description="Conditions on the metadata of documents; values may be templates such as {{ input.country }}.",
    )
    min_score: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Support of the question, 0 to 1, below which nothing counts as found and no model is asked,"
        " where the output has `found`; default 0.04, and 0 always asks.",
    )


class GuardrailsTable(_Table):
    input: list[str] = Field(default_factory=list, description="Guardrails that see the input.")
    output: list[str] = Field(default_factory=list, description="Guardrails that see the output.")


class CheckTable(_Table):
    id: _Text | None = Field(None, description="Name in reports; default check-1, check-2 and so on.")
    rule: _Text = Field(description="CEL over input, output, evidence and confidence; true when all is well.")
    severity: Severity = Field("block", description="What a failed check does: block, review or note.")
    message: _Text | None = Field(None, description="What was expected, for people and for the model's next try.")


class RetryTable(_Table):
    attempts: int = Field(1, ge=0, le=5, description="Corrective retries after the first answer was refused.")


class ReviewTable(_Table):
    when: _Text = Field(
        description="CEL over input, output, evidence and confidence; a person decides when it holds."
    )
    due: str = Field("1d", pattern=DUE, description="Until when: 30m, 2h, 1d.")


class BudgetTable(_Table):
    per_run_usd: _Usd | None = Field(None, description="The most one run may cost, in US dollars.")
    per_day_usd: _Usd | None = Field(None, description="The most all runs of a day (UTC) may cost, in US dollars.")
    over: Over = Field(
        "cheaper",
        description="When the model to be asked first may cost too much: a cheaper one, the fallback, or refuse.",
    )


class CacheTable(_Table):
    match: Literal["exact", "faq"] = Field(
        "exact", description="exact: the very same input; faq: the same words of it, however they are written."
    )
    ttl: str = Field("1d", pattern=DUE, description="How long an answer may be given again: 30m, 2h, 1d.")


class ValueTable(_Table):
    baseline_minutes: float = Field(gt=0, description="Minutes a person needs for the same work.")
    hourly_cost: str = Field(pattern=HOURLY_COST, description="Cost of a person's hour, such as 30 EUR.")


class RuleTable(_Table):
    when: _Text = Field(description="CEL over input; when it holds, no model is asked for these fields.")
    then: _Values = Field(min_length=1, description="Output fields and their values.")


class Contract(_Table):
    """A feature of a Steadyhand workspace."""

    name: str = Field(pattern=NAME, description="The folder's name; also the feature's address.")
    purpose: _Text = Field(description="What the feature is for, and what it never does.")
    owner: _Text = Field(description="Who answers for it.")
    risk: Risk = Field("minimal", description="Decides compulsory controls; high makes review compulsory.")
    data_class: DataClass = Field("internal", description="A run is at least this sensitive.")
    extends: _Text | None = Field(None, description="A feature, or recipe:NAME, whose contract this one changes.")
    timeout_s: _Seconds = Field(30.0, description="The longest a caller waits, in seconds, retries included.")
    input: _Fields = Field(description='Fields by short type, or schema = "input.json".')
    output: _Fields = Field(description='Fields by short type, or schema = "output.json".')
    models: ModelsTable = Field(description="Who answers.")
    knowledge: KnowledgeTable | None = Field(None, description="Where answers come from.")
    guardrails: GuardrailsTable = Field(default_factory=GuardrailsTable, description="Who looks at the text.")
    check: list[CheckTable] = Field(default_factory=list, description="Rules that an output must keep.")
    retry: RetryTable = Field(default_factory=RetryTable, description="Second chances, with the faults named.")
    review: ReviewTable | None = Field(None, description="When a person decides.")
    fallback: _Values | None = Field(None, description="Output fields to answer with when everything else failed.")
    budget: BudgetTable = Field(default_factory=BudgetTable, description="What the feature may cost.")
    cache: CacheTable | None = Field(None, description="Answers that may be given again; without it, none.")
    value: ValueTable | None = Field(None, description="The work it replaces, for the return on investment.")
    gate: dict[str, float] = Field(default_factory=dict, description="Metric and the least it must reach.")
    rule: list[RuleTable] = Field(default_factory=list, description="Decisions that need no model.")


def contract_schema() -> JsonObject:
    """The JSON Schema of `feature.toml`, draft 2020-12, for editors that complete and check while one types."""
    schema: dict[str, Json] = Contract.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Steadyhand feature contract",
        **{key: value for key, value in schema.items() if key != "title"},
    }
