"""Does a value keep the promise of its schema? Says it in sentences that a model, or a person, can act on."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import jsonschema_rs

from steadyhand.hints import did_you_mean, excerpt
from steadyhand.types.json import Json, JsonSchema

_FORMATS = {
    "date": "a date such as 2026-01-31",
    "date-time": "a date and time such as 2026-01-31T14:00:00Z",
    "email": "an e-mail address",
    "uri": "a URL such as https://example.com/page",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """`path` leads to the value without the root, such as `("items", 0, "amount")`; `message` begins with both."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""


def violations(value: Json, schema: JsonSchema, root: str = "output") -> list[str]:
    """One sentence per broken promise, in the schema's order; empty when `value` fits.

    `root` is what the paths begin with: `output.urgency: "hihg" is not one of high, medium, low`. Formats such as
    dates are checked. References to other documents are never fetched.
    """
    return [violation.message for violation in examine(value, schema, root)]


def examine(value: Json, schema: JsonSchema, root: str = "output") -> list[Violation]:
    """Like `violations`, with the place of each one and, where a near miss is known, a hint."""
    try:
        errors = list(_validator(json.dumps(schema)).iter_errors(value))
    except (ValueError, RecursionError):  # the library follows a value to a depth of 255
        return [Violation((), f"{root}: expected a value that is not nested so deeply", "")]
    return [found for error in errors for found in _explain(error, root)]


def is_json(value: object) -> bool:
    """Is it made of JSON's types, and every text in it Unicode? Half of a surrogate pair is not."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def flaw(schema: Json) -> str:
    """Why `schema` is not a usable JSON Schema; "" when it is one."""
    try:
        _validator(json.dumps(schema))
    except jsonschema_rs.ValidationError as error:
        return f"{dotted('', error.instance_path) or 'the schema'}: {error.message}"
    return ""


def dotted(root: str, path: Iterable[str | int]) -> str:
    """`output.items[0].amount` for `("items", 0, "amount")` under `output`."""
    text = root
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


@lru_cache(maxsize=512)
def _validator(schema: str) -> jsonschema_rs.Validator:
    """Draft 2020-12 unless the schema names another. Raises the library's ValidationError for a bad schema."""
    return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)


_Explain: TypeAlias = Callable[[str, Any, dict[str, Any]], tuple[str, str]]


def _explain(error: jsonschema_rs.ValidationError, root: str) -> list[Violation]:
    path = tuple(error.instance_path)
    details = error.kind.as_dict()
    if error.kind.name == "required":
        path = (*path, details["property"])
        return [Violation(path, f"{dotted(root, path)}: is missing")]
    if error.kind.name == "additionalProperties":
        return [_unexpected((*path, name), root) for name in details["unexpected"]]
    explain = _SENTENCES.get(error.kind.name)
    place, shown = dotted(root, path), excerpt(json.dumps(error.instance, ensure_ascii=False))
    if explain is None:
        return [Violation(path, f"{place}: {error.message}")]
    sentence, hint = explain(shown, error.instance, details)
    return [Violation(path, f"{place}: {sentence}", hint)]


def _unexpected(path: tuple[str | int, ...], root: str) -> Violation:
    return Violation(path, f"{dotted(root, path)}: is not a field of {dotted(root, path[:-1])}", "leave it out")


def _enum(shown: str, value: Json, details: dict[str, Any]) -> tuple[str, str]:
    options = [option if isinstance(option, str) else json.dumps(option) for option in details["options"]]
    hint = did_you_mean(value, options) if isinstance(value, str) else ""
    return f"{shown} is not one of {', '.join(options)}", hint


_SENTENCES: dict[str, _Explain] = {
    "enum": _enum,
    "type": lambda shown, _, it: (f"expected {' or '.join(it['types'])}; found {shown}", ""),
    "minimum": lambda shown, _, it: (f"expected at least {it['limit']}; found {shown}", ""),
    "maximum": lambda shown, _, it: (f"expected at most {it['limit']}; found {shown}", ""),
    "minLength": lambda _, value, it: (f"expected at least {it['limit']} characters; found {len(value)}", ""),
    "maxLength": lambda _, value, it: (f"expected at most {it['limit']} characters; found {len(value)}", ""),
    "minItems": lambda _, value, it: (f"expected at least {it['limit']} items; found {len(value)}", ""),
    "maxItems": lambda _, value, it: (f"expected at most {it['limit']} items; found {len(value)}", ""),
    "format": lambda shown, _, it: (f"expected {_FORMATS.get(it['format'], it['format'])}; found {shown}", ""),
    "pattern": lambda shown, _, it: (f"expected text that matches {it['pattern']}; found {shown}", ""),
}
