"""BM25 over a small collection in memory. Source: Robertson and Zaragoza 2009, in the form of Lucene 8."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

K1 = 1.2  # how soon another occurrence of a term counts less
B = 0.75  # how much length counts against a document


def scores(
    query_terms: Sequence[str],
    documents: Sequence[Sequence[str]],
    *,
    idf: Mapping[str, float] | None = None,
    average_length: float | None = None,
) -> NDArray[np.float32]:
    """Relevance of each document, shape (n,), >= 0. A repeated query term counts once.

    `idf` and `average_length` (in terms) describe a larger collection that the documents were taken from; a term
    that `idf` does not list weighs nothing. Left out, both are taken from `documents`.
    """
    counts = [Counter(document) for document in documents]
    lengths = np.array([len(document) for document in documents], dtype=np.float64)
    wanted = list(dict.fromkeys(query_terms))
    if not counts or not wanted:
        return np.zeros(len(counts), dtype=np.float32)
    frequency = np.array([[count[term] for term in wanted] for count in counts], dtype=np.float64)
    if idf is None:
        weight = inverse_frequency(len(counts), np.count_nonzero(frequency, axis=0))
    else:
        weight = np.array([idf.get(term, 0.0) for term in wanted])
    average = average_length or float(lengths.mean()) or 1.0
    norm = K1 * (1 - B + B * lengths / average)
    saturated = frequency / (frequency + norm[:, None])
    return (saturated @ weight).astype(np.float32)


def inverse_frequency(size: int, found_in: NDArray[np.integer]) -> NDArray[np.float64]:
    """Lucene's idf, never negative: `size` documents, of which `found_in` hold the term."""
    return np.log1p((size - found_in + 0.5) / (found_in + 0.5))
