"""Which output fields a contract's rules settle. A field that is missing reads as null."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import cel
from cel import stdlib

from steadyhand.types.json import Json, JsonObject
from steadyhand.types.model import Rule

_ERRORS = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_MOST_MISSING = 8
_NATIVE = frozenset(("bool", "contains"))  # the language's own are better than the library's of that name


def settled(rules: Iterable[Rule], values: JsonObject) -> JsonObject:
    """The fields set by the rules that hold for the input `values`; the first rule that names a field decides it.

    A rule that cannot be evaluated does not hold.
    """
    decided: dict[str, Json] = {}
    for rule in rules:
        if _holds(rule.when, values):
            decided = {**rule.then, **decided}
    return decided


def _holds(when: str, values: Mapping[str, Json]) -> bool:
    program, functions = _compiled(when)
    known = dict(values)
    for _ in range(_MOST_MISSING):
        try:
            return program.execute({**functions, "input": known}) is True
        except KeyError as error:
            missing = str(error.args[0])
            if missing in known:
                return False
            known[missing] = None
        except _ERRORS:
            return False
    return False


@lru_cache(maxsize=1_024)
def _compiled(when: str) -> tuple[cel.Program, dict[str, Callable[..., Any]]]:
    """The program, and the extension functions it names; handing over all of them would cost more than the rule."""
    said = frozenset(re.findall(r"\w+", when))
    functions = stdlib.STDLIB_FUNCTIONS.items()
    wanted = {name: it for name, it in functions if name.rpartition(".")[2] in said and name not in _NATIVE}
    return cel.compile(when), wanted
