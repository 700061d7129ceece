"""Step: does the output keep its promise, and is every quote really in its source?"""

from dataclasses import replace

from steadyhand.checks.citations import evidence, is_abstention
from steadyhand.checks.parse import parse
from steadyhand.checks.rules import results, values
from steadyhand.checks.schema import violations
from steadyhand.errors import OutputInvalid
from steadyhand.pipeline.ports import Ports
from steadyhand.types.findings import CheckResult
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.run import Continue, Retry, Run, StepResult


async def validate(run: Run, ports: Ports) -> StepResult:
    """Accept the output with its evidence, or send it back with sentences the model can act on."""
    del ports
    citations: Json = []
    if run.completion is not None:
        try:
            output = parse(run.completion.text).value
        except OutputInvalid as error:
            return Retry(
                _judged(run, [CheckResult("parse", "block", False, str(error))]), f"Answer with JSON only: {error}"
            )
        citations = output.pop("citations", []) if run.feature.knowledge else []
        run = replace(run, output={**output, **run.settled})
    assert run.output is not None
    passages = run.retrieval.passages if run.retrieval else ()
    found, unsupported = evidence(citations, passages, run.feature.text_field)
    run = replace(run, evidence=found)
    broken = violations(run.output, run.feature.output_schema, "output")
    checks = [CheckResult("schema", "block", not broken, "; ".join(broken))]
    if run.feature.knowledge is not None and run.feature.knowledge.must_cite:
        unsupported = _citation_problems(run, unsupported)
        checks.append(CheckResult("citations", "block", not unsupported, "; ".join(unsupported)))
    if not broken:
        checks += results(run.feature.checks, _values(run))
    run = _judged(run, checks)
    refused = [check.detail for check in checks if check.severity == "block" and not check.ok]
    return Retry(run, "; ".join(refused)) if refused else Continue(run)


def _judged(run: Run, checks: list[CheckResult]) -> Run:
    return replace(run, checks=tuple(checks))


def _citation_problems(run: Run, problems: list[str]) -> list[str]:
    """What is wrong with the citations; an output that claims something must have one when the contract says so."""
    assert run.output is not None
    if run.evidence or problems or is_abstention(run.output):
        return problems
    return ["expected a citation for what the output says; found none (found = false says that nothing is known)"]


def _values(run: Run) -> JsonObject:
    assert run.output is not None
    schemas = (run.feature.input_schema, run.feature.output_schema)
    confidence = run.completion.confidence if run.completion else run.confidence
    return values(run.input, run.output, schemas, run.evidence, confidence)
