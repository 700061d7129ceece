"""How much some passages speak for a question having its answer in them: two signs anybody can check. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steadyhand.language.bm25 import inverse_frequency
from steadyhand.language.detect import UNKNOWN, language_of
from steadyhand.language.words import terms
from steadyhand.types.passage import Passage

_COVERAGE, _SIMILARITY, _CONSTANT = 8.43, 8.07, -7.81
"""Of a logistic regression on XQuAD-en: 1,190 questions to a base that holds the paragraphs of every other one."""

NEEDED = 0.04
"""Less than this is no evidence. Turns away at most 1.7 % of the answerable questions of six sets, 93-100 % of
those about something else, and 34 % of those on topic whose document is missing (`bench/not_found.py`)."""

_READ_CHARS = 4_000  # of a passage


@dataclass(frozen=True, slots=True)
class Support:
    """`score` in [0, 1] is the probability that the answer is there, of as many answerable questions as others.

    `coverage` is the share of the question's words that the best passage holds, rare words counting more;
    `similarity` is the greatest cosine of question and passage.
    """

    score: float
    coverage: float
    similarity: float

    def __str__(self) -> str:
        return f"{self.score:.2f} (words {self.coverage:.2f}, similarity {self.similarity:.2f})"


def support(question: str, passages: Sequence[Passage]) -> Support:
    """0 without passages. Rare is what few of the passages hold."""
    if not passages:
        return Support(0.0, 0.0, 0.0)
    covered = _coverage(question, passages)
    similar = max(passage.similarity for passage in passages)
    odds = _COVERAGE * covered + _SIMILARITY * similar + _CONSTANT
    return Support(1 / (1 + math.exp(-odds)), covered, similar)


def _coverage(question: str, passages: Sequence[Passage]) -> float:
    found = language_of(" ".join(passage.text[:1_000] for passage in passages[:3]))
    language = "en" if found == UNKNOWN else found
    asked = list(dict.fromkeys(terms(question, language)))
    if not asked:
        return 0.0
    texts = (f"{passage.title} {passage.section} {passage.text[:_READ_CHARS]}" for passage in passages)
    bags = [frozenset(terms(text, language)) for text in texts]
    held = np.array([[term in bag for term in asked] for bag in bags])
    weights = inverse_frequency(len(bags), np.count_nonzero(held, axis=0))
    return float((held @ weights).max() / weights.sum())
