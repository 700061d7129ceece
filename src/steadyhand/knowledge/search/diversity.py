"""Leaves out what says the same, and lets what says nearly the same fall behind what says something new. Pure.

Source: Carbonell and Goldstein 1998, maximal marginal relevance; the likeness of two passages is the share of words
that they have in common (Dice).
"""

from collections.abc import Sequence

from steadyhand.language.words import words
from steadyhand.types.passage import Passage


def unlike(passages: Sequence[Passage], diversity: float, top_k: int) -> list[Passage]:
    """At most `top_k` of the passages, which come best first; each is the best of those left, less its likeness.

    `diversity` in [0, 1] is how much a passage loses that is all like a better one. At any value a passage whose
    words stand, in their order, in a better one is left out: layout, case and punctuation make no difference,
    a number or a `not` does.
    """
    left = _once(passages)
    if not diversity:
        return left[:top_k]
    bags = {id(passage): frozenset(words(passage.text)) for passage in left}
    nearest = dict.fromkeys(bags, 0.0)
    taken: list[Passage] = []
    while left and len(taken) < top_k:
        best = max(left, key=lambda passage: passage.score - diversity * nearest[id(passage)])
        left.remove(best)
        taken.append(best)
        for passage in left:
            likeness = _likeness(bags[id(passage)], bags[id(best)])
            nearest[id(passage)] = max(nearest[id(passage)], likeness)
    return taken


def _once(passages: Sequence[Passage]) -> list[Passage]:
    """Without those whose words a better one holds in the same order."""
    kept: list[Passage] = []
    texts: list[str] = []
    for passage in passages:
        text = f" {' '.join(words(passage.text))} "
        if not any(text in other for other in texts):
            kept.append(passage)
            texts.append(text)
    return kept


def _likeness(first: frozenset[str], second: frozenset[str]) -> float:
    size = len(first) + len(second)
    return 2 * len(first & second) / size if size else 0.0
