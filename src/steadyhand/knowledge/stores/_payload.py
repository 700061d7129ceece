"""What stores are told of a row besides its vector, so that all of them can filter alike. Pure.

Stores differ in the names, types and lists that they can filter by. All of them can ask whether a list has a word,
and compare numbers. So labels and metadata become words, which are digests, and numbers:

- for each label a word; for each value of a field a word, and one for having the field at all,
- for each field the largest and the smallest of its numbers, and of its texts as two numbers, which are the first
  12 bytes of UTF-8. Longer texts that begin alike are not told apart here.

A range therefore finds all that it should, and rarely a little more. PostgreSQL checks what is given to anybody.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from steadyhand.types.condition import Condition
from steadyhand.types.json import Json
from steadyhand.types.vectors import VectorQuery, VectorRow

Words = Literal["labels", "terms"]
"""The two lists of words of a row."""

_MOST_WORDS = 1_000
"""Words of each list; what is more cannot be filtered by in a store."""

_MOST_FIELDS = 100  # whose numbers are told
_MOST_ROWS = 1_000  # of a request
_PART = 6  # bytes of a text that a number holds exactly
_LARGEST = 1.7976931348623157e308


@dataclass(frozen=True, slots=True)
class Payload:
    """`numbers` are named by letters, digits and underscores, a letter first."""

    labels: list[str]
    terms: list[str]
    numbers: dict[str, float]


@dataclass(frozen=True, slots=True)
class Has:
    """Has the list at least one of the words?"""

    words: Words
    any_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lacks:
    """Has the list not this word?"""

    words: Words
    word: str


@dataclass(frozen=True, slots=True)
class Bound:
    """Is the number there, and does it compare so?"""

    number: str
    sign: Literal[">", ">=", "<", "<="]
    value: float


@dataclass(frozen=True, slots=True)
class Every:
    tests: "tuple[Test, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    tests: "tuple[Test, ...]"


Test: TypeAlias = Has | Lacks | Bound | Every | Either


def payload(row: VectorRow) -> Payload:
    """What a store keeps of a row."""
    terms: list[str] = []
    numbers: dict[str, float] = {}
    for at, (field, value) in enumerate(sorted(row.metadata.items())):
        members = [member for member in _members(value) if member is not None]
        if members:
            terms += [_word(field), *(_word(field, member) for member in members if _is_plain(member))]
        if at < _MOST_FIELDS:
            numbers |= _numbers(field, members)
    labels = sorted(_word(label) for label in row.labels)
    return Payload(labels[:_MOST_WORDS], sorted(set(terms))[:_MOST_WORDS], numbers)


def batches(rows: Sequence[VectorRow], most_bytes: int) -> Iterator[list[tuple[VectorRow, Payload]]]:
    """The rows with what is kept of them, as many together as about so many bytes of JSON hold."""
    batch: list[tuple[VectorRow, Payload]] = []
    size = 0
    for row in rows:
        kept = payload(row)
        weight = 12 * len(row.vector) + 20 * (len(kept.labels) + len(kept.terms)) + 40 * len(kept.numbers) + 60
        if batch and (size + weight > most_bytes or len(batch) == _MOST_ROWS):
            yield batch
            batch, size = [], 0
        batch.append((row, kept))
        size += weight
    if batch:
        yield batch


def demands(query: VectorQuery) -> Every | None:
    """What a row must pass to be found; None when no row can."""
    if query.labels is not None and not query.labels:
        return None
    seen = () if query.labels is None else (Has("labels", tuple(sorted(_word(label) for label in query.labels))),)
    return Every((*seen, *(test for condition in query.where for test in _tests(condition))))


def named(every: Test) -> set[str]:
    """The numbers that a test compares."""
    match every:
        case Bound(number=number):
            return {number}
        case Every(tests=parts) | Either(tests=parts):
            return {number for part in parts for number in named(part)}
        case _:
            return set()


def _tests(condition: Condition) -> Iterator[Test]:
    field, value = condition.field, condition.value
    match condition.comparison:
        case "eq":
            yield Has("terms", (_word(field, value),))
        case "in":
            members = value if isinstance(value, list) else [value]
            yield Has("terms", tuple(_word(field, member) for member in members))
        case "ne":
            yield Has("terms", (_word(field),))
            yield Lacks("terms", _word(field, value))
        case "gt" | "gte" | "lt" | "lte":
            yield _range(field, condition.comparison, value)


def _range(field: str, comparison: str, value: Json) -> Test:
    """Rows are rounded away from the middle and the value towards it, so that rounding hides nothing."""
    is_above, is_strict = comparison in ("gt", "gte"), comparison in ("gt", "lt")
    strict: Literal[">", "<"] = ">" if is_above else "<"
    loose: Literal[">=", "<="] = ">=" if is_above else "<="
    last = strict if is_strict else loose
    if isinstance(value, str):
        high, low = _text(value, up=not is_above)
        first, second = _text_names(field, largest=is_above)
        equal = Every((Bound(first, ">=", high), Bound(first, "<=", high), Bound(second, last, low)))
        return Either((Bound(first, strict, high), equal))
    assert isinstance(value, int | float)
    return Bound(_number_name(field, largest=is_above), last, _number(value, up=not is_above))


def _numbers(field: str, members: Sequence[Json]) -> dict[str, float]:
    """The largest and the smallest number, and text, of a field."""
    found: dict[str, float] = {}
    numbers = [each for each in members if isinstance(each, int | float) and not isinstance(each, bool)]
    texts = [each for each in members if isinstance(each, str)]
    for largest, choose in ((True, max), (False, min)):
        if numbers:
            found[_number_name(field, largest=largest)] = _number(choose(numbers), up=largest)
        if texts:
            parts = _text(choose(texts, key=str.encode), up=largest)
            found |= zip(_text_names(field, largest=largest), parts, strict=True)
    return found


def _number(value: float, *, up: bool) -> float:
    """The next number of 64 bits, above or below, for one that has none."""
    nearest = float(min(max(value, -_LARGEST), _LARGEST))
    if (nearest < value) if up else (nearest > value):
        nearest = math.nextafter(nearest, math.inf if up else -math.inf)
    return min(max(nearest, -_LARGEST), _LARGEST)


def _text(text: str, *, up: bool) -> tuple[float, float]:
    """The beginning of a text as two numbers that compare like it; `up` for one that is cut: just above it."""
    written = text.encode()
    head = written[: 2 * _PART].ljust(2 * _PART, b"\0")
    is_cut = len(written) > 2 * _PART
    return float(int.from_bytes(head[:_PART])), float(int.from_bytes(head[_PART:]) + (up and is_cut))


def _members(value: Json) -> Iterator[Json]:
    """A value, or those in a list, as conditions look into lists."""
    for member in value if isinstance(value, list) else [value]:
        if isinstance(member, list):
            yield from member
        else:
            yield member


def _is_plain(value: Json) -> bool:
    return isinstance(value, str | int | float)


def _word(*parts: Json) -> str:
    """16 letters and digits. Equal numbers have one word, however they are written."""
    plain = [int(part) if isinstance(part, float) and part.is_integer() else part for part in parts]
    return hashlib.blake2b(json.dumps(plain).encode(), digest_size=8).hexdigest()


def _name(field: str) -> str:
    return "n" + hashlib.blake2b(field.encode(), digest_size=6).hexdigest()


def _number_name(field: str, *, largest: bool) -> str:
    return f"{_name(field)}_{'max' if largest else 'min'}"


def _text_names(field: str, *, largest: bool) -> tuple[str, str]:
    end = "top" if largest else "low"
    return f"{_name(field)}_{end}", f"{_name(field)}_{end}2"
