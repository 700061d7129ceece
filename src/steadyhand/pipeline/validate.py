"""Step: does the output keep its promise, and is every quote really in its source?"""

from collections.abc import Iterator
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
    """Accept the output with its evidence, or send it back with sentences the model can act on.

    What was deleted, changed or closed to the caller since it was read must not be quoted or told: then the
    documents are searched again.
    """
    if gone := await _gone(run, ports):
        return Retry(run, f"{_listed(gone)} changed while the answer was made", searches=True)
    citations: Json = []
    if run.completion is not None:
        try:
            output = parse(run.completion.text).value
        except OutputInvalid as error:
            failed = CheckResult("parse", "block", False, str(error))
            return Retry(replace(run, checks=(failed,)), f"Answer with JSON only: {error}")
        citations = output.pop("citations", []) if run.feature.knowledge else []
        run = replace(run, output={**output, **run.settled})
    passages = run.retrieval.passages if run.retrieval else ()
    unsupported: list[str] = []
    if not run.recalled:  # else its citations were found in the same snapshot
        found, unsupported = evidence(citations, passages, run.feature.text_field, run.started_at.date())
        run = replace(run, evidence=found)
    run = replace(run, checks=tuple(_checks(run, unsupported)))
    refused = [check.detail for check in run.checks if check.severity == "block" and not check.ok]
    return Retry(run, "; ".join(refused)) if refused else Continue(run)


async def _gone(run: Run, ports: Ports) -> list[str]:
    """The sources that the answer was made from and that the caller may not see any more."""
    read = {passage.version_id: passage.source for passage in (run.retrieval.passages if run.retrieval else ())}
    read |= {item.version_id: item.source for item in run.evidence if item.version_id}
    if run.recalled:
        read = dict.fromkeys(run.told, "a document") | read
    visible = await ports.still_visible(read.keys(), run.principal) if read else frozenset()
    return [source for version, source in read.items() if version not in visible]


def _listed(sources: list[str]) -> str:
    return ", ".join(sorted(set(sources)))


def _checks(run: Run, unsupported: list[str]) -> Iterator[CheckResult]:
    """The schema, the citations where they are a must, then the contract's rules, which need a sound output."""
    assert run.output is not None
    broken = violations(run.output, run.feature.output_schema, "output")
    yield CheckResult("schema", "block", not broken, "; ".join(broken))
    if run.feature.knowledge is not None and run.feature.knowledge.must_cite:
        problems = _citation_problems(run, unsupported)
        yield CheckResult("citations", "block", not problems, "; ".join(problems))
    if not broken:
        yield from results(run.feature.checks, _values(run))


def _citation_problems(run: Run, problems: list[str]) -> list[str]:
    """What is wrong with the citations; an output that claims something must have one when the contract says so."""
    assert run.output is not None
    if run.evidence or problems or is_abstention(run.output, run.feature.output_schema):
        return problems
    return ["expected a citation for what the output says; found none (found = false says that nothing is known)"]


def _values(run: Run) -> JsonObject:
    assert run.output is not None
    schemas = (run.feature.input_schema, run.feature.output_schema)
    confidence = run.completion.confidence if run.completion else run.confidence
    return values(run.input, run.output, schemas, run.evidence, confidence)
