"""From the raw table of a contract to its typed form, with every fault named; what is sound survives the faults."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from steadyhand.checks.schema import dotted
from steadyhand.errors import did_you_mean, excerpt
from steadyhand.features.contract import DUE, HOURLY_COST, MODEL, NAME, Contract, contract_schema
from steadyhand.features.flaw import Flaw, KeyPath

_PASSES = 4  # a fault in an item, then in its table, then in a required key, then none


@dataclass(frozen=True, slots=True)
class Parsed:
    """`contract` is sound; what stands at `stand_ins` was missing or wrong, had to be there, and means nothing."""

    contract: Contract
    flaws: tuple[Flaw, ...]
    stand_ins: frozenset[KeyPath]

    def is_real(self, path: KeyPath) -> bool:
        """Was the value at `path` written by the author?"""
        return not any(path[: len(stand_in)] == stand_in for stand_in in self.stand_ins)


def parse(raw: Mapping[str, object]) -> Parsed:
    """Read a contract. A faulty key is named in `flaws` and then left out, so that the rest can be judged too."""
    table: dict[str, Any] = copy.deepcopy(dict(raw))
    flaws: list[Flaw] = []
    stand_ins: set[KeyPath] = set()
    for _ in range(_PASSES):
        try:
            return Parsed(Contract.model_validate(table), tuple(flaws), frozenset(stand_ins))
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=True)
            flaws = flaws or [_flaw(fault) for fault in faults]
            for fault in faults:
                path = fault["loc"][:-1] if fault["type"] == "missing" and len(fault["loc"]) > 1 else fault["loc"]
                stand_ins |= _leave_out(table, path)
    raise AssertionError("unreachable: every pass leaves out what was wrong")


_STAND_INS: dict[KeyPath, object] = {  # * is any position in a list
    ("name",): "unnamed",
    ("purpose",): "-",
    ("owner",): "-",
    ("input",): {"text": "string"},
    ("output",): {"text": "string"},
    ("models",): {"try": ["local:none"]},
    ("models", "try", "*"): "local:none",
    ("guardrails", "input", "*"): "",
    ("guardrails", "output", "*"): "",
    ("check", "*"): {"rule": "true"},
    ("rule", "*"): {"when": "true", "then": {"text": ""}},
}


def _leave_out(table: dict[str, Any], path: KeyPath) -> set[KeyPath]:
    """Remove what is at `path`, or put a stand-in there where something has to be; where that was."""
    stand_in = _STAND_INS.get(tuple("*" if isinstance(key, int) else key for key in path))
    node: Any = table
    for key in path[:-1]:
        if isinstance(node, dict) and key not in node:
            return set()  # left out with its table
        node = node[key]
    if stand_in is not None:
        node[path[-1]] = copy.deepcopy(stand_in)
        return {path}
    if isinstance(node, dict):
        node.pop(path[-1], None)
    return set()


def _flaw(fault: ErrorDetails) -> Flaw:
    path: KeyPath = fault["loc"]
    where = dotted("", path)
    if fault["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        hint = did_you_mean(str(path[-1]), known) or f"the keys are {', '.join(known)}"
        return Flaw(path, f"{where}: unknown key", hint)
    if fault["type"] == "missing":
        return Flaw(path, f"{where}: is missing", _description(path))
    found = excerpt(repr(fault["input"]))
    if fault["type"] == "literal_error":
        options = [str(option).strip("' ") for option in fault["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        hint = did_you_mean(str(fault["input"]), options)
        return Flaw(path, f"{where}: expected one of {', '.join(options)}; found {found}", hint)
    expected = _EXPECTED.get(fault["type"]) or _said(fault)
    return Flaw(path, f"{where}: expected {expected}; found {found}", _description(path))


_EXPECTED = {
    "string_type": "text in quotes",
    "string_too_short": "some text",
    "float_type": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "too_short": "at least one entry",
}
_FORMS = {
    NAME: "small letters, digits, _ and -, a letter first",
    MODEL: "provider:name, such as openai:gpt-4o-mini",
    DUE: "a time such as 30m, 2h or 1d",
    HOURLY_COST: "an amount and a currency, such as 30 EUR",
}


def _said(fault: ErrorDetails) -> str:
    """The library's own words, made ours: `Input should be greater than 0` is `expected more than 0`."""
    if fault["type"] == "string_pattern_mismatch":
        return _FORMS[fault["ctx"]["pattern"]]
    said = fault["msg"].removeprefix("Input should be ").replace("less than or equal to", "at most")
    return said.replace("greater than or equal to", "at least").replace("greater than", "more than")


def _known_keys(path: KeyPath) -> list[str]:
    return list(_schema_at(path).get("properties", {}))


def _description(path: KeyPath) -> str:
    """What the contract's documentation says about the key."""
    parent, name = path[:-1], path[-1]
    while isinstance(name, int) and parent:
        parent, name = parent[:-1], parent[-1]
    key: dict[str, Any] = _schema_at(parent).get("properties", {}).get(name, {})
    return str(key.get("description", ""))


def _schema_at(path: KeyPath) -> dict[str, Any]:
    """The part of the contract's JSON Schema that describes the table at `path`."""
    whole: dict[str, Any] = contract_schema()
    node = whole
    for key in path:
        options = node.get("anyOf", [node])
        node = next((option for option in options if option.get("type") != "null"), {})
        node = node.get("items", {}) if isinstance(key, int) else node.get("properties", {}).get(key, {})
        node = _resolved(node, whole)
    return node


def _resolved(node: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Follow `$ref`, also where it stands beside null."""
    for option in node.get("anyOf", []):
        if "$ref" in option:
            node = option
    reference = node.get("$ref")
    return whole["$defs"][reference.rsplit("/", 1)[1]] if reference else node
