"""Fits the constants of `providers/builtin/_select.py`, and says what they are worth on articles they did not see.

    python bench/extractive_fit.py --data DIR

Wants the layout of the other benches with `spans.jsonl.gz`; a document's article is its id up to `#`. Every
question is asked three times: of all documents, of the half of the articles that does not hold its own (off topic),
and of all documents but the one with the answer (on topic, unanswerable). The search is exact and in memory.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness import finish, lines, load, say, track
from steadyhand.knowledge.embedders import minilm
from steadyhand.language import bm25
from steadyhand.language.words import terms
from steadyhand.providers.builtin import _select as select
from steadyhand.settings import cache_folder
from steadyhand.types.passage import Passage
from steadyhand.types.ports import Vectors

Array = NDArray[np.float64]
_FOLDS = 6
_REFUSED = 0.015  # share of the answerable questions that may be refused
_UNANSWERABLE = 0.2  # share of the questions to expect that the sources do not answer, for the confidence


@dataclass(frozen=True)
class Case:
    """One asking of one question. `hits` marks the sentences that hold the answer; rows are in no order."""

    fold: int
    ranking: select.Ranking
    hits: Array


class Remembered:
    """An embedder that embeds a text once."""

    def __init__(self, model: minilm.MiniLM) -> None:
        self.id = model.id
        self._model = model
        self._known: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(new, self._model(new), strict=True))
        return np.array([self._known[text] for text in texts])


class Collection:
    """The documents of a set, searched as the knowledge base does: min-max of BM25 and cosine, half and half."""

    def __init__(self, data: Path, embed: Remembered) -> None:
        self._embed = embed
        found = load(data)
        self.queries = found.queries
        self.documents = list(found.texts)
        self._texts = list(found.texts.values())
        self._terms = [terms(text) for text in self._texts]
        self._vectors = embed(self._texts)
        articles = [document.rpartition("#")[0] for document in self.documents]
        numbers = {article: number for number, article in enumerate(dict.fromkeys(articles))}
        self.article = np.array([numbers[article] for article in articles])

    def search(self, query: str, among: NDArray[np.bool_], top_k: int = 10) -> list[Passage]:
        lexical = bm25.scores(terms(query), self._terms)
        similarity = self._vectors @ self._embed([query])[0]
        score = np.where(among, (_scaled(lexical, among) + _scaled(similarity, among)) / 2, -1)
        best = np.argsort(-score, kind="stable")[:top_k]
        return [self._passage(at, score[at], lexical[at], similarity[at]) for at in best if among[at]]

    def _passage(self, at: int, score: float, lexical: float, similarity: float) -> Passage:
        text = self._texts[at]
        return Passage(
            chunk_id=int(at), version_id=1, knowledge_base="set", source=self.documents[at], title="", section="",
            page=1, start=0, end=len(text), text=text, data_class="public", score=float(score),
            bm25=float(lexical), similarity=float(similarity),
        )  # fmt: skip


def _scaled(values: Vectors, among: NDArray[np.bool_]) -> Vectors:
    low, high = values[among].min(), values[among].max()
    return (values - low) / (high - low + 1e-9)


def cases(data: Path) -> tuple[list[Case], list[Case], list[Case]]:
    """Answerable, off topic, on topic without the answer."""
    embed = Remembered(minilm.open(cache_folder() / "models"))
    collection = Collection(data, embed)
    place = {document: at for at, document in enumerate(collection.documents)}
    asked: tuple[list[Case], list[Case], list[Case]] = ([], [], [])
    for span in track(list(lines(data / "spans.jsonl.gz")), "asking", transient=True):
        query, at = collection.queries[span["qid"]], place[span["doc"]]
        everywhere = np.ones(len(collection.documents), dtype=bool)
        other_half = collection.article % 2 != collection.article[at] % 2
        elsewhere = np.arange(len(collection.documents)) != at
        for found, among in zip(asked, (everywhere, other_half, elsewhere), strict=True):
            passages = collection.search(query, among)
            ranking = select.rank(query, passages, embed, shortlist=10_000)
            hits = [_holds(sentence, passages, span) for sentence in ranking.sentences]
            found.append(Case(int(collection.article[at]) % _FOLDS, ranking, np.array(hits, dtype=float)))
    return asked


def _holds(sentence: select.Sentence, passages: Sequence[Passage], span: dict[str, int]) -> bool:
    passage = passages[sentence.passage]
    start = passage.text.find(sentence.text)
    return (
        passage.source == span["doc"] and start <= span["start"] and span["end"] <= start + len(sentence.text) + 1
    )


def fitted_weights(asked: Sequence[Case], steps: int = 400) -> Array:
    """Weights that give the answer's sentences the largest share: softmax over each question, Adam, a little L2."""
    known = [case for case in asked if case.hits.any()]
    features = np.concatenate([case.ranking.features for case in known])
    scale = features.std(axis=0) + 1e-9
    features = features / scale
    starts = np.cumsum([0, *(len(case.hits) for case in known[:-1])])
    owner = np.repeat(np.arange(len(known)), [len(case.hits) for case in known])
    hits = np.concatenate([case.hits for case in known])
    wanted = hits / np.add.reduceat(hits, starts)[owner]
    weights, mean, square = (np.zeros(features.shape[1]) for _ in range(3))
    for step in range(1, steps + 1):
        scores = features @ weights
        shares = np.exp(scores - np.maximum.reduceat(scores, starts)[owner])
        shares /= np.add.reduceat(shares, starts)[owner]
        slope = features.T @ (shares - wanted) / len(known) + 1e-3 * weights
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights -= 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
    return weights / scale


def fitted_logistic(features: Array, labels: Array, importance: Array) -> Array:
    """Newton's method; the last weight is the constant's."""
    rows = np.column_stack([features, np.ones(len(features))])
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-rows @ weights))
        curve = (rows * (importance * chance * (1 - chance))[:, None]).T @ rows
        weights -= np.linalg.solve(curve + 1e-6 * np.eye(len(weights)), rows.T @ (importance * (chance - labels)))
    return weights


def ranked(case: Case, weights: Array) -> Case:
    """As `select.rank` would give it with these weights."""
    lexical = case.ranking.features @ np.where(np.array(select.FEATURES) == "similarity", 0, weights)
    kept = np.argsort(-lexical, kind="stable")[: select.SHORTLIST]
    scores = case.ranking.features[kept] @ weights
    order = kept[np.argsort(-scores, kind="stable")]
    share = np.exp(np.sort(scores)[::-1] - scores.max())
    sentences = tuple(case.ranking.sentences[at] for at in order)
    ranking = select.Ranking(sentences, case.ranking.features[order], share / share.sum())
    return Case(case.fold, ranking, case.hits[order])


def folds_of(asked: Sequence[Case]) -> NDArray[np.int64]:
    return np.array([case.fold for case in asked])


def cross_fitted(answerable: Sequence[Case], *others: Sequence[Case]) -> list[list[Case]]:
    """All askings, each ranked by weights fitted on the answerable questions of other articles."""
    weights = [fitted_weights([it for it in answerable if it.fold != fold]) for fold in range(_FOLDS)]
    return [[ranked(case, weights[case.fold]) for case in asked] for asked in (answerable, *others)]


def judged(rows: Array, labels: Array, importance: Array, folds: NDArray[np.int64]) -> tuple[Array, Array]:
    """Log-odds of each row by a logistic fitted on other articles, and the weights fitted on all."""
    log_odds = np.empty(len(rows))
    for fold in range(_FOLDS):
        seen, unseen = folds != fold, folds == fold
        weights = fitted_logistic(rows[seen], labels[seen], importance[seen])
        log_odds[unseen] = np.column_stack([rows[unseen], np.ones(unseen.sum())]) @ weights
    return log_odds, fitted_logistic(rows, labels, importance)


def evidence_figures(known: Sequence[Case], off: Sequence[Case], without: Sequence[Case]) -> dict[str, float]:
    """Fits answerable against off topic and against unanswered, and says what refusing costs and brings."""
    asked = [*known, *off, *without]
    rows = np.array([select.signs(case.ranking) for case in asked])
    n = len(known)
    importance = np.repeat([1.0, 0.5, 0.5], n)
    log_odds, weights = judged(rows, np.repeat([1.0, 0.0, 0.0], n), importance, folds_of(asked))
    needed = np.quantile(rows[:n] @ weights[:-1] + weights[-1], _REFUSED)
    say(f"EVIDENCE = {np.round(weights, 2).tolist()}; EVIDENCE_NEEDED = {needed:.2f}")
    select.EVIDENCE, select.EVIDENCE_NEEDED = weights, float(needed)  # the confidence builds on them
    refused = {}
    for share in (0.01, _REFUSED, 0.02, 0.05):
        refused[share] = [float(np.mean(part < np.quantile(log_odds[:n], share))) for part in np.split(log_odds, 3)]
        say("refused: answerable {:.1%}, off topic {:.1%}, without the answer {:.1%}".format(*refused[share]))
    return dict(zip(("refused", "refused_off_topic", "refused_without"), refused[_REFUSED], strict=True))


def confidence_figures(known: Sequence[Case], off: Sequence[Case], without: Sequence[Case]) -> dict[str, float]:
    """Fits the probability that the shown sentences hold the answer, and says how far it is off on average."""
    asked = [case for case in (*known, *off, *without) if select.evidence(case.ranking) >= select.EVIDENCE_NEEDED]
    shown = [select.how_many(case.ranking) for case in asked]
    hit = np.array([float(case.hits[:number].any()) for case, number in zip(asked, shown, strict=True)])
    rows = np.array([select.certainty(case.ranking, number) for case, number in zip(asked, shown, strict=True)])
    is_known = np.array([case.hits.any() for case in asked])
    odds = _UNANSWERABLE / (1 - _UNANSWERABLE) * is_known.sum() / (~is_known).sum()
    importance = np.where(is_known, 1.0, odds)
    log_odds, weights = judged(rows, hit, importance, folds_of(asked))
    say(f"CONFIDENCE = {np.round(weights, 2).tolist()}")
    stated = 1 / (1 + np.exp(-log_odds))
    error = 0.0
    for group in np.array_split(np.argsort(stated), 10):
        means = [float(np.average(of[group], weights=importance[group])) for of in (stated, hit)]
        say("stated {:.2f}, right {:.2f}".format(*means))
        error += abs(means[0] - means[1]) * importance[group].sum() / importance.sum()
    return {"sentences": float(np.mean(shown)), "calibration_error": error}


def main(data: Path) -> None:
    asked = cases(data)
    say(f"WEIGHTS = {np.round(fitted_weights(asked[0]), 2).tolist()}")
    known, off, without = cross_fitted(*asked)
    figures = {
        "r1": float(np.mean([case.hits[0] for case in known])),
        "r3": float(np.mean([case.hits[:3].any() for case in known])),
        "shown": float(np.mean([case.hits[: select.how_many(case.ranking)].any() for case in known])),
        "shortlist": float(np.mean([case.hits.any() for case in known])),
        **evidence_figures(known, off, without),
        **confidence_figures(known, off, without),
    }
    finish({name: round(value, 4) for name, value in figures.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    main(parser.parse_args().data)
