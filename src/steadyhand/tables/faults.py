"""What is wrong with a table, in our words: what was expected, what was found, what to do."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from steadyhand.hints import did_you_mean, excerpt
from steadyhand.tables.lines import KeyPath

_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_EXPECTED = {
    "string_type": "text in quotes",
    "string_too_short": "some text",
    "float_type": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "path_type": "a path in quotes",
    "too_short": "at least one entry",
}


def syntax(error: tomllib.TOMLDecodeError, text: str) -> tuple[int, str]:
    """The line, counted from 1, where `text` stops being TOML, and how."""
    place = _TOML_LINE.search(str(error))
    line = int(place.group(1)) if place else text.count("\n") + 1
    message = _TOML_LINE.sub("", str(error)).removesuffix("(at end of document)").strip()
    return line, f"expected TOML: {message}"


def explain(
    fault: ErrorDetails, where: str, schema: Mapping[str, Any], forms: Mapping[str, str]
) -> tuple[str, str]:
    """A sentence that begins with `where`, and a hint, "" when there is none.

    `schema` is the JSON Schema of the whole table; `forms` says in words what a pattern asks for.
    """
    path: KeyPath = fault["loc"]
    if fault["type"] == "extra_forbidden":
        known = list(_schema_at(path[:-1], schema).get("properties", {}))
        return f"{where}: unknown key", did_you_mean(str(path[-1]), known) or f"the keys are {', '.join(known)}"
    if fault["type"] == "missing":
        return f"{where}: is missing", _description(path, schema)
    if fault["type"] == "value_error":  # of a whole table, with words of its own; its values may be secrets
        return f"{where}: {fault['ctx']['error']}", ""
    found = excerpt(repr(fault["input"]))
    if fault["type"] == "literal_error":
        options = [str(option).strip("' ") for option in fault["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        hint = did_you_mean(str(fault["input"]), options)
        return f"{where}: expected one of {', '.join(options)}; found {found}", hint
    expected = _EXPECTED.get(fault["type"]) or _said(fault, forms)
    return f"{where}: expected {expected}; found {found}", _description(path, schema)


def _said(fault: ErrorDetails, forms: Mapping[str, str]) -> str:
    """The library's own words, made ours: `Input should be greater than 0` is `expected more than 0`."""
    if fault["type"] == "string_pattern_mismatch":
        return forms[fault["ctx"]["pattern"]]
    said = fault["msg"].removeprefix("Input should be ").replace("less than or equal to", "at most")
    return said.replace("greater than or equal to", "at least").replace("greater than", "more than")


def _description(path: KeyPath, schema: Mapping[str, Any]) -> str:
    """What the documentation says about the key."""
    parent, name = path[:-1], path[-1]
    while isinstance(name, int) and parent:
        parent, name = parent[:-1], parent[-1]
    key: dict[str, Any] = _schema_at(parent, schema).get("properties", {}).get(name, {})
    return str(key.get("description", ""))


def _schema_at(path: KeyPath, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of the JSON Schema that describes the table at `path`."""
    node = schema
    for key in path:
        options = node.get("anyOf", [node])
        node = next((option for option in options if option.get("type") != "null"), {})
        if isinstance(key, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(key) or _any_key(node)
        node = _resolved(node, schema)
    return node


def _any_key(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a table with free keys says of each; nothing when its keys are fixed."""
    free = node.get("additionalProperties")
    return free if isinstance(free, Mapping) else {}


def _resolved(node: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow `$ref`, also where it stands beside null."""
    for option in node.get("anyOf", []):
        if "$ref" in option:
            node = option
    reference = node.get("$ref")
    return whole["$defs"][reference.rsplit("/", 1)[1]] if reference else node
