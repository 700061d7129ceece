"""What is wrong with a CEL rule of a contract, before a run finds out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from steadyhand.checks.cel import FUNCTIONS, Outcome, Step, evaluate, references, syntax_error
from steadyhand.checks.rules import values
from steadyhand.checks.schema import dotted
from steadyhand.features.flaw import Flaw
from steadyhand.features.sample import sample
from steadyhand.hints import did_you_mean
from steadyhand.tables.lines import KeyPath
from steadyhand.types.json import JsonObject, JsonSchema
from steadyhand.types.passage import Evidence

_EVIDENCE = Evidence(field="text", source="text", page=1, start=0, end=4, quote="text", knowledge_base="text")
_EVIDENCE_SCHEMA: JsonSchema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "field": {"type": "string"},
            "source": {"type": "string"},
            "page": {"type": "integer"},
            "quote": {"type": "string"},
        },
    },
}
_SCALARS = ("string", "number", "integer", "boolean", "null")
_CONVERSIONS = ("int", "uint", "double", "timestamp", "duration")  # whether they work depends on the value


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule may speak of: names with their schemas, and values to try it on, the fullest first."""

    schemas: Mapping[str, JsonSchema]
    trials: tuple[JsonObject, ...]


def scope(input_schema: JsonSchema, output_schema: JsonSchema) -> Scope:
    """For checks and reviews: the input, the output, its evidence, and the confidence."""
    schemas = {
        "input": input_schema,
        "output": output_schema,
        "evidence": _EVIDENCE_SCHEMA,
        "confidence": {"type": "number"},
    }
    trials: list[JsonObject] = []
    for has_optional in (True, False):
        given = sample(input_schema, has_optional=has_optional)
        made = sample(output_schema, has_optional=has_optional)
        if isinstance(given, dict) and isinstance(made, dict):
            trials.append(values(given, made, (input_schema, output_schema), [_EVIDENCE], 0.5))
    return Scope(schemas, tuple(trials))


def input_scope(whole: Scope) -> Scope:
    """For rules that decide before there is an output."""
    return Scope({"input": whole.schemas["input"]}, tuple({"input": trial["input"]} for trial in whole.trials))


def rule_flaws(rule: str, path: KeyPath, within: Scope, *, is_condition: bool = True) -> list[Flaw]:
    """Everything wrong with the rule that stands at `path`.

    It may not compile, name what is not there, call what does not exist, fail on a value that is allowed, or, as a
    condition, be neither true nor false.
    """
    where = dotted("", path)
    if fault := syntax_error(rule):
        return [Flaw(path, f"{where}: does not compile: {fault}", "write a CEL expression")]
    found = [Flaw(path, f"{where}: {message}", hint) for message, hint in _names(rule, within)]
    return found or [
        Flaw(path, f"{where}: {message}", hint) for message, hint in _trial(rule, within, is_condition)
    ]


def _names(rule: str, within: Scope) -> Iterator[tuple[str, str]]:
    spoken = references(rule)
    for name, *steps in spoken.paths:
        schema = within.schemas.get(str(name))
        if schema is None:
            yield f"expected {', '.join(within.schemas)}; found {name!r}", did_you_mean(str(name), within.schemas)
        else:
            yield from _fields(schema, str(name), steps)
    for call in spoken.calls:
        if call not in FUNCTIONS:
            yield f"there is no function {call!r}", did_you_mean(call, FUNCTIONS) or "see CEL's standard functions"


def _fields(schema: JsonSchema, where: str, steps: list[Step]) -> Iterator[tuple[str, str]]:
    """Follow a reference through its schema, as far as the schema says."""
    for step in steps:
        known = schema.get("properties")
        if step is None:
            inner = schema.get("items")
            where += "[]"
        elif isinstance(known, dict):
            if step not in known and not schema.get("additionalProperties"):
                yield f"{where} has no field {step!r}", did_you_mean(step, known) or f"it has {', '.join(known)}"
            inner = known.get(step)
            where += f".{step}"
        elif schema.get("type") in _SCALARS:
            yield f"{where} is a {schema['type']} and has no field {step!r}", f"write {where}"
            return
        else:
            return
        if not isinstance(inner, dict):
            return
        schema = inner


def _trial(rule: str, within: Scope, is_condition: bool) -> Iterator[tuple[str, str]]:
    """The first complaint of an evaluation on values that the schemas allow."""
    for number, trial in enumerate(within.trials):
        outcome = evaluate(rule, trial)
        missing = _missing(rule, trial) if number else []
        if _is_fault(outcome) and missing:
            hint = f"write has({missing[0]}) && …"
            yield f"cannot be evaluated when {' and '.join(missing)} is missing: {outcome.problem}", hint
            return
        if _is_fault(outcome):
            hint = "CEL does not mix types: 2.0 goes with a number, 2 with an integer"
            yield f"cannot be evaluated: {outcome.problem}", hint if outcome.error is TypeError else ""
            return
        if is_condition and not outcome.problem and not isinstance(outcome.value, bool):
            yield f"expected true or false; found {outcome.value!r}", "compare it with something"
            return


def _is_fault(outcome: Outcome) -> bool:
    """Would it fail for other values too? A failed conversion or division depends on the value."""
    depends = any(outcome.problem.startswith(f"Function '{name}'") for name in _CONVERSIONS)
    return outcome.error in (TypeError, KeyError, RuntimeError) and not depends


def _missing(rule: str, trial: JsonObject) -> list[str]:
    found = []
    for path in references(rule).paths:
        node: object = trial
        for step in path:
            if isinstance(node, dict) and step not in node:
                found.append(".".join(str(step) for step in path))
                break
            node = node.get(step) if isinstance(node, dict) else None
    return found
