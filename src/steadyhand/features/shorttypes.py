"""Short types: `text <= 20000`, `number 0..1`, `high | medium | low`, `date ?`, `string[]`; from them, JSON Schema.

    type     = base | base "<=" length | base low ".." high | word "|" word … | "(" type ")" | type "[]"
    field    = type, or type "?" for a field that may be left out

A table is an object, and a list with one type is a list of it: `items = [{ name = "string", amount = "number" }]`.
Objects are closed: what is not named is refused. Source: JSON Schema, draft 2020-12.
"""

import re
from collections.abc import Iterator, Mapping

from steadyhand.checks.schema import dotted
from steadyhand.features.flaw import Flaw
from steadyhand.hints import did_you_mean
from steadyhand.tables.lines import KeyPath
from steadyhand.types.json import Json, JsonObject

_BASES: dict[str, JsonObject] = {
    "string": {"type": "string"},
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "email": {"type": "string", "format": "email"},
    "url": {"type": "string", "format": "uri"},
    # BCP 47: language, script, region, variants
    "language": {
        "type": "string",
        "pattern": r"^[a-zA-Z]{2,3}(-[a-zA-Z]{4})?(-([a-zA-Z]{2}|\d{3}))?(-([a-zA-Z\d]{5,8}|\d[a-zA-Z\d]{3}))*$",
    },
}

EXPECTED = f"one of {', '.join(_BASES)}, a | b | c"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = r"-?\d+(?:\.\d+)?"
_LENGTH = re.compile(r"(?P<base>string|text)\s*<=\s*(?P<length>\d+)")
_RANGE = re.compile(rf"(?P<base>integer|number)\s+(?P<low>{_NUMBER})\s*\.\.\s*(?P<high>{_NUMBER})")


class TypeInvalid(ValueError):
    """A short type that does not parse. `hint` says what may have been meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def field_schema(short: str) -> tuple[JsonObject, bool]:
    """The schema of a short type, and whether the field is required. Raises `TypeInvalid`."""
    text = short.strip()
    is_optional = text.endswith("?")
    return _type(text.removesuffix("?").strip(), short), not is_optional


def object_schema(fields: Mapping[str, object], path: KeyPath) -> tuple[JsonObject, list[Flaw]]:
    """The closed schema of a table of short types that stands at `path`, and everything wrong with them.

    A field whose type is wrong accepts anything in the schema, so that what builds on it can still be checked.
    """
    properties: JsonObject = {}
    required: list[Json] = []
    flaws: list[Flaw] = []
    for name, value in fields.items():
        if not _NAME.fullmatch(name):
            message = f"{dotted('', path)}: expected names of letters, digits and _; found {name!r}"
            flaws.append(Flaw((*path, name), message, "rules and prompts have to write it"))
        schema, is_required, found = _field(value, (*path, name))
        properties[name] = schema
        required += [name] if is_required else []
        flaws += found
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}, flaws


def _field(value: object, path: KeyPath) -> tuple[JsonObject, bool, list[Flaw]]:
    where = dotted("", path)
    match value:
        case str():
            try:
                return *field_schema(value), []
            except TypeInvalid as error:
                return {}, True, [Flaw(path, f"{where}: {error}", error.hint)]
        case dict() if value:
            schema, flaws = object_schema(value, path)
            return schema, True, flaws
        case [item]:
            schema, _, flaws = _field(item, (*path, 0))
            return {"type": "array", "items": schema}, True, flaws
        case _:
            message = (
                f"{where}: expected a type in quotes, a table of fields or a list of one type; found {value!r}"
            )
            return {}, True, [Flaw(path, message, f'write {path[-1]} = "string"')]


def _type(text: str, whole: str) -> JsonObject:
    if text.endswith("[]"):
        return {"type": "array", "items": _type(text[:-2].strip(), whole)}
    if text.startswith("(") and text.endswith(")"):
        return _type(text[1:-1].strip(), whole)
    if "|" in text:
        return {"type": "string", "enum": list(_options(text, whole))}
    if match := _LENGTH.fullmatch(text):
        return {**_BASES[match["base"]], "maxLength": int(match["length"])}
    if match := _RANGE.fullmatch(text):
        return _range(match, whole)
    if text not in _BASES:
        raise TypeInvalid(f"expected {EXPECTED}; found {whole!r}", _hint(text))
    return dict(_BASES[text])


def _options(text: str, whole: str) -> Iterator[str]:
    seen: set[str] = set()
    for option in (part.strip() for part in text.split("|")):
        if not option:
            raise TypeInvalid(f"expected words between the bars; found {whole!r}", "write a | b | c")
        if option in seen:
            raise TypeInvalid(f"expected different words; found {option!r} twice", "leave one of them out")
        seen.add(option)
        yield option


def _range(match: re.Match[str], whole: str) -> JsonObject:
    is_whole = match["base"] == "integer"
    if is_whole and "." in match["low"] + match["high"]:
        raise TypeInvalid(f"expected whole numbers; found {whole!r}", "write number for decimals")
    low, high = (int(text) if "." not in text else float(text) for text in (match["low"], match["high"]))
    if low > high:
        raise TypeInvalid(f"expected the lower bound first; found {whole!r}", f"write {high}..{low}")
    return {**_BASES[match["base"]], "minimum": low, "maximum": high}


def _hint(text: str) -> str:
    word = re.match(r"\w*", text)
    return did_you_mean(word.group() if word else text, _BASES)
