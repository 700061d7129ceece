"""What metadata a search asks for: conditions from JSON, and conditions as SQL.

    {"department": "hr", "year": {"gte": 2024}, "tag": {"in": ["travel", "leave"]}, "added": {"lt": "2025-01-01"}}

Values go to the database as parameters only. A document without the field meets no condition, also not `ne`. A
field that holds a list meets a condition when one of its members does, and `ne` when none is equal. Numbers compare
as numbers, texts and ISO dates as texts; a number never equals a text.
"""

import json
from collections.abc import Mapping, Sequence
from typing import get_args

from steadyhand.errors import InvalidInput
from steadyhand.hints import did_you_mean
from steadyhand.types.condition import Comparison, Condition
from steadyhand.types.json import Json, JsonObject

Clause = tuple[str, Mapping[str, object]]
"""A condition of SQL over `document d` and `document_version v`, and its parameters."""

BUILT_IN: Mapping[str, str] = {
    "source": "d.path",
    "title": "v.title",
    "language": "v.language",
    "added": "to_char(v.born_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
}
"""Fields that every document has, by what they are called in conditions; `added` is the day its text came in."""

_COMPARISONS = get_args(Comparison)
_SIGNS: Mapping[str, str] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_MOST = 64  # conditions of a search; values of an `in`
_LONGEST = 1_000  # code points of a field or a value


def parse(where: JsonObject) -> tuple[Condition, ...]:
    """Conditions that must all be met. Raises `InvalidInput`, which says how they are written."""
    found = [
        Condition(field, comparison, value)
        for field, wanted in where.items()
        for comparison, value in _comparisons(field, wanted)
    ]
    clause(found)
    return tuple(found)


def clause(conditions: Sequence[Condition]) -> Clause:
    """What the database checks; "true" without conditions. Raises `InvalidInput` for a condition that cannot be."""
    if len(conditions) > _MOST:
        raise InvalidInput(f"expected at most {_MOST} conditions; found {len(conditions)}", hint="ask for less")
    parts, parameters = ["true"], dict[str, object]()
    for number, condition in enumerate(conditions):
        _require_sound(condition)
        name = f"where_{number}"
        make = _of_column if condition.field in BUILT_IN else _of_metadata
        sql, values = make(condition, name)
        parts.append(sql)
        parameters |= values
    return " AND ".join(parts), parameters


def _comparisons(field: str, wanted: Json) -> list[tuple[Comparison, Json]]:
    if not isinstance(wanted, dict):
        return [("eq", wanted)]
    if not wanted:
        raise _wrong(field, "a value or a comparison", "{}")
    return [(_comparison(field, name), value) for name, value in wanted.items()]


def _comparison(field: str, name: str) -> Comparison:
    for known in _COMPARISONS:
        if name == known:
            return known  # type: ignore[no-any-return]
    raise InvalidInput(
        f"{field!r}: expected a comparison ({', '.join(_COMPARISONS)}); found {name!r}",
        hint=did_you_mean(name, _COMPARISONS) or 'write {"year": {"gte": 2024}}',
    )


def _require_sound(condition: Condition) -> None:
    field, value = condition.field, condition.value
    _comparison(field, condition.comparison)
    if not field or not _is_storable(field):
        raise _wrong(field[:50], f"the name of a field, at most {_LONGEST} characters", repr(field)[:50])
    if condition.comparison == "in":
        if not isinstance(value, list) or not 1 <= len(value) <= _MOST:
            raise _wrong(field, f"a list of 1 to {_MOST} values behind `in`", repr(value)[:50])
        for member in value:
            _require_plain(field, member)
        return
    _require_plain(field, value)
    if condition.comparison in _SIGNS and isinstance(value, bool):
        raise _wrong(field, f"a number or a text behind `{condition.comparison}`", repr(value))


def _require_plain(field: str, value: Json) -> None:
    """One number, text or truth value that the database can hold."""
    if not (_is_storable(value) if isinstance(value, str) else isinstance(value, int | float)):
        raise _wrong(field, "a text, a number, true or false", repr(value)[:50])
    if isinstance(value, float) and not -1e300 < value < 1e300:
        raise _wrong(field, "a finite number", repr(value))
    if isinstance(value, int) and not -(10**100) < value < 10**100:
        raise _wrong(field, "a number of at most 100 digits", "a longer one")


def _is_storable(text: str) -> bool:
    return len(text) <= _LONGEST and "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _of_metadata(condition: Condition, name: str) -> Clause:
    """By jsonpath, which looks into lists by itself; equality is found by the index of metadata."""
    field = f"$.{json.dumps(condition.field)}"
    if condition.comparison == "in":
        values = condition.value if isinstance(condition.value, list) else []
        test = " || ".join(f"@ == {json.dumps(value)}" for value in values)
    else:
        sign = _SIGNS.get(condition.comparison, "==")
        test = f"@ {sign} {json.dumps(condition.value)}"
    found = f"d.metadata @? %({name})s::jsonpath"
    parameters = {name: f"{field} ? ({test})"}
    if condition.comparison != "ne":
        return found, parameters
    return f"(d.metadata @? %({name}_any)s::jsonpath AND NOT {found})", parameters | {
        f"{name}_any": f"{field} ? (@ != null)"
    }


def _of_column(condition: Condition, name: str) -> Clause:
    column, value = BUILT_IN[condition.field], condition.value
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(member, str) for member in values):
        raise _wrong(condition.field, "a text", repr(value)[:50])
    if condition.comparison == "in":
        return f"{column} = ANY(%({name})s::text[])", {name: values}
    sign = _SIGNS.get(condition.comparison, "<>" if condition.comparison == "ne" else "=")
    return f'{column} COLLATE "C" {sign} %({name})s::text', {name: value}


def _wrong(field: str, expected: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"{field!r}: expected {expected}; found {found}",
        hint='write {"department": "hr", "year": {"gte": 2024}, "tag": {"in": ["travel", "leave"]}}',
    )
