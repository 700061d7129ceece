"""From a model's text to a JSON object, by the gentlest reading that works."""

import json
import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from steadyhand.errors import OutputInvalid
from steadyhand.types.json import Json, JsonObject

Rung = Literal["strict", "fenced", "cut"]
"""How the object was found: the text is JSON; JSON in a code fence; JSON cut out of prose."""

_FENCE = re.compile(r"```[\w-]*[ \t]*\n")
_OBJECT_START = re.compile(r'\{(?=\s*["}])')  # braces in prose are rarely followed by a quotation mark
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class Parsed:
    value: JsonObject
    rung: Rung


def parse(text: str) -> Parsed:
    """The object that a model answered. Nothing is repaired: what is read was written.

    Raises `OutputInvalid` when there is no object, or when it holds what JSON or a database cannot: NaN, infinity,
    broken Unicode or a NUL character.
    """
    if (found := _object(text)) is not None:
        return Parsed(found, "strict")
    fenced = _inside_fence(text.strip())
    body = text if fenced is None else fenced
    if fenced is not None and (found := _object(body)) is not None:
        return Parsed(found, "fenced")
    start = None if body.lstrip().startswith("[") else _OBJECT_START.search(body)  # one object of a list is not it
    if start and (found := _object(body[start.start() :], is_prefix=True)) is not None:
        return Parsed(found, "cut")
    shown = text.strip()[:_SHOWN_CHARS]
    raise OutputInvalid(
        f"expected a JSON object; found {shown!r}" if shown else "expected a JSON object; found an empty answer",
        hint="answer with one JSON object and nothing else",
    )


def _inside_fence(text: str) -> str | None:
    """What stands between the marks of a code block; None when the text is not one block."""
    opened = _FENCE.match(text)
    if opened is None or not text.endswith("```", opened.end()):
        return None
    return text[opened.end() : -3]


def _object(text: str, *, is_prefix: bool = False) -> JsonObject | None:
    """The object that `text` is, or begins with; None when there is none."""
    try:
        value: Json = _DECODER.raw_decode(text)[0] if is_prefix else _DECODER.decode(text)
        if not isinstance(value, dict):
            return None
        _refuse_unstorable(value)
    except (ValueError, RecursionError):  # bad JSON, NaN, a lone surrogate | a thousand open brackets
        return None
    return value


def _refuse_unstorable(value: JsonObject) -> None:
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    written.encode("utf-8")
    if _NUL.search(written):
        raise ValueError("PostgreSQL stores no NUL character")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
