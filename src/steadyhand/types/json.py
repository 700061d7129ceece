"""JSON as Python sees it."""

from collections.abc import Mapping
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]
JsonSchema: TypeAlias = Mapping[str, Json]
"""A JSON Schema, draft 2020-12."""


def fields(schema: JsonSchema) -> Mapping[str, Json]:
    """The properties of an object's schema, by name and in its order; empty when it names none."""
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def required(schema: JsonSchema) -> list[str]:
    """The names of the fields that an object's schema insists on."""
    found = schema.get("required")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
