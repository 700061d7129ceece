"""Words only: passages that say the question's words side by side, and its numbers, come a little before others.

BM25 counts words wherever they stand; this looks at pairs of them. Further features were measured and left out: the
share of rare words and of words in title and section helps one kind of documents and harms another (weighted like
the others, -0.002 on questions to an FAQ; docs/adr/0019).
"""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from steadyhand.language.bm25 import inverse_frequency
from steadyhand.language.detect import UNKNOWN, language_of
from steadyhand.language.words import terms
from steadyhand.types.passage import Passage
from steadyhand.types.ports import Ask

WEIGHT = 0.05
"""Of each of the three features, beside a search's score of 1.

On seven development sets nDCG@10 changes by 0 to +.004 (mean +.001); with 0.1 and above it falls on one of them.
"""

_NEAR = 3  # terms that two of them may lie apart


def open(argument: str, models_folder: Path, threads: int) -> "Lexical":  # noqa: A001 - `lexical.open`
    del argument, models_folder, threads
    return Lexical()


class Lexical:
    candidates = 50

    async def __call__(self, question: str, passages: Sequence[Passage], ask: Ask | None) -> list[float]:
        """The search's score with a share for each feature, scaled to [0, 1]. Computed in a worker thread."""
        del ask
        return await asyncio.to_thread(scores, question, passages)


def scores(question: str, passages: Sequence[Passage]) -> list[float]:
    """One for each passage, in [0, 1]."""
    found = language_of(" ".join(passage.text[:1_000] for passage in passages[:3]))
    language = "en" if found == UNKNOWN else found
    asked = terms(question, language)
    texts = [terms(passage.text, language) for passage in passages]
    weights = _weights(asked, texts)
    whole = 1 + 3 * WEIGHT
    return [
        (passage.score + WEIGHT * sum(_features(asked, text, weights))) / whole
        for passage, text in zip(passages, texts, strict=True)
    ]


def _weights(asked: Sequence[str], texts: Sequence[Sequence[str]]) -> dict[str, float]:
    """How rare each term of the question is among the candidates."""
    wanted, bags = list(dict.fromkeys(asked)), [frozenset(text) for text in texts]
    held = np.array([sum(term in bag for bag in bags) for term in wanted], dtype=np.int64)
    return dict(zip(wanted, inverse_frequency(len(bags), held).tolist(), strict=True))


def _features(asked: Sequence[str], text: Sequence[str], weights: dict[str, float]) -> Iterator[float]:
    """Shares in [0, 1] of what the question says: pairs of words as they stand, such pairs nearby, numbers."""
    pairs = dict.fromkeys(pairwise(asked))
    whole = sum(weights[first] + weights[second] for first, second in pairs) or 1.0
    for said in (frozenset(pairwise(text)), frozenset(_near(text))):
        yield sum(weights[first] + weights[second] for first, second in pairs if (first, second) in said) / whole
    numbers = {term for term in asked if any(char.isdigit() for char in term)}
    yield len(numbers & frozenset(text)) / len(numbers) if numbers else 0.0


def _near(text: Sequence[str]) -> Iterator[tuple[str, str]]:
    for apart in range(1, _NEAR + 1):
        yield from zip(text, islice(text, apart, None), strict=False)
    yield from ((second, first) for first, second in pairwise(text))
