"""One score from two: what the words and the vectors say about a chunk, each scaled to [0, 1] and added up. Pure.

Ranks are not fused: reciprocal rank fusion lets a weak leg drag a good one down (docs/adr/0005, docs/adr/0016).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

DENSE_SHARE = 0.6
"""The share of the vectors in the score where the embedder knows the language; docs/adr/0016 has measurements."""

_LEAST_SHARE = 0.1
_KNOWN = 1.25  # pieces per common word of a language that the embedder knows
_FALL = 0.5  # of the share, for each piece more

_OTHER_WORDING = 0.9
"""What a hit of another wording counts, beside one of the question itself."""


@dataclass(frozen=True, slots=True)
class Leg:
    """What both legs say about the candidates of one question, each of shape (n,).

    `least` is what the similarity of a chunk that has nothing to do with the question is like; a candidate without
    a vector has the similarity NaN.
    """

    bm25: Scores
    similarity: Scores
    least: float


def dense_share(pieces_per_word: float) -> float:
    """The share of the vectors for a language whose common words the embedder cuts into so many pieces."""
    return max(_LEAST_SHARE, DENSE_SHARE - _FALL * max(0.0, pieces_per_word - _KNOWN))


def fused(leg: Leg, dense_weight: float) -> Scores:
    """The relevance of each candidate in [0, 1]: the best of each leg has 1 in it, `least` and BM25 0 have 0."""
    similarity = np.where(np.isnan(leg.similarity), leg.least, leg.similarity)
    most = similarity.max(initial=leg.least)
    dense = (
        np.clip((similarity - leg.least) / (most - leg.least), 0, 1)
        if most > leg.least
        else np.ones_like(similarity)
    )
    lexical = leg.bm25 / (leg.bm25.max(initial=0.0) or 1.0)
    scores: Scores = dense_weight * dense + (1 - dense_weight) * lexical
    return scores


def best_of(wordings: Sequence[Scores]) -> tuple[Scores, NDArray[np.intp]]:
    """A candidate's best score over the wordings of a question, the question first, and which one gave it.

    Another wording counts a little less: it is a guess at what was meant, and may only add what the question itself
    does not find.
    """
    table = np.stack([scores * (1.0 if at == 0 else _OTHER_WORDING) for at, scores in enumerate(wordings)])
    return table.max(axis=0), table.argmax(axis=0)
