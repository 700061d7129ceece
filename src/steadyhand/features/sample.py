"""A value that fits a schema, to try rules and templates on before the first run does."""

from collections.abc import Mapping
from typing import Any

from steadyhand.checks.schema import violations
from steadyhand.types.json import Json, JsonSchema

_TEXTS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T14:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/page",
}
_DEEPEST = 16  # a schema may refer to itself
_LARGEST = 1_000  # items or characters; what needs more is not sampled


def sample(schema: JsonSchema, *, has_optional: bool) -> Json:
    """A value for `schema`, with or without the fields that may be left out; None when none is easily found."""
    value = _value(schema, schema, has_optional=has_optional, depth=0)
    return None if violations(value, schema) else value


def _value(schema: object, root: JsonSchema, *, has_optional: bool, depth: int) -> Json:
    found = _resolved(schema, root)
    if depth > _DEEPEST:
        return None
    stated = [found[name] for name in ("const", "default") if name in found] or found.get("enum")
    if stated:
        first: Json = stated[0]
        return first
    match _type(found):
        case "object":
            wanted = found.get("properties", {})
            if not has_optional:
                wanted = {name: wanted[name] for name in found.get("required", ()) if name in wanted}
            return {
                name: _value(inner, root, has_optional=has_optional, depth=depth + 1)
                for name, inner in wanted.items()
            }
        case "array":
            item = _value(found.get("items"), root, has_optional=has_optional, depth=depth + 1)
            return [item] * min(_LARGEST, max(1, int(found.get("minItems", 1))))
        case kind:
            return _scalar(kind, found)


def _scalar(kind: str, schema: Mapping[str, Any]) -> Json:
    if kind == "string":
        text = _TEXTS.get(schema.get("format", ""), "en" if "pattern" in schema else "text")
        return text.ljust(min(_LARGEST, int(schema.get("minLength", 0))), ".")[
            : int(schema.get("maxLength", _LARGEST))
        ]
    if kind == "boolean":
        return True
    if kind not in ("integer", "number"):
        return None
    low, high = schema.get("minimum"), schema.get("maximum")
    number = high if high is not None else low + 1 if low is not None else 1
    return int(number) if kind == "integer" else float(number)


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return kind if isinstance(kind, str) else next(iter(kind), "null")


def _resolved(schema: object, root: JsonSchema) -> Mapping[str, Any]:
    """Follow references inside the document, and take the first of several alternatives."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            break
        reference, options = schema.get("$ref"), schema.get("anyOf", schema.get("oneOf"))
        if isinstance(reference, str):
            schema = root
            for key in reference.removeprefix("#/").split("/"):
                schema = schema.get(key) if isinstance(schema, Mapping) else None
        elif options:
            schema = options[0]
        else:
            return schema
    return {}
