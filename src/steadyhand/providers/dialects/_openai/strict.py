"""JSON Schemas that OpenAI's strict mode takes. Source: OpenAI's guide to structured outputs, 2026-10.

The model is then held to the schema while it writes. Limits that strict mode does not know are left out here only:
the answer is validated against the whole schema afterwards.
"""

from collections.abc import Mapping

from steadyhand.providers.dialects._schema_parts import a_list, an_object
from steadyhand.types.json import JsonObject, JsonSchema

_KEPT = {
    "type", "description", "enum", "const", "anyOf", "$ref", "$defs", "properties", "required", "items",
    "additionalProperties", "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "minItems", "maxItems",
}  # fmt: skip
_DROPPED = {"$schema", "$id", "$comment", "title", "default", "examples", "minLength", "maxLength", "uniqueItems"}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}


def strict(schema: JsonSchema) -> JsonObject | None:
    """The schema as strict mode takes it, or None when it cannot be said there.

    Every object must forbid other keys and require all of its own; a schema that leaves open whether other keys may
    come is closed.
    """
    if schema.get("type") != "object":
        return None
    try:
        return _lowered(schema)
    except ValueError:
        return None


def _lowered(schema: object) -> JsonObject:
    if not isinstance(schema, Mapping) or not schema.keys() <= _KEPT | _DROPPED:
        raise ValueError("a schema that strict mode does not know")
    out: JsonObject = {key: value for key, value in schema.items() if key in _KEPT}
    if out.get("format") not in _FORMATS:
        out.pop("format", None)
    for key in ("properties", "$defs"):
        if key in out:
            out[key] = {name: _lowered(part) for name, part in an_object(out[key]).items()}
    if "items" in out:
        out["items"] = _lowered(out["items"])
    if "anyOf" in out:
        out["anyOf"] = [_lowered(part) for part in a_list(out["anyOf"])]
    if "properties" in out or out.get("type") == "object":
        _close(out)
    return out


def _close(schema: JsonObject) -> None:
    properties, required = an_object(schema.get("properties")), a_list(schema.get("required", []))
    is_complete = len(required) == len(properties) and all(name in required for name in properties)
    if not is_complete or schema.get("additionalProperties", False) is not False:
        raise ValueError("an object with optional or unknown keys")
    schema["additionalProperties"] = False
