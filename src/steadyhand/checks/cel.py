"""CEL expressions: compile once, say what they speak of, evaluate without surprises. Source: the CEL specification.

The functions are those of the language and of its `strings`, `math`, `sets` and `lists` extensions, with `sum`,
`min` and `max`.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any, TypeAlias

from steadyhand.types.json import Json

# Whatever one imports of the package, it imports its interactive shell and with that the terminal's libraries: a
# tenth of what we take to start. It has no switch for it.
sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))

import cel  # noqa: E402
from cel import stdlib  # noqa: E402

Step: TypeAlias = str | None
"""One step of a reference: a field's name, or None for an item of a list."""

_NATIVE = """
    all bytes contains double duration dyn endsWith exists exists_one filter getDate getDayOfMonth getDayOfWeek
    getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds has int map matches size
    startsWith string timestamp type uint
"""
_EXTENSIONS: dict[str, Callable[..., Any]] = {
    name: function for name, function in stdlib.STDLIB_FUNCTIONS.items() if name not in _NATIVE.split()
}

FUNCTIONS = frozenset(_NATIVE.split()) | frozenset(_EXTENSIONS)
"""Every function a rule may call; those of an extension with their namespace, such as `math.abs`."""

_TYPE_NAMES = frozenset(("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"))
_MACROS = frozenset(("all", "exists", "exists_one", "map", "filter"))
_EVALUATION_ERRORS = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_PARSE_ERROR = re.compile(
    r"<input>:\d+:(?P<column>\d+): (?:Syntax error: )?(?P<what>.*?)(?: expecting .*)?$", re.MULTILINE
)
_MISSING_AT_MOST = 8  # fields that one evaluation fills with null, one round each
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*)
    |(?P<raw>[bB]?[rR](?:"[^"\n]*"|'[^'\n]*'))
    |(?P<string>[rRbB]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    |(?P<name>[A-Za-z_]\w*)|(?P<number>\d[\w.]*)|(?P<sign>\S)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class References:
    """What a rule speaks of: `paths` such as `("output", "items", None, "amount")`, and the functions it calls.

    Names that a macro binds, such as `i` in `items.all(i, i > 0)`, are in `bound` and not in `paths`.
    """

    paths: tuple[tuple[Step, ...], ...]
    calls: tuple[str, ...]
    bound: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The value of an expression, or, when it could not be evaluated, the `error` and a sentence about it."""

    value: object
    problem: str = ""
    error: type[Exception] | None = None


@lru_cache(maxsize=1_024)
def compiled(rule: str) -> cel.Program:
    """Raises ValueError with the parser's words and a column when `rule` is not CEL."""
    return cel.compile(rule)


def syntax_error(rule: str) -> str:
    """Why `rule` is not CEL, with the column; "" when it is."""
    try:
        compiled(rule)
    except ValueError as error:
        place = _PARSE_ERROR.search(str(error))
        return f"{place['what']} at column {place['column']}" if place else str(error)
    return ""


@lru_cache(maxsize=1_024)
def references(rule: str) -> References:
    """What `rule`, which compiles, speaks of."""
    return _Reader(rule).references()


def evaluate(rule: str, values: Mapping[str, Json]) -> Outcome:
    """The value of `rule`. A field that is not there reads as null, unless `has()` asks for it."""
    known: Mapping[str, Any] = {**_functions(rule), **values}
    for _ in range(_MISSING_AT_MOST):
        try:
            return Outcome(compiled(rule).execute(dict(known)))
        except KeyError as error:
            filled = _with_null(known, rule, str(error.args[0]))
            if filled is known:
                return Outcome(None, f"there is no {error.args[0]!r}", KeyError)
            known = filled
        except _EVALUATION_ERRORS as error:
            return Outcome(None, str(error).split(". ", maxsplit=1)[0], type(error))
    return Outcome(None, "too many fields are missing", KeyError)


@lru_cache(maxsize=1_024)
def _functions(rule: str) -> dict[str, Callable[..., Any]]:
    """The extension functions that `rule` calls; handing over all of them would cost more than the rule."""
    return {name: _EXTENSIONS[name] for name in references(rule).calls if name in _EXTENSIONS}


def _with_null(values: Mapping[str, Any], rule: str, missing: str) -> Mapping[str, Any]:
    """A copy in which the references of `rule` that end in `missing` are null; `values` itself when none does."""
    for path in references(rule).paths:
        for depth, step in enumerate(path):
            if step == missing and depth > 0:
                values = _put_null(values, path[: depth + 1])
    return values


def _put_null(values: Mapping[str, Any], path: tuple[Step, ...]) -> Mapping[str, Any]:
    head, rest = path[0], path[1:]
    if head is None or (not rest and head in values):
        return values
    if not rest:
        return {**values, head: None}
    inner = values.get(head)
    if not isinstance(inner, dict):
        return values
    changed = _put_null(inner, rest)
    return values if changed is inner else {**values, head: changed}


class _Reader:
    """Walks the tokens of an expression once. The library's own analysis names variables, but not their fields."""

    def __init__(self, rule: str) -> None:
        found = (match for match in _TOKEN.finditer(rule) if match.lastgroup != "comment")
        self._tokens = [(str(match.lastgroup), match.group()) for match in found]
        self._paths: list[tuple[Step, ...]] = []
        self._calls: list[str] = []
        self._bound: set[str] = set()

    def references(self) -> References:
        for at, (kind, text) in enumerate(self._tokens):
            if kind == "name" and text not in ("true", "false", "null", "in") and self._text(at - 1) != ".":
                self._chain(at)
            elif kind == "name" and self._text(at - 1) == "." and self._text(at + 1) == "(":
                self._call(at, text)
        paths = (path for path in self._paths if path[0] not in self._bound | _TYPE_NAMES)
        return References(tuple(dict.fromkeys(paths)), tuple(dict.fromkeys(self._calls)), frozenset(self._bound))

    def _chain(self, at: int) -> None:
        """Read `name.name["name"][0]` from its first name on; a method's name ends it."""
        path: list[Step] = [self._text(at)]
        if self._text(at + 1) == "(":
            self._calls.append(self._text(at))
            return
        for step, is_call in self._steps(at + 1):
            if is_call and len(path) == 1 and f"{path[0]}.{step}" in FUNCTIONS:
                self._calls.append(f"{path[0]}.{step}")
                return
            if is_call:
                break
            path.append(step)
        self._paths.append(tuple(path))

    def _steps(self, at: int) -> Iterator[tuple[Step, bool]]:
        while True:
            if self._text(at) == "." and self._kind(at + 1) == "name":
                yield self._text(at + 1), self._text(at + 2) == "("
                at += 2
            elif self._text(at) == "[" and self._text(at + 2) == "]" and self._kind(at + 1) in ("string", "number"):
                yield (self._text(at + 1)[1:-1] if self._kind(at + 1) == "string" else None), False
                at += 3
            else:
                return

    def _call(self, at: int, name: str) -> None:
        """A method, unless it was read as part of a namespace, such as `math.abs`."""
        if f"{self._text(at - 2)}.{name}" not in FUNCTIONS:
            self._calls.append(name)
        if name in _MACROS and self._text(at + 3) == ",":
            self._bound.add(self._text(at + 2))

    def _text(self, at: int) -> str:
        return self._tokens[at][1] if 0 <= at < len(self._tokens) else ""

    def _kind(self, at: int) -> str:
        return self._tokens[at][0] if 0 <= at < len(self._tokens) else ""
