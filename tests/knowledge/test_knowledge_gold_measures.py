"""The measures of a ranking, against figures worked out by hand."""

import pytest

from steadyhand.scorers import ndcg, recall, reciprocal_rank, span_recall


def test_the_best_order_has_the_whole_gain() -> None:
    assert ndcg.score(["a", "b", "x"], {"a": 2, "b": 1}) == 1
    assert ndcg.score(["x", "a"], {"a": 1}) == pytest.approx(0.6309, abs=1e-4)
    assert ndcg.score(["b", "a"], {"a": 2, "b": 1}) == pytest.approx((1 + 2 * 0.63093) / (2 + 0.63093), abs=1e-4)


def test_the_same_thing_twice_gains_once() -> None:
    assert ndcg.score(["a", "a"], {"a": 1, "b": 1}) == pytest.approx(1 / 1.63093, abs=1e-4)
    assert recall.score(["a", "a"], {"a", "b"}) == 0.5


def test_only_the_first_k_count() -> None:
    assert ndcg.score(["x", "a"], {"a": 1}, k=1) == 0
    assert recall.score(["x", "a"], {"a"}, k=1) == 0
    assert reciprocal_rank.score(["x", "a"], {"a"}, k=1) == 0
    assert recall.score(["a"], {"a", "b", "c"}, k=1) == 1


def test_the_first_right_one_counts_by_its_place() -> None:
    assert reciprocal_rank.score(["x", "y", "a", "b"], {"a", "b"}) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("passages", "share"),
    [
        (["Hotels cost  at most\n120 EUR a night. So says the policy."], 1.0),
        (["It says: hotels cost at most", "120 EUR a night. More."], 1.0),
        (["at most 120 EUR"], 15 / 36),
        (["nothing of it"], 0.0),
        ([], 0.0),
    ],
)
def test_a_quote_is_found_in_pieces(passages: list[str], share: float) -> None:
    assert span_recall.score("Hotels cost at most 120 EUR a night.", passages) == pytest.approx(share, abs=0.04)


def test_nothing_wanted_is_nothing_missed() -> None:
    assert span_recall.score("", []) == recall.score([], set()) == 1
    assert ndcg.score(["a"], {}) == 0
