"""CEL rules judge values, and never stop a run by an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.checks import cel, rules
from steadyhand.types.feature import Check
from steadyhand.types.model import Rule

VALUES = {
    "input": {"subject": "Hello", "count": 3},
    "output": {"urgency": "high", "total": 3.5, "items": [{"amount": 1.5}, {"amount": 2.0}]},
    "evidence": [{"source": "a.pdf", "quote": "x"}],
    "confidence": 0.5,
}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("confidence < 0.7 || output.urgency == 'low'", True),
        ("output.urgency in ['low', 'medium']", False),
        ("input.channel == 'email'", False),
        ("has(input.channel) && input.channel == 'email'", False),
        ("!has(input.channel)", True),
        ("input['channel'] == null && input.count == 3", True),
        ("math.abs(output.items.map(i, i.amount).sum() - output.total) < 0.01", True),
        ("input.subject.lowerAscii().contains('hell')", True),
        ("size(evidence) == 1 && evidence[0].source.endsWith('.pdf')", True),
    ],
)
def test_a_rule_is_true_or_false_of_the_values(rule: str, expected: bool) -> None:
    assert rules.holds(rule, VALUES) is expected


@pytest.mark.parametrize(
    "rule",
    [
        "input.count + 1.5 > 2.0",
        "1 / 0 == 1",
        "nobody.knows",
        "input.subject",
        "input.gone > 3",
        "((",
        "int('x') == 1",
    ],
)
def test_a_rule_that_cannot_be_evaluated_answers_as_told_and_fails_its_check(rule: str) -> None:
    assert rules.holds(rule, VALUES) is False
    assert rules.holds(rule, VALUES, otherwise=True) is True
    [result] = rules.results([Check("c", rule, "block", "it must fit")], VALUES)
    assert not result.ok
    assert result.detail.startswith("it must fit (the rule could not be evaluated: ")


def test_a_failed_check_says_its_message() -> None:
    [result] = rules.results([Check("low", "output.urgency == 'low'", "review", "low was expected")], VALUES)
    assert (result.id, result.severity, result.ok, result.detail) == ("low", "review", False, "low was expected")


def test_the_first_rule_that_names_a_field_has_the_say() -> None:
    settled = rules.decide(
        [
            Rule("input.count > 5", {"urgency": "low"}),
            Rule("input.count > 2", {"urgency": "high"}),
            Rule("input.count > 1", {"urgency": "medium", "category": "sales"}),
        ],
        {"count": 3},
    )
    assert settled == {"urgency": "high", "category": "sales"}


def test_a_whole_number_where_the_schema_says_number_is_a_decimal_for_rules() -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}, "count": {"type": "integer"}}}
    values = rules.values({"total": 3, "count": 3}, {}, (schema, {}))
    rule = "input.total * 2.0 == 6.0 && input.count * 2 == 6"
    assert rules.holds(rule, values)
    assert rules.decide([Rule(rule, {"a": 1})], {"total": 3, "count": 3}, schema) == {"a": 1}


def test_references_follow_fields_items_and_namespaces_but_not_strings_or_bound_names() -> None:
    found = cel.references(
        "output.items[0].amount > 1.0 && evidence.all(e, e.source != 'input.x') && math.abs(1.0) > 0.0"
    )
    assert found.paths == (("output", "items", None, "amount"), ("evidence",))
    assert set(found.calls) == {"all", "math.abs"}
    assert found.bound == {"e"}


def test_every_function_we_say_exists_does() -> None:
    for name in sorted(cel.FUNCTIONS - {"all", "exists", "exists_one", "map", "filter", "has"}):
        outcomes = [
            cel.evaluate(f"{call}", VALUES) for call in (f"{name}('1')", f"'1'.{name}('1')", f"'1'.{name}()")
        ]
        stamps = cel.evaluate(f"timestamp('2026-01-01T00:00:00Z').{name}()", VALUES)
        assert any("Undefined" not in outcome.problem for outcome in (*outcomes, stamps)), name


@given(st.text(max_size=40))
def test_no_text_crashes_the_reader_of_rules(rule: str) -> None:
    cel.references(rule)
    assert rules.holds(rule, VALUES) in (True, False)
