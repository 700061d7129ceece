"""Short types become JSON Schema; what is not one is told apart with the near miss."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.checks.schema import flaw, violations
from steadyhand.features.sample import sample
from steadyhand.features.shorttypes import TypeInvalid, field_schema, object_schema

BASES = st.sampled_from(
    ["string", "text", "integer", "number", "boolean", "date", "datetime", "email", "url", "language"]
)
WORDS = st.lists(st.from_regex(r"[a-z][a-z0-9 -]{0,8}[a-z]", fullmatch=True), min_size=2, max_size=4, unique=True)
BOUNDS = st.tuples(st.integers(-1000, 1000), st.integers(0, 1000)).map(lambda pair: (pair[0], pair[0] + pair[1]))
SIMPLE = st.one_of(
    BASES,
    WORDS.map(" | ".join),
    st.integers(1, 20_000).map(lambda length: f"text <= {length}"),
    BOUNDS.map(lambda bounds: f"integer {bounds[0]}..{bounds[1]}"),
    BOUNDS.map(lambda bounds: f"number {bounds[0] / 8}..{bounds[1] / 8}"),
)
SHORT = st.recursive(SIMPLE, lambda inner: inner.map(lambda short: f"({short})[]"), max_leaves=3)


@given(short=SHORT, is_optional=st.booleans())
def test_every_short_type_is_a_json_schema_with_a_value_that_fits(short: str, is_optional: bool) -> None:
    schema, is_required = field_schema(f"{short} ?" if is_optional else short)
    assert is_required is not is_optional
    assert flaw(schema) == ""
    assert sample(schema, has_optional=True) is not None
    assert violations(sample(schema, has_optional=True), schema) == []
    assert violations(None, schema)


@given(words=WORDS, other=st.text(max_size=8))
def test_an_enum_is_closed(words: list[str], other: str) -> None:
    schema, _ = field_schema(" | ".join(words))
    assert [word for word in [*words, other] if not violations(word, schema)] == words + [other] * (other in words)


@given(BOUNDS, st.integers(-3000, 3000))
def test_a_range_admits_exactly_what_is_in_it(bounds: tuple[int, int], value: int) -> None:
    low, high = bounds
    for kind in ("integer", "number"):
        schema, _ = field_schema(f"{kind} {low}..{high}")
        assert (violations(value, schema) == []) is (low <= value <= high)


@given(st.text(max_size=30))
def test_any_text_is_a_type_or_is_refused(text: str) -> None:
    with contextlib.suppress(TypeInvalid):
        assert flaw(field_schema(text)[0]) == ""


@pytest.mark.parametrize(
    ("short", "message", "hint"),
    [
        ("strng", "expected one of string, text, ", 'did you mean "string"?'),
        ("Text", "expected one of string, text, ", 'did you mean "text"?'),
        ("strng[]", "expected one of string, text, ", 'did you mean "string"?'),
        ("nmber 0..1", "expected one of string, text, ", 'did you mean "number"?'),
        ("", "expected one of string, text, ", ""),
        ("a || b", "expected words between the bars; found 'a || b'", "write a | b | c"),
        ("a | b | a", "expected different words; found 'a' twice", "leave one of them out"),
        ("integer 0.5..1", "expected whole numbers; found 'integer 0.5..1'", "write number for decimals"),
        ("number 5..1", "expected the lower bound first; found 'number 5..1'", "write 1..5"),
    ],
)
def test_a_type_that_does_not_parse_names_the_near_miss(short: str, message: str, hint: str) -> None:
    with pytest.raises(TypeInvalid) as caught:
        field_schema(short)
    assert str(caught.value).startswith(message)
    assert caught.value.hint == hint


def test_tables_are_closed_objects_and_a_list_with_one_type_is_a_list_of_it() -> None:
    schema, flaws = object_schema(
        {"customer": {"name": "string", "mail": "email ?"}, "items": [{"amount": "number"}], "tags": ["string"]},
        ("input",),
    )
    assert flaws == []
    good = {"customer": {"name": "x"}, "items": [{"amount": 1}], "tags": []}
    assert violations(good, schema) == []
    assert violations({**good, "customer": {"name": "x", "age": 3}}, schema) == [
        "output.customer.age: is not a field of output.customer"
    ]
    assert violations({**good, "items": [{}]}, schema) == ["output.items[0].amount: is missing"]


@pytest.mark.parametrize("value", [3, True, [], ["string", "text"], {}])
def test_what_is_no_type_at_all_is_told_at_its_key(value: object) -> None:
    _, [found] = object_schema({"outer": {"field": value}}, ("output",))
    assert found.path == ("output", "outer", "field")
    assert found.message.startswith("output.outer.field: expected a type in quotes, a table of fields or a list")


@pytest.mark.parametrize(
    ("tag", "fits"), [("en", True), ("pt-BR", True), ("zh-Hant-TW", True), ("und", True), ("english", False)]
)
def test_languages_are_bcp_47_tags(tag: str, fits: bool) -> None:
    assert (violations(tag, field_schema("language")[0]) == []) is fits


def test_a_wrong_type_inside_a_list_is_found_by_the_path_that_rules_write() -> None:
    _, flaws = object_schema({"items": [{"amount": "numbr"}]}, ("output",))
    assert [flaw.message.partition(": ")[0] for flaw in flaws] == ["output.items[0].amount"]
