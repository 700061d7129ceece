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


def text_field(schema: JsonSchema) -> str:
    """The output field that citations support: the first that is free text; "" when there is none."""
    restricted = {"enum", "format", "pattern"}
    for name, field in fields(schema).items():
        if isinstance(field, dict) and field.get("type") == "string" and not restricted & set(field):
            return name
    return ""


def found_field(schema: JsonSchema) -> str:
    """The boolean output field `found` or `known`: whether the sources hold an answer; "" when there is none."""
    for name in ("found", "known"):
        field = fields(schema).get(name)
        if isinstance(field, dict) and field.get("type") == "boolean":
            return name
    return ""
