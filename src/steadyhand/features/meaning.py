"""What is wrong with a contract of well-formed keys: names that lead nowhere, rules and values that fail."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time

from steadyhand.checks.schema import dotted
from steadyhand.features import routing
from steadyhand.features.cases import Schemas
from steadyhand.features.contract import CheckTable, Contract
from steadyhand.features.expressions import input_scope, rule_flaws, scope
from steadyhand.features.flaw import Flaw
from steadyhand.features.known import Known
from steadyhand.features.parse import Parsed
from steadyhand.hints import did_you_mean
from steadyhand.tables.lines import KeyPath
from steadyhand.types.ids import ModelId
from steadyhand.types.json import Json, JsonObject, JsonSchema, fields, text_field
from steadyhand.types.text import highest, rank


def name_flaws(folder: str, parsed: Parsed, known: Known) -> Iterator[Flaw]:
    """Names that do not lead to anything, or to two things."""
    contract = parsed.contract
    if parsed.is_real(("name",)) and contract.name != folder:
        message = f"name: expected {folder!r}, as the folder is called; found {contract.name!r}"
        yield Flaw(("name",), message, "rename one of them")
    for path, model in (*models(contract), *routing.models(contract.models)):
        if parsed.is_real(path) and known.clearance_of(ModelId(model)) is None:
            hint = did_you_mean(model, known.models()) or "steadyhand models list"
            yield Flaw(path, f"{dotted('', path)}: {model!r} is not a model of the catalogue", hint)
    yield from _clearance_flaws(parsed, known)
    for side, names in (("input", contract.guardrails.input), ("output", contract.guardrails.output)):
        for index, name in enumerate(names):
            path = ("guardrails", side, index)
            if parsed.is_real(path) and name not in known.guardrails:
                yield _unknown(path, "guardrail", name, known.guardrails)
    if contract.knowledge and contract.knowledge.base not in (bases := known.knowledge_bases()):
        base = contract.knowledge.base
        there_are = f"there are {', '.join(bases) or 'none'}; [knowledge.{base}] in steadyhand.toml declares it"
        yield _unknown(("knowledge", "base"), "knowledge base", base, bases, there_are)
    ids = Counter(check_id(index, check) for index, check in enumerate(contract.check))
    for index, check in enumerate(contract.check):
        if check.id and ids[check.id] > 1:
            yield Flaw(
                ("check", index, "id"), f"check[{index}].id: {check.id!r} is used twice", "give each its own id"
            )


def _clearance_flaws(parsed: Parsed, known: Known) -> Iterator[Flaw]:
    """Every model is known, and none may see what each run of the feature holds."""
    contract = parsed.contract
    clearances = [known.clearance_of(ModelId(model)) for _, model in models(contract)]
    seen = [clearance for clearance in clearances if clearance is not None]
    base = contract.knowledge.base if contract.knowledge else ""
    needed = highest(contract.data_class, *([known.class_of(base)] if base else []))
    if not parsed.is_real(("models", "try")) or len(seen) < len(clearances) or rank(needed) <= rank(highest(*seen)):
        return
    why = "" if needed == contract.data_class else f" of the knowledge base {base!r}"
    message = f"models.try: no model may see {needed} data{why}: they may see up to {highest(*seen)}"
    hint = "add a local model, or raise clearance in [providers.NAME] of steadyhand.toml"
    yield Flaw(("models", "try"), message, hint)


def promise_flaws(contract: Contract, raw: Mapping[str, object], output: JsonSchema) -> Iterator[Flaw]:
    """Keys that do not go together."""
    if contract.risk == "high" and "review" not in raw:
        hint = 'add [review] with when = "confidence < 0.9"'
        yield Flaw(("risk",), "risk: high makes review compulsory; found no [review]", hint)
    if contract.knowledge and output:
        if "citations" in fields(output):
            yield Flaw(("output", "citations"), "output.citations: is added by [knowledge]", "leave it out")
        if contract.knowledge.cite and not text_field(output):
            hint = 'add answer = "text", or set knowledge.cite = false'
            yield Flaw(("output",), "output: expected a text field that citations can support; found none", hint)


def expression_flaws(contract: Contract, schemas: Schemas) -> Iterator[Flaw]:
    """Faults of every CEL rule."""
    whole = scope(schemas.input, schemas.output)
    before = input_scope(whole)
    rules: list[tuple[KeyPath, str]] = [
        (("check", index, "rule"), check.rule) for index, check in enumerate(contract.check)
    ]
    if contract.review:
        rules.append((("review", "when"), contract.review.when))
    for path, rule in rules:
        yield from rule_flaws(rule, path, whole)
    for index, decision in enumerate(contract.rule):
        yield from rule_flaws(decision.when, ("rule", index, "when"), before)


def value_flaws(contract: Contract, schemas: Schemas) -> Iterator[Flaw]:
    """Output values that the output's schema does not allow. Fields that are not given are not missed."""
    given: list[tuple[KeyPath, Mapping[str, object]]] = [
        (("rule", index, "then"), decision.then) for index, decision in enumerate(contract.rule)
    ]
    if contract.fallback is not None:
        given.append((("fallback",), contract.fallback))
    known = fields(schemas.output)
    for path, values in given:
        plain = plain_values(values)
        for name in plain:
            if known and name not in known:
                hint = did_you_mean(name, known) or f"the fields are {', '.join(known)}"
                yield Flaw((*path, name), f"{dotted('', (*path, name))}: is not an output field", hint)
        fitting = {name: value for name, value in plain.items() if name in known}
        for violation in schemas.output_fields(fitting, dotted("", path)):
            yield Flaw((*path, *violation.path), violation.message, violation.hint)


def models(contract: Contract) -> Iterator[tuple[KeyPath, str]]:
    """Every model that may answer, with the path of its key."""
    for index, model in enumerate(contract.models.try_):
        yield ("models", "try", index), model
    if contract.models.fallback:
        yield ("models", "fallback"), contract.models.fallback


def plain_values(values: Mapping[str, object]) -> JsonObject:
    """TOML's values as JSON's: dates and times become text."""
    return {name: _plain(value) for name, value in values.items()}


def check_id(index: int, check: CheckTable) -> str:
    return check.id or f"check-{index + 1}"


def _plain(value: object) -> Json:
    match value:
        case dict():
            return plain_values(value)
        case list():
            return [_plain(item) for item in value]
        case datetime() | date() | time():
            return value.isoformat()
        case bool() | int() | float() | str():
            return value
    raise AssertionError(f"TOML has no {type(value).__name__}")


def _unknown(path: KeyPath, what: str, name: str, known: Iterable[str], else_hint: str = "") -> Flaw:
    hint = did_you_mean(name, known) or else_hint or f"there are {', '.join(known) or 'none'}"
    return Flaw(path, f"{dotted('', path)}: there is no {what} {name!r}", hint)
