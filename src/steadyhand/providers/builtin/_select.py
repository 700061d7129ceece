"""Chooses the sentences of some passages that answer a question. No language model: words, vectors, a linear score.

The weights were fitted by `bench/extractive_fit.py` on XQuAD-en (1,190 questions over 240 paragraphs, ten passages
each); what is said about them was measured across articles, on questions that the weights had not seen.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from steadyhand.language import sentences
from steadyhand.language.bm25 import inverse_frequency
from steadyhand.language.detect import UNKNOWN, language_of
from steadyhand.language.words import is_telling, terms, words
from steadyhand.providers.builtin._answer_type import asked_for, offers, topic
from steadyhand.types.passage import Passage
from steadyhand.types.ports import Embed

Features = NDArray[np.float64]

FEATURES = ("coverage", "coverage_in_context", "passage", "number", "time", "name", "similarity")
"""Columns of the features: the idf-weighted share of the question's terms in the sentence, and with the sentence
before it; the passage's score below the best passage's; 1 where a number, time or name is asked for and offered;
cosine of the question to the sentence with the one before it."""

WEIGHTS = np.array([6.32, 0.69, 8.37, 1.86, 0.75, 1.60, 6.42])
"""The answer's sentence is first for .80 of the questions, among three for .95."""

_SIMILARITY = FEATURES.index("similarity")
_COVERAGE = FEATURES.index("coverage_in_context")

EVIDENCE = np.array([7.56, 10.93, -9.09])
"""Weights of the two `signs`, and a constant."""

EVIDENCE_NEEDED = -2.10
"""Refuses 1.9 % of the answerable questions, 67 % of those on topic whose paragraph is missing, and all those about
something else (`bench/not_found.py`, eight passages). Asking for more costs: 5 % of the answerable for 75 %."""

CONFIDENCE = np.array([6.03, 0.53, -5.19])
"""Weights of the two parts of `certainty`, and a constant. Off by .02 on average when the sources do not answer one
question in five."""

SHORTLIST = 12  # sentences that are embedded; the answer is among them for .99 of the questions
_ENOUGH = 0.90  # show further sentences until the answer is among them with this probability
_MOST = 3
_LONGEST = 600  # code points; a longer "sentence" with line breaks is a table or a list
_PROSE_LINE = 60  # code points; the lines of a broken paragraph are longer, the rows of a table mostly shorter
_FEWEST_WORDS = 3
_SECTIONS = " > "  # between the headings of `Passage.section`
_BULLET = re.compile(r"(?:[-*•‣▪●○◦–—·]|\(?\d{1,3}[.)]|\(?[a-zA-Z]\))[^\S\n]+(?=\S)")
_LINE = re.compile(r"\S(?:[^\n]*\S)?")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` is an exact slice of `passages[passage].text`; `before` is what its meaning may depend on."""

    passage: int
    text: str
    before: str
    is_row: bool = False  # of a table: its words mean little without those of the first row

    @property
    def in_context(self) -> str:
        return f"{self.before}\n{self.text}".strip()


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
    vectors = embed([question, *(sentence.in_context for sentence in candidates)])
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
    """How much speaks for the sources answering the question at all: log-odds against their not doing so."""
    return float(EVIDENCE @ [*signs(ranking), 1.0])


def certainty(ranking: Ranking, shown: int) -> tuple[float, float]:
    """What speaks for the first `shown` sentences: their share, and the evidence for an answer at all."""
    return float(ranking.share[:shown].sum()), evidence(ranking)


def confidence(ranking: Ranking, shown: int) -> float:
    """Probability that one of the first `shown` sentences holds the answer."""
    return float(1 / (1 + np.exp(-(CONFIDENCE @ [*certainty(ranking, shown), 1.0]))))


def _candidates(passages: Sequence[Passage]) -> Iterator[Sentence]:
    """Every sentence that can stand as an answer, once: passages may overlap.

    Headings, fragments and questions cannot; a question lends its words to the sentence behind it, the first line
    of a table to its rows.
    """
    seen: set[str] = set()
    for number, passage in enumerate(passages):
        before, headings = passage.section, frozenset(passage.section.split(_SECTIONS))
        for start, end in sentences.spans(passage.text):
            pieces = list(_pieces(passage.text, start, end))
            for row, text in enumerate(pieces):
                if text not in seen and text not in headings and _can_answer(text):
                    yield Sentence(number, text, before, is_row=row > 0)
                seen.add(text)
                before = pieces[0]


def _can_answer(text: str) -> bool:
    is_question = text.rstrip("\"'”’»)").endswith("?")
    is_long_enough = len(text.split()) >= _FEWEST_WORDS and is_telling(text)
    return is_long_enough and not is_question and not text.startswith("#")


def _pieces(text: str, start: int, end: int) -> Iterator[str]:
    """The lines of what is a table or a list rather than a sentence; else the sentence, without its bullet."""
    lines = [line.group() for line in _LINE.finditer(text, start, end)]
    is_ended = text[end - 1] in ".!?:;…。"
    is_table = len(lines) >= 3 and not is_ended and median(map(len, lines)) < _PROSE_LINE
    if is_table or (len(lines) > 1 and end - start > _LONGEST):
        yield from lines
    else:
        bullet = _BULLET.match(text, start, end)
        yield text[bullet.end() if bullet else start : end]


def _lexical(question: str, candidates: Sequence[Sentence], passages: Sequence[Passage]) -> Features:
    """All features but the similarity, which stays 0."""
    language = _language(passages)
    asked = list(dict.fromkeys(terms(topic(question), language)))
    own = [frozenset(terms(it.in_context if it.is_row else it.text, language)) for it in candidates]
    context = [frozenset(terms(it.in_context, language)) for it in candidates]
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
