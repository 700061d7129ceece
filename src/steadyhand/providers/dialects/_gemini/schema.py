"""JSON Schemas as Gemini takes them. Source: Gemini API's guide to structured output and its reference, 2026-10.

What Gemini does not read is left out: an answer is validated against the whole schema afterwards, a tool's
arguments by whoever runs it.
"""

from collections.abc import Mapping

from steadyhand.types.json import Json, JsonObject, JsonSchema

_KEPT = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties",
    "required", "propertyOrdering",
}  # fmt: skip
_NAMED = ("properties", "$defs")  # keys whose values are schemas by name
_LISTED = ("anyOf", "oneOf", "prefixItems")


def lowered(schema: JsonSchema) -> JsonObject:
    """The schema with the keywords that Gemini reads. A `const` becomes an enum of one."""
    out: JsonObject = {key: value for key, value in schema.items() if key in _KEPT}
    if "const" in schema:
        out["enum"] = [schema["const"]]
    for key in _NAMED:
        if isinstance(parts := out.get(key), dict):
            out[key] = {name: _part(part) for name, part in parts.items()}
    for key in _LISTED:
        if isinstance(listed := out.get(key), list):
            out[key] = [_part(part) for part in listed]
    for key in ("items", "additionalProperties"):
        if key in out:
            out[key] = _part(out[key])
    return out


def _part(schema: Json) -> Json:
    return lowered(schema) if isinstance(schema, Mapping) else schema
