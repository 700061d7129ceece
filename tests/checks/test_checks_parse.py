"""A model's text becomes an object, or a clear refusal; nothing is guessed."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.checks.parse import parse
from steadyhand.errors import OutputInvalid

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5, alphabet="abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=5, alphabet="abc"), JSON, max_size=4)


@given(OBJECTS)
def test_an_object_is_found_in_itself_in_a_fence_and_in_prose(value: dict) -> None:
    text = json.dumps(value)
    assert (parse(text).value, parse(text).rung) == (value, "strict")
    assert (parse(f"```json\n{text}\n```").value, parse(f"```json\n{text}\n```").rung) == (value, "fenced")
    assert parse(f"Here {{you}} are:\n{text}\nI hope {{it}} helps.").value == value


@given(st.text())
def test_any_text_gives_an_object_or_is_refused(text: str) -> None:
    with contextlib.suppress(OutputInvalid):
        assert isinstance(parse(text).value, dict)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot answer that.",
        "[1, 2]",
        '[{"a": 1}, {"a": 2}]',
        '```json\n[{"a": 1}]\n```',
        '{"a": 1',
        '{"a": {"b": 1}',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "\\ud800"}',
        '{"a": "x\\u0000y"}',
        '{"a": ' + "9" * 5_000 + "}",
        '{"a":' * 50_000,
    ],
)
def test_what_is_no_storable_object_is_refused(text: str) -> None:
    with pytest.raises(OutputInvalid, match="expected a JSON object"):
        parse(text)


def test_a_written_out_escape_is_not_a_nul_character() -> None:
    assert parse('{"a": "\\\\u0000"}').value == {"a": "\\u0000"}


def test_an_answer_of_nothing_but_white_space_in_a_fence_is_refused_at_once() -> None:
    with pytest.raises(OutputInvalid):
        parse("```json\n" + " " * 1_000_000 + "x")
