"""What stores are told to filter by hides nothing that should be found, and shows nobody what is not for them."""

import operator

import numpy as np
from condition_oracle import meets
from hypothesis import example, given
from hypothesis import strategies as st

from steadyhand.knowledge.stores._payload import (
    Bound,
    Either,
    Every,
    Has,
    Lacks,
    Payload,
    Test,
    batches,
    demands,
    payload,
)
from steadyhand.types.condition import Comparison, Condition
from steadyhand.types.json import Json
from steadyhand.types.vectors import VectorQuery, VectorRow

VECTOR = np.ones(4, dtype=np.float32)
SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(10**100) + 1, 10**100 - 1) | st.floats(-1e300, 1e300, exclude_min=True, exclude_max=True)
plain = texts | numbers | st.booleans()
held = plain | st.none() | st.lists(plain | st.none(), max_size=4)
labels = st.frozensets(st.sampled_from(["everyone", "hr", "it", "Recht & Steuern"]))


def row(metadata: dict[str, Json], may_see: frozenset[str] = frozenset({"everyone"})) -> VectorRow:
    return VectorRow(id=1, vector=VECTOR, labels=may_see, metadata=metadata)


def query(*where: Condition, sees: frozenset[str] | None = None) -> VectorQuery:
    return VectorQuery(vector=VECTOR, k=1, labels=sees, where=where)


def passes(kept: Payload, test: Test) -> bool:
    match test:
        case Has(words, any_of):
            return bool(set(getattr(kept, words)) & set(any_of))
        case Lacks(words, word):
            return word not in getattr(kept, words)
        case Bound(number, sign, value):
            return number in kept.numbers and SIGNS[sign](kept.numbers[number], value)
        case Every(parts):
            return all(passes(kept, part) for part in parts)
        case Either(parts):
            return any(passes(kept, part) for part in parts)


def is_found(metadata: dict[str, Json], *where: Condition) -> bool:
    wanted = demands(query(*where))
    assert wanted is not None
    return passes(payload(row(metadata)), wanted)


@given(held, st.sampled_from(["gt", "gte", "lt", "lte"]), texts | numbers)
@example(2**53 + 1, "gt", 2**53)
@example("the same beginning, then more", "gt", "the same beginning")
@example("the same beginning", "lt", "the same beginning, then more")
@example(10**99, "gte", 10**99)
@example([1, None, "x"], "lt", 2)
def test_a_range_hides_nothing(value: Json, comparison: Comparison, asked: Json) -> None:
    condition = Condition("field", comparison, asked)
    if meets({"field": value}, condition):
        assert is_found({"field": value}, condition)


@given(st.text("abc0-", max_size=12), st.sampled_from(["gt", "gte", "lt", "lte"]), st.text("abc0-", max_size=12))
def test_a_range_of_short_texts_is_exact(value: str, comparison: Comparison, asked: str) -> None:
    condition = Condition("day", comparison, asked)
    assert is_found({"day": value}, condition) == meets({"day": value}, condition)


@given(
    st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300),
    st.sampled_from(["gt", "gte", "lt", "lte"]),
    st.integers(-(2**53), 2**53),
)
def test_a_range_of_usual_numbers_is_exact(value: float, comparison: Comparison, asked: int) -> None:
    condition = Condition("year", comparison, asked)
    assert is_found({"year": value}, condition) == meets({"year": value}, condition)


@given(held, st.sampled_from(["eq", "ne"]), plain)
@example(1, "eq", 1.0)
@example(1, "eq", True)
@example([], "ne", 1)
@example(None, "ne", 1)
def test_equality_is_exact(value: Json, comparison: Comparison, asked: Json) -> None:
    condition = Condition("field", comparison, asked)
    assert is_found({"field": value, "other": asked}, condition) == meets({"field": value}, condition)


@given(held, st.lists(plain, min_size=1, max_size=5))
def test_one_of_several_is_exact(value: Json, asked: list[Json]) -> None:
    condition = Condition("field", "in", asked)
    assert is_found({"field": value}, condition) == meets({"field": value}, condition)


@given(labels, labels)
def test_labels_are_exact_and_none_finds_nothing(may_see: frozenset[str], sees: frozenset[str]) -> None:
    kept = payload(row({}, may_see))
    wanted = demands(query(sees=sees))
    assert (wanted is not None and passes(kept, wanted)) == bool(may_see & sees)
    everything = demands(query(sees=None))
    assert everything is not None
    assert passes(kept, everything)


@given(texts, texts)
def test_no_word_of_a_row_is_told(field: str, value: str) -> None:
    kept = payload(row({field: value}, frozenset({value})))
    assert all(word.isalnum() and len(word) == 16 for word in (*kept.labels, *kept.terms))
    assert all(name.isascii() and name.replace("_", "").isalnum() for name in kept.numbers)


def test_a_row_with_too_much_metadata_still_fits_a_request() -> None:
    kept = payload(row({f"field {at}": [at, f"text {at}", *range(50)] for at in range(200)}))
    assert len(kept.terms) == 1_000
    assert len(kept.numbers) == 600


def test_batches_are_bounded_in_bytes_and_keep_their_order() -> None:
    rows = [row({"text": f"{at}" * 50}) for at in range(2_500)]
    made = list(batches(rows, 10_000))
    assert [each for batch in made for each, _ in batch] == rows
    assert max(len(batch) for batch in made) < 60
    assert [len(batch) for batch in batches(rows, 10**9)] == [1_000, 1_000, 500]
