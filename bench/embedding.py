"""The local embedder in both precisions: how fast it is, and what int8 costs in quality.

    python bench/embedding.py --data DIR [--models DIR]

Speed is of texts of exactly 128 and 256 tokens, cut from the set's documents, for each second of CPU time on one
thread, the best of three; a query is one question of the set. Quality is the nDCG@10 of the vectors alone over the
whole set, every document read as far as 256 tokens.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from harness import Set, finish, load, measures, say
from steadyhand.knowledge.embedders import minilm
from steadyhand.settings import Precision, cache_folder
from steadyhand.types.ports import Vectors

_TEXTS = 64
_LENGTHS = (128, 256)
_ROUNDS = 3


def main(data: Path, models: Path) -> None:
    found = load(data)
    figures: dict[str, dict[str, float]] = {}
    precisions: tuple[Precision, ...] = ("fp32", "int8")
    for precision in precisions:
        embed = minilm.open(models, precision, threads=1)
        figures[precision] = {f"texts_per_cpu_s_{n}": _speed(embed, _of_length(embed, found, n)) for n in _LENGTHS}
        figures[precision]["query_ms"] = _query_ms(embed, list(found.queries.values())[:100])
        figures[precision]["ndcg10"] = _quality(embed, found)
        say(f"{precision}: {figures[precision]}")
    fp32, int8 = figures["fp32"], figures["int8"]
    ratio = {
        f"speedup_{n}": round(int8[f"texts_per_cpu_s_{n}"] / fp32[f"texts_per_cpu_s_{n}"], 2) for n in _LENGTHS
    }
    finish({"set": found.name, **figures, **ratio, "ndcg10_loss": round(fp32["ndcg10"] - int8["ndcg10"], 4)})


def _of_length(embed: minilm.MiniLM, found: Set, tokens: int) -> list[str]:
    """Texts of exactly so many tokens: words of the documents, filled up with a word that is one token."""
    words = [word for text in found.texts.values() for word in text.split()][: _TEXTS * tokens * 2]
    texts, at = [], 0
    while len(texts) < _TEXTS:
        step = tokens // 2
        text = " ".join(words[at : at + step])
        at = (at + step) % max(1, len(words) - step)
        count = embed.count_tokens([text])[0]
        if count <= tokens:
            texts.append(text + " the" * (tokens - count))
    assert embed.count_tokens(texts) == [tokens] * _TEXTS
    return texts


def _speed(embed: Callable[[Sequence[str]], Vectors], texts: list[str]) -> float:
    embed(texts[:4])
    seconds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        embed(texts)
        seconds.append(time.process_time() - began)
    return round(len(texts) / min(seconds), 1)


def _query_ms(embed: Callable[[Sequence[str]], Vectors], questions: list[str]) -> float:
    seconds = []
    for question in questions:
        began = time.perf_counter()
        embed([question])
        seconds.append(time.perf_counter() - began)
    return round(median(seconds) * 1_000, 2)


def _quality(embed: Callable[[Sequence[str]], Vectors], found: Set) -> float:
    names = list(found.texts)
    documents = embed([f"{found.titles[name]}\n{found.texts[name]}".strip() for name in names])
    questions = embed(list(found.queries.values()))
    best = np.argsort(-(questions @ documents.T), axis=1)[:, :10]
    ranked = {query: [names[at] for at in row] for query, row in zip(found.queries, best.tolist(), strict=True)}
    return measures(ranked, found.grades)["ndcg10"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=cache_folder() / "models")
    arguments = parser.parse_args()
    main(arguments.data, arguments.models)
