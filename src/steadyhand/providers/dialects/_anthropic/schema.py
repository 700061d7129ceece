"""JSON Schemas that Anthropic's structured outputs take. Source: Anthropic's guide to structured outputs, 2026-10.

The model is then held to the schema while it writes. Limits that cannot be said there, such as a largest number,
are told in the description: the answer is validated against the whole schema afterwards, so that nothing is lost.
"""

from collections.abc import Mapping

import msgspec

from steadyhand.providers.dialects._schema_parts import a_list, an_object
from steadyhand.types.json import Json, JsonObject, JsonSchema

_KEPT = {
    "type", "description", "title", "enum", "const", "anyOf", "$ref", "$defs", "properties", "required", "items",
    "additionalProperties",
}  # fmt: skip
_TOLD = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
    "minItems", "maxItems", "uniqueItems", "format", "examples", "default", "minProperties",
    "maxProperties",
}  # fmt: skip
_DROPPED = {"$schema", "$id", "$comment", "oneOf"}
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")


def lowered(schema: JsonSchema) -> JsonObject | None:
    """The schema as Anthropic takes it, or None when it cannot be said there.

    Objects are closed; one that is meant to have keys of any name, or none that are known, cannot be said.
    """
    try:
        if schema.get("type") != "object" or _is_recursive(schema):
            return None
        return _lowered(schema)
    except ValueError:
        return None


def _lowered(schema: object) -> JsonObject:
    if not isinstance(schema, Mapping) or not schema.keys() <= _KEPT | _TOLD | _DROPPED:
        raise ValueError("a schema that structured outputs do not know")
    if "$ref" in schema:
        return {key: value for key, value in schema.items() if key in {"$ref", "description"}}
    out: JsonObject = {key: value for key, value in schema.items() if key in _KEPT or _is_kept_limit(key, value)}
    for key in ("properties", "$defs"):
        if key in out:
            out[key] = {name: _lowered(part) for name, part in an_object(out[key]).items()}
    if "items" in out:
        out["items"] = _lowered(out["items"])
    if choices := _choices(schema):
        out["anyOf"] = [_lowered(part) for part in choices]
    if any(isinstance(value, (list, dict)) for value in a_list(out.get("enum", []))):
        raise ValueError("a list or an object among the values")
    if "properties" in out or out.get("type") == "object":
        _close(out)
    _tell(out, {key: value for key, value in schema.items() if key in _TOLD and key not in out})
    return out


def _choices(schema: Mapping[str, Json]) -> list[Json]:
    """The schemas of which one must hold. That no second one may hold is left to the check of the answer."""
    if "oneOf" in schema and "anyOf" in schema:
        raise ValueError("two choices at once")
    return a_list(schema.get("oneOf", schema.get("anyOf", [])))


def _is_kept_limit(key: str, value: object) -> bool:
    return (key == "minItems" and value in (0, 1)) or (key == "format" and value in _FORMATS)


def _close(schema: JsonObject) -> None:
    if not schema.get("properties") or schema.get("additionalProperties", False) is not False:
        raise ValueError("an object with unknown keys")
    schema["additionalProperties"] = False


def _tell(schema: JsonObject, limits: JsonObject) -> None:
    if limits:
        said = f"{schema.get('description', '')} {msgspec.json.encode(limits).decode()}"
        schema["description"] = said.strip()


def _is_recursive(schema: JsonSchema) -> bool:
    """Does a definition lead back to itself? References elsewhere than to `$defs` count as if they did."""
    definitions = schema.get("$defs", {})
    if not isinstance(definitions, dict):
        return True
    leads = {f"#/$defs/{name}": _references(part) for name, part in definitions.items()}
    if not _references(dict(schema)) <= leads.keys():
        return True
    while leads:
        ends = {name for name, found in leads.items() if not found & leads.keys()}
        if not ends:
            return True
        leads = {name: found for name, found in leads.items() if name not in ends}
    return False


def _references(schema: Json) -> set[str]:
    if isinstance(schema, list):
        return {found for part in schema for found in _references(part)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
    return {str(each) for each in own} | {found for part in schema.values() for found in _references(part)}
