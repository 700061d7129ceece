"""From a folder to a feature that can run, or to everything that is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from steadyhand.features import caching, knowledge, meaning, routing
from steadyhand.features.cases import EXAMPLES, Schemas, read_examples
from steadyhand.features.contract import Contract
from steadyhand.features.expressions import scope
from steadyhand.features.files import Files, Layers, Signature, read_layers
from steadyhand.features.flaw import Flaw
from steadyhand.features.known import Known
from steadyhand.features.parse import Parsed, parse
from steadyhand.features.schemas import read_schema
from steadyhand.features.spans import seconds
from steadyhand.prompts.flaws import flaws as template_flaws
from steadyhand.types.feature import Budget, Check, Feature, Problem, Review, Value
from steadyhand.types.ids import FeatureName, ModelId
from steadyhand.types.json import JsonSchema, text_field
from steadyhand.types.model import Example, Rule

PROMPT = "prompt.md"


@dataclass(frozen=True, slots=True)
class Loaded:
    """`feature` is None when there are problems. `signatures` are of every file that was read or looked for."""

    feature: Feature | None
    problems: tuple[Problem, ...]
    signatures: dict[str, Signature]
    schemas: Schemas | None


def load(root: Path, name: str, known: Known) -> Loaded:
    """Read the contract in `features/<name>` of a workspace, with what it extends. Does not stop at a fault."""
    files = Files(root, known.recipes)
    layers = read_layers(files, name, root, known.recipes)
    if layers is None:
        return Loaded(None, files.problems(), files.signatures, None)
    raw = layers.merged()
    parsed = parse(raw)
    for flaw in parsed.flaws:
        layers.report(flaw)
    schemas = Schemas(_schema(layers, parsed, "input"), _schema(layers, parsed, "output"))
    prompt = _prompt(layers, parsed.contract, schemas.input)
    for flaw in _flaws(name, parsed, raw, schemas, known):
        if parsed.is_real(flaw.path):
            layers.report(flaw)
    examples = _examples(layers, schemas)
    if files.problems():
        whole = schemas if schemas.input and schemas.output else None
        return Loaded(None, files.problems(), files.signatures, whole)
    feature = _feature(parsed.contract, files.version(), schemas, prompt, examples)
    return Loaded(feature, (), files.signatures, schemas)


def _schema(layers: Layers, parsed: Parsed, key: str) -> JsonSchema:
    """The schema of one side; one that allows everything where the contract's is not usable."""
    if not parsed.is_real((key,)):
        return {}
    table = parsed.contract.input if key == "input" else parsed.contract.output
    return read_schema(layers, key, table) or {}


def _flaws(name: str, parsed: Parsed, raw: dict[str, object], schemas: Schemas, known: Known) -> Iterator[Flaw]:
    yield from meaning.name_flaws(name, parsed, known)
    yield from meaning.promise_flaws(parsed.contract, raw, schemas.output)
    yield from meaning.expression_flaws(parsed.contract, schemas)
    yield from meaning.value_flaws(parsed.contract, schemas)
    yield from caching.flaws(parsed.contract, schemas.input)
    yield from routing.flaws(parsed, scope(schemas.input, schemas.output))
    yield from knowledge.flaws(parsed.contract, schemas)


def _prompt(layers: Layers, contract: Contract, input_schema: JsonSchema) -> str:
    """The text of `prompt.md`, "" when there is none, which only local models can do without."""
    found = layers.find(PROMPT)
    if found is None or not found[1].strip():
        named = (*meaning.models(contract), *routing.models(contract.models))
        if not all(model.startswith("local:") for _, model in named):
            path = found[0] if found else layers.layers[0].folder / PROMPT
            layers.files.add(
                path, 1, "expected a prompt; found none", f"write {PROMPT}; only local models need none"
            )
        return ""
    path, text = found
    flaws = template_flaws(text, input_schema, has_passages=contract.knowledge is not None)
    for flaw in flaws:
        layers.files.add(path, flaw.line, flaw.message, flaw.hint)
    if not flaws and (fault := knowledge.render_fault(text, input_schema)):
        layers.files.add(path, 1, fault, "write it for every allowed input, also one without the optional fields")
    return text


def _examples(layers: Layers, schemas: Schemas) -> tuple[Example, ...]:
    found = layers.find(EXAMPLES)
    return read_examples(layers.files, *found, schemas) if found else ()


def _feature(
    contract: Contract, version: str, schemas: Schemas, prompt: str, examples: tuple[Example, ...]
) -> Feature:
    models, fallback = contract.models, contract.fallback
    return Feature(
        name=FeatureName(contract.name),
        version=version,
        purpose=contract.purpose,
        owner=contract.owner,
        risk=contract.risk,
        data_class=contract.data_class,
        input_schema=schemas.input,
        output_schema=schemas.output,
        text_field=text_field(schemas.output),
        prompt=prompt,
        models=tuple(ModelId(model) for model in models.try_),
        fallback_model=ModelId(models.fallback) if models.fallback else None,
        timeout_s=contract.timeout_s,
        model_timeout_s=models.timeout_s,
        knowledge=knowledge.knowledge(contract.knowledge),
        input_guardrails=tuple(contract.guardrails.input),
        output_guardrails=tuple(contract.guardrails.output),
        checks=tuple(_checks(contract)),
        attempts=contract.retry.attempts,
        review=_review(contract),
        fallback=meaning.plain_values(fallback) if fallback is not None else None,
        budget=Budget(contract.budget.per_run_usd, contract.budget.per_day_usd, contract.budget.over),
        value=_value(contract),
        gate=dict(contract.gate),
        rules=tuple(Rule(rule.when, meaning.plain_values(rule.then)) for rule in contract.rule),
        examples=examples,
        routing=routing.routing(models),
        cache=caching.cache(contract.cache),
    )


def _checks(contract: Contract) -> Iterator[Check]:
    for index, check in enumerate(contract.check):
        message = check.message or f"expected {check.rule}"
        yield Check(meaning.check_id(index, check), check.rule, check.severity, message)


def _review(contract: Contract) -> Review:
    if contract.review is None:
        return Review("", 86_400.0)
    return Review(contract.review.when, seconds(contract.review.due))


def _value(contract: Contract) -> Value | None:
    if contract.value is None:
        return None
    amount, currency = contract.value.hourly_cost.split(" ")
    return Value(contract.value.baseline_minutes, Decimal(amount), currency)
