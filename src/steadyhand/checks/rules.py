"""What a contract's rules say about a run's values: is it so, which checks fail, which fields are settled.

A rule never stops a run by an error: a check that cannot be evaluated has failed, and says why.
"""

from collections.abc import Iterable, Mapping

from steadyhand.checks.cel import Outcome, evaluate
from steadyhand.types.feature import Check
from steadyhand.types.findings import CheckResult
from steadyhand.types.json import Json, JsonObject, JsonSchema
from steadyhand.types.model import Rule
from steadyhand.types.passage import Evidence


def holds(rule: str, values: Mapping[str, Json], *, otherwise: bool = False) -> bool:
    """Is `rule` true of `values`? `otherwise` is the answer when it cannot be evaluated.

    A field that is not there reads as null, so `input.channel == 'email'` is false without a channel.
    """
    outcome = evaluate(rule, values)
    return outcome.value is True if isinstance(outcome.value, bool) else otherwise


def results(checks: Iterable[Check], values: Mapping[str, Json]) -> list[CheckResult]:
    """The verdict of each check, in order. `detail` is the check's message, or why it could not be evaluated."""
    return [_result(check, evaluate(check.rule, values)) for check in checks]


def decide(
    rules: Iterable[Rule],
    input: JsonObject,  # noqa: A002 - the word of the contract
    schema: JsonSchema | None = None,
) -> JsonObject:
    """The output fields that the rules settle; the first rule that holds and names a field has the say.

    With the input's `schema`, numbers are what it declares (see `values`).
    """
    known: JsonObject = {"input": _as_declared(input, schema)}
    settled: JsonObject = {}
    for rule in rules:
        if holds(rule.when, known):
            settled = {**rule.then, **settled}
    return settled


def values(
    input: JsonObject,  # noqa: A002 - the word of the contract
    output: JsonObject,
    schemas: tuple[JsonSchema, JsonSchema],
    evidence: Iterable[Evidence] = (),
    confidence: float | None = None,
) -> JsonObject:
    """What a rule speaks of. `schemas` are those of the input and the output.

    JSON writes the number 1.0 as 1, and CEL does not mix integers with decimals: where the schema says `number`,
    the value is made a decimal, so that `output.total * 2.0` works for every total.
    """
    return {
        "input": _as_declared(input, schemas[0]),
        "output": _as_declared(output, schemas[1]),
        "evidence": [
            {"field": it.field, "source": it.source, "page": it.page, "quote": it.quote} for it in evidence
        ],
        "confidence": confidence,
    }


def _result(check: Check, outcome: Outcome) -> CheckResult:
    if outcome.value is True:
        return CheckResult(check.id, check.severity, True)
    if outcome.value is False:
        return CheckResult(check.id, check.severity, False, check.message)
    why = outcome.problem or f"it is neither true nor false but {outcome.value!r}"
    return CheckResult(check.id, check.severity, False, f"{check.message} (the rule could not be evaluated: {why})")


def _as_declared(value: Json, schema: object) -> Json:
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, dict) and isinstance(fields := schema.get("properties"), Mapping):
        return {name: _as_declared(inner, fields.get(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_declared(item, schema.get("items")) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and schema.get("type") == "number":
        return float(value)
    return value
