"""BM25 against its formula."""

import math

import numpy as np
import pytest

from steadyhand.language.bm25 import scores

DOCUMENTS = [["hotel", "limit", "hotel"], ["train", "limit"], ["lunch"]]


def test_scores_follow_the_formula():
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / 2))
    assert scores(["hotel"], DOCUMENTS) == pytest.approx([expected, 0, 0], rel=1e-6)


def test_statistics_of_a_larger_collection_may_be_given():
    found = scores(["hotel", "limit"], DOCUMENTS, idf={"limit": 2.0}, average_length=2.0)
    assert found[0] == pytest.approx(2 / (1 + 1.2 * (1 - 0.75 + 0.75 * 1.5)))
    assert found[1] == pytest.approx(2 / (1 + 1.2))


def test_a_repeated_query_term_counts_once():
    assert np.array_equal(scores(["hotel", "hotel"], DOCUMENTS), scores(["hotel"], DOCUMENTS))


@pytest.mark.parametrize(("query", "documents"), [([], DOCUMENTS), (["x"], []), (["x"], [[], []])])
def test_nothing_scores_zero(query: list[str], documents: list[list[str]]):
    found = scores(query, documents)
    assert found.shape == (len(documents),)
    assert found.dtype == np.float32
    assert not found.any()
