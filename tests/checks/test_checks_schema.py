"""A broken promise is told in a sentence that a model can act on."""

import pytest

from steadyhand.checks.schema import examine, flaw, violations

SCHEMA = {
    "type": "object",
    "properties": {
        "urgency": {"type": "string", "enum": ["high", "medium", "low"]},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "due": {"type": "string", "format": "date"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"amount": {"type": "number"}}}},
    },
    "required": ["urgency"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "sentences"),
    [
        ({"urgency": "high"}, []),
        ({"urgency": "hihg"}, ['output.urgency: "hihg" is not one of high, medium, low']),
        ({"urgency": None}, ["output.urgency: expected string; found null", "output.urgency: null is not one of"]),
        ({}, ["output.urgency: is missing"]),
        ({"urgency": "low", "score": 3}, ["output.score: expected at most 1; found 3"]),
        ({"urgency": "low", "due": "soon"}, ['output.due: expected a date such as 2026-01-31; found "soon"']),
        ({"urgency": "low", "extra": 1}, ["output.extra: is not a field of output"]),
        (
            {"urgency": "low", "items": [{"amount": 1}, {"amount": "x"}]},
            ['output.items[1].amount: expected number; found "x"'],
        ),
    ],
)
def test_every_violation_names_its_place_and_what_was_expected(value: dict, sentences: list[str]) -> None:
    found = sorted(violations(value, SCHEMA))
    assert len(found) == len(sentences)
    assert all(said.startswith(sentence) for said, sentence in zip(found, sorted(sentences), strict=True))


def test_a_near_miss_of_an_enum_is_hinted_at() -> None:
    [violation] = examine({"urgency": "hihg"}, SCHEMA)
    assert (violation.path, violation.hint) == (("urgency",), 'did you mean "high"?')


def test_paths_begin_with_the_root_that_is_asked_for() -> None:
    assert violations({}, SCHEMA, "input") == ["input.urgency: is missing"]


def test_a_schema_that_is_none_is_told_apart() -> None:
    assert flaw(SCHEMA) == ""
    assert flaw({"type": "strng"}).startswith('type: "strng" is not valid')


def test_a_reference_to_the_network_is_never_followed() -> None:
    assert "Retrieval is disabled" in flaw({"$ref": "http://127.0.0.1:9/schema.json"})
