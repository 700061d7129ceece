"""The schemas of a contract's input and output, from short types or from a JSON Schema file beside it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from steadyhand.checks.schema import flaw as schema_flaw
from steadyhand.features.files import Files, Layers
from steadyhand.features.flaw import Flaw
from steadyhand.features.shorttypes import object_schema
from steadyhand.types.json import Json, JsonSchema

_FILE = re.compile(r"[\w-][\w.-]*\.json")


def read_schema(layers: Layers, key: str, table: Mapping[str, object]) -> JsonSchema | None:
    """The schema of `[input]` or `[output]`, whichever `key` is; None, with problems added, when it has faults."""
    named = table.get("schema")
    if isinstance(named, str) and _FILE.fullmatch(named):
        return _from_file(layers, key, table, named)
    schema, flaws = object_schema(table, (key,))
    if not table:
        flaws = [
            Flaw((key,), f"{key}: expected at least one field; found none", 'write a field, such as text = "text"')
        ]
    for found in flaws:
        layers.report(found)
    return None if flaws else schema


def _from_file(layers: Layers, key: str, table: Mapping[str, object], name: str) -> JsonSchema | None:
    for other in table:
        if other != "schema":
            hint = f"put {other} into {name}, or drop the schema"
            layers.report(Flaw((key, other), f"{key}.{other}: expected fields or a schema file, not both", hint))
    found = layers.find(name)
    if found is None:
        message = f"{key}.schema: expected a file beside the contract; there is no {name}"
        layers.report(Flaw((key, "schema"), message, "write a JSON Schema there"))
        return None
    path, text = found
    return _parsed(layers.files, path, text)


def _parsed(files: Files, path: Path, text: str) -> JsonSchema | None:
    try:
        schema: Json = json.loads(text)
    except json.JSONDecodeError as error:
        files.add(path, error.lineno, f"expected JSON: {error.msg} at column {error.colno}", "fix the JSON")
        return None
    if fault := schema_flaw(schema):
        files.add(path, 1, f"expected a JSON Schema: {fault}", "see JSON Schema, draft 2020-12")
        return None
    if (
        not isinstance(schema, dict)
        or schema.get("type") != "object"
        or not isinstance(schema.get("properties"), dict)
    ):
        files.add(path, 1, "expected the schema of an object with properties", 'write "type": "object"')
        return None
    return schema
