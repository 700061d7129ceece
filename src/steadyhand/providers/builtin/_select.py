"""Chooses the sentences of some passages that answer a question. No language model: words, vectors, a linear score.

The weights were fitted by `bench/extractive_fit.py` on XQuAD-en (1,190 questions over 240 paragraphs, ten passages
each); what is said about them was measured across articles, on questions that the weights had not seen.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steadyhand.language import sentences
from steadyhand.language.bm25 import inverse_frequency
from steadyhand.language.detect import UNKNOWN, language_of
from steadyhand.language.words import terms, words
from steadyhand.providers.builtin._answer_type import asked_for, offers
from steadyhand.types.passage import Passage
from steadyhand.types.ports import Embed

Features = NDArray[np.float64]

FEATURES = ("coverage", "coverage_in_context", "passage", "number", "time", "name", "similarity")
"""Columns of the features: the idf-weighted share of the question's terms in the sentence, and with the sentence
before it; the passage's score below the best passage's; 1 where a number, time or name is asked for and offered;
cosine of the question to the sentence with the one before it."""

WEIGHTS = np.array([6.44, 0.70, 8.32, 1.84, 0.77, 1.69, 6.47])
"""The answer's sentence is first for .80 of the questions, among three for .95."""

_SIMILARITY = FEATURES.index("similarity")
_COVERAGE = FEATURES.index("coverage_in_context")

EVIDENCE = np.array([9.19, 21.52, -13.38])
"""Weights of the two `signs`, and a constant."""

EVIDENCE_NEEDED = -2.04
"""Refuses 1 % of the answerable questions, 90 % of those off the topic of the sources, and 42 % of those on topic
whose answer was taken out. Asking for more costs: 5 % of the answerable for 98 % and 70 %."""

CONFIDENCE = np.array([6.67, 0.35, -6.31])
"""Weights of the two parts of `certainty`, and a constant. Off by .03 on average when the sources do not answer one
question in five."""

SHORTLIST = 12  # sentences that are embedded; the answer is among them for .99 of the questions
_ENOUGH = 0.90  # show further sentences until the answer is among them with this probability
_MOST = 3
_SHOWN_CHARS = 600  # a longer "sentence" is a table or a list without punctuation: its lines are taken one by one
_FEWEST_WORDS = 3
_LINE = re.compile(r"\S(?:[^\n]*\S)?")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` is an exact slice of `passages[passage].text`; `before` is what its meaning may depend on."""

    passage: int
    text: str
    before: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Sentences best first, with their `features` (n, 7) and `share`: softmax of the scores, adding up to 1."""

    sentences: tuple[Sentence, ...]
    features: Features
    share: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """The sentences to show, best first; none when the evidence is too weak.

    `confidence` is the probability that one of them holds the answer, or would hold it.
    """

    sentences: tuple[Sentence, ...]
    confidence: float


def choose(question: str, passages: Sequence[Passage], embed: Embed) -> Choice:
    """Up to three sentences: one when it is clearly ahead of the others."""
    ranking = rank(question, passages, embed)
    if not ranking.sentences:
        return Choice((), 0.0)
    shown = how_many(ranking)
    sure = confidence(ranking, shown)
    return Choice(ranking.sentences[:shown] if evidence(ranking) >= EVIDENCE_NEEDED else (), sure)


def rank(question: str, passages: Sequence[Passage], embed: Embed, *, shortlist: int = SHORTLIST) -> Ranking:
    """The most promising sentences, best first. One call of `embed`, for the question and the shortlist."""
    candidates = list(_candidates(passages))
    if not candidates:
        return Ranking((), np.empty((0, len(FEATURES))), np.empty(0))
    features = _lexical(question, candidates, passages)
    first = np.argsort(-(features @ WEIGHTS), kind="stable")[:shortlist]
    candidates, features = [candidates[at] for at in first], features[first]
    vectors = embed([question, *(f"{sentence.before} {sentence.text}".strip() for sentence in candidates)])
    features[:, _SIMILARITY] = vectors[1:] @ vectors[0]
    scores = features @ WEIGHTS
    order = np.argsort(-scores, kind="stable")
    share = np.exp(scores[order] - scores.max())
    return Ranking(tuple(candidates[at] for at in order), features[order], share / share.sum())


def how_many(ranking: Ranking) -> int:
    """The fewest sentences that hold the answer with enough probability, at most three."""
    reached = np.cumsum(ranking.share[: _MOST - 1])
    return min(1 + int(np.count_nonzero(reached < _ENOUGH)), len(ranking.sentences))


def signs(ranking: Ranking) -> tuple[float, float]:
    """What speaks for an answer: the best coverage in context among the three best, and the best similarity."""
    return float(ranking.features[:_MOST, _COVERAGE].max()), float(ranking.features[:, _SIMILARITY].max())


def evidence(ranking: Ranking) -> float:
    """How much speaks for the sources answering the question at all: log-odds against being off topic."""
    return float(EVIDENCE @ [*signs(ranking), 1.0])


def certainty(ranking: Ranking, shown: int) -> tuple[float, float]:
    """What speaks for the first `shown` sentences: their share, and the evidence for an answer at all."""
    return float(ranking.share[:shown].sum()), evidence(ranking)


def confidence(ranking: Ranking, shown: int) -> float:
    """Probability that one of the first `shown` sentences holds the answer."""
    return float(1 / (1 + np.exp(-(CONFIDENCE @ [*certainty(ranking, shown), 1.0]))))


def _candidates(passages: Sequence[Passage]) -> Iterator[Sentence]:
    """Every sentence that can stand as an answer, once: passages may overlap."""
    seen: set[str] = set()
    for number, passage in enumerate(passages):
        before = passage.section
        for start, end in _pieces(passage.text):
            text = passage.text[start:end]
            if text not in seen and not text.startswith("#") and len(text.split()) >= _FEWEST_WORDS:
                yield Sentence(number, text, before)
            seen.add(text)
            before = text


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Ranges of sentences, and of the lines of what is too long to be one."""
    for start, end in sentences.spans(text):
        if end - start <= _SHOWN_CHARS:
            yield start, end
        else:
            yield from (line.span() for line in _LINE.finditer(text, start, end))


def _lexical(question: str, candidates: Sequence[Sentence], passages: Sequence[Passage]) -> Features:
    """All features but the similarity, which stays 0."""
    language = _language(passages)
    asked = list(dict.fromkeys(terms(question, language)))
    own = [frozenset(terms(sentence.text, language)) for sentence in candidates]
    context = [found | frozenset(terms(it.before, language)) for found, it in zip(own, candidates, strict=True)]
    held_by = np.array([sum(term in found for found in own) for term in asked])
    idf = inverse_frequency(len(own), held_by)
    features = np.zeros((len(candidates), len(FEATURES)))
    features[:, 0] = _coverage(asked, idf, own)
    features[:, _COVERAGE] = _coverage(asked, idf, context)
    best = max(passage.score for passage in passages)
    features[:, 2] = [passages[sentence.passage].score - best for sentence in candidates]
    kinds, spoken = asked_for(question), frozenset(words(question))
    for kind in kinds:
        features[:, FEATURES.index(kind)] = [offers(sentence.text, kind, spoken) for sentence in candidates]
    return features


def _coverage(
    asked: Sequence[str], idf: NDArray[np.float64], found: Sequence[frozenset[str]]
) -> NDArray[np.float64]:
    """BM25's idf of the question's terms that were found, as a share of all of it; length does not matter."""
    held = np.array([[term in terms_of_one for term in asked] for terms_of_one in found], dtype=np.float64)
    total = float(idf.sum())
    return held @ idf / total if total else np.zeros(len(found))


def _language(passages: Sequence[Passage]) -> str:
    found = language_of(" ".join(passage.text[:1_000] for passage in passages[:3]))
    return "en" if found == UNKNOWN else found
