"""From the raw table of a contract to its typed form, with every fault named; what is sound survives the faults."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from steadyhand.checks.schema import dotted
from steadyhand.features.contract import DUE, HOURLY_COST, MODEL, NAME, Contract, contract_schema
from steadyhand.features.flaw import Flaw
from steadyhand.tables import faults
from steadyhand.tables.lines import KeyPath

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
            found = [_placed(fault) for fault in error.errors(include_url=False, include_context=True)]
            flaws = flaws or [_flaw(fault) for fault in found]
            for fault in found:
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
    ("models", "place", "*"): "local",
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


def _placed(fault: ErrorDetails) -> ErrorDetails:
    """A fault of a key itself stands where its value does."""
    loc = fault["loc"]
    return {**fault, "loc": loc[:-1]} if loc[-1:] == ("[key]",) else fault


def _flaw(fault: ErrorDetails) -> Flaw:
    message, hint = faults.explain(fault, dotted("", fault["loc"]), contract_schema(), _FORMS)
    return Flaw(fault["loc"], message, hint)


_FORMS = {
    NAME: "small letters, digits, _ and -, a letter first",
    MODEL: "provider:name, such as openai:gpt-4o-mini",
    DUE: "a time such as 30m, 2h or 1d",
    HOURLY_COST: "an amount and a currency, such as 30 EUR",
}
