"""Labelled cases, one JSON object per line.

An example is `{"input": {…}, "output": {…}}`. A gold case is `{"input": {…}, "expect": {…}}`: what it names of the
output has to fit, and other expectations, such as the source and the page of an answer, are the scorers' business.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from steadyhand.checks.schema import Violation, examine
from steadyhand.features.files import Files
from steadyhand.types.json import Json, JsonObject, JsonSchema, fields
from steadyhand.types.model import Example

EXAMPLES = "examples.jsonl"
GOLD = "gold.jsonl"


@dataclass(frozen=True, slots=True)
class Schemas:
    """What goes into a feature and what comes out."""

    input: JsonSchema
    output: JsonSchema

    def output_fields(self, values: JsonObject, root: str) -> list[Violation]:
        """Violations of some output fields; the others may be missing, and so may be what they need."""
        return examine(values, {**self.output, "required": []}, root)


def read_examples(files: Files, path: Path, text: str, schemas: Schemas) -> tuple[Example, ...]:
    """The examples of a file. A line that is not JSON, or does not fit the schemas, is a problem of `files`."""
    found = []
    for number, case in _objects(files, path, text):
        example = Example(_table(case, "input"), _table(case, "output"))
        wrong = [
            *examine(example.input, schemas.input, "input"),
            *examine(example.output, schemas.output, "output"),
        ]
        _report(files, path, number, wrong)
        found.append(example)
    return tuple(found)


def check_gold(files: Files, path: Path, text: str, schemas: Schemas) -> None:
    """Make every line of a gold set that cannot be used a problem of `files`."""
    known = fields(schemas.output)
    for number, case in _objects(files, path, text):
        expected = {name: value for name, value in _table(case, "expect", "output").items() if name in known}
        wrong = [
            *examine(_table(case, "input"), schemas.input, "input"),
            *schemas.output_fields(expected, "expect"),
        ]
        _report(files, path, number, wrong)


def _objects(files: Files, path: Path, text: str) -> Iterator[tuple[int, JsonObject]]:
    """The lines that hold an object, numbered from 1."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            case: Json = json.loads(line)
        except (ValueError, RecursionError) as error:
            said = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
            files.add(path, number, f"expected a JSON object: {said}", "write one object per line")
            continue
        if isinstance(case, dict):
            yield number, case
        else:
            files.add(
                path, number, f"expected a JSON object; found {line.strip()[:80]}", "write one object per line"
            )


def _table(case: JsonObject, *names: str) -> JsonObject:
    """The first of the named tables; empty when there is none, which the schema then complains about."""
    return next((value for name in names if isinstance(value := case.get(name), dict)), {})


def _report(files: Files, path: Path, number: int, wrong: list[Violation]) -> None:
    for violation in wrong:
        files.add(path, number, violation.message, violation.hint)
