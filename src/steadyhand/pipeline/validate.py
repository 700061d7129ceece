"""Step: does the output keep its promise, and is every quote really in its source?"""

from dataclasses import replace

from steadyhand.checks.citations import evidence
from steadyhand.checks.parse import OutputInvalid, parse
from steadyhand.checks.rules import results
from steadyhand.checks.schema import violations
from steadyhand.pipeline.ports import Ports
from steadyhand.types.findings import CheckResult
from steadyhand.types.json import Json
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
        citations = output.pop("citations", [])
        run = replace(run, output=output)
    assert run.output is not None
    passages = run.retrieval.passages if run.retrieval else ()
    found, unsupported = evidence(citations, passages, run.feature.text_field)
    run = replace(run, evidence=found)
    broken = violations(run.output, run.feature.output_schema, "output")
    checks = [CheckResult("schema", "block", not broken, "; ".join(broken))]
    if run.feature.knowledge is not None and run.feature.knowledge.must_cite:
        checks.append(CheckResult("citations", "block", not unsupported, "; ".join(unsupported)))
    if not broken:
        checks += results(run.feature.checks, _values(run))
    run = _judged(run, checks)
    refused = [check.detail for check in checks if check.severity == "block" and not check.ok]
    return Retry(run, "; ".join(refused)) if refused else Continue(run)


def _judged(run: Run, checks: list[CheckResult]) -> Run:
    return replace(run, checks=tuple(checks))


def _values(run: Run) -> dict[str, Json]:
    """What a rule may speak of."""
    return {
        "input": run.input,
        "output": run.output,
        "evidence": [{"source": item.source, "page": item.page, "quote": item.quote} for item in run.evidence],
        "confidence": run.completion.confidence if run.completion else run.confidence,
    }
