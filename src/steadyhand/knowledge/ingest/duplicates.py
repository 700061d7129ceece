"""Finds documents that say nearly the same. Sources: Broder 1997 (shingles, MinHash); Leskovec et al., Mining of
Massive Datasets, chapter 3 (bands).

A text is the set of its runs of five words. Two texts that share much of them very likely have a band of their
MinHash in common; only such pairs are compared word for word.
"""

import re
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from steadyhand.knowledge import bases
from steadyhand.storage import Database

_ALIKE = 0.8  # from this similarity on two documents are a pair
_SHINGLE = 5  # words
_BANDS = 10
_ROWS = 3  # per band: a pair of similarity 0.8 is a candidate with probability 0.999, one of 0.3 with 0.24
_CROWD = 50  # documents of one band; a band that more share tells nothing, such as that of an empty form
_WORD = re.compile(r"\w+")
_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two live documents, by their paths in the base. `similarity` is what their sets of shingles share, 0-1."""

    first: str
    second: str
    similarity: float


def bands(text: str) -> list[int]:
    """Ten numbers of 64 bits with sign, the bands of the text's MinHash; none for a text without words."""
    shingles = _shingles(text)
    if not len(shingles):
        return []
    lows = np.array([np.min((shingles * a) ^ (shingles >> np.uint64(29)) * b) for a, b in _mixers()])
    rows = lows.reshape(_BANDS, _ROWS)
    mixed = (rows[:, 0] * _BASE) ^ (rows[:, 1] * (_BASE >> np.uint64(3))) ^ rows[:, 2]
    numbered: NDArray[np.int64] = (mixed ^ np.arange(_BANDS, dtype=np.uint64)).view(np.int64)
    return [int(band) for band in numbered]


def similarity(first: str, second: str) -> float:
    """Jaccard: the shingles that both have, as a share of those that either has; 0 for texts without words."""
    ours, theirs = _shingles(first), _shingles(second)
    shared = len(np.intersect1d(ours, theirs, assume_unique=True))
    return shared / (len(ours) + len(theirs) - shared) if shared else 0.0


async def near_duplicates(database: Database, base: str) -> list[Pair]:
    """Pairs of live documents that share most of what they say, most alike first. Raises `NotFound`.

    One pass over the bands of the base's documents; memory for two texts at a time.
    """
    if await database.row("SELECT 1 FROM knowledge_base WHERE name = %s", [base]) is None:
        raise bases.unknown(base)
    found = [pair async for pair in _verified(database, await _candidates(database, base))]
    return sorted(found, key=lambda pair: (-pair.similarity, pair.first, pair.second))


async def _candidates(database: Database, base: str) -> list[tuple[int, int]]:
    rows = await database.rows(
        "WITH band AS (SELECT v.id, unnest(v.bands) AS band FROM document d"
        "  JOIN knowledge_base b ON b.id = d.base_id AND b.name = %(base)s"
        "  JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL),"
        " telling AS (SELECT band FROM band GROUP BY band HAVING count(*) BETWEEN 2 AND %(crowd)s)"
        " SELECT DISTINCT x.id AS one, y.id AS other FROM telling t JOIN band x USING (band)"
        " JOIN band y ON y.band = x.band AND y.id > x.id ORDER BY 1, 2",
        {"base": base, "crowd": _CROWD},
    )
    return [(row["one"], row["other"]) for row in rows]


async def _verified(database: Database, pairs: list[tuple[int, int]]) -> AsyncIterator[Pair]:
    for one, other in pairs:
        rows = await database.rows(
            "SELECT d.path, v.content FROM document_version v JOIN document d ON d.id = v.document_id"
            " WHERE v.id = ANY(%s) ORDER BY d.path",
            [[one, other]],
        )
        if len(rows) == 2:
            share = similarity(rows[0]["content"], rows[1]["content"])
            if share >= _ALIKE:
                yield Pair(rows[0]["path"], rows[1]["path"], share)


@cache
def _mixers() -> NDArray[np.uint64]:
    """Odd factors, shape (30, 2). Made when they are needed: numpy's generators take 50 ms to load."""
    numbers: NDArray[np.uint64] = np.random.default_rng(20_261_121).integers(
        1, 2**63, size=(_BANDS * _ROWS, 2), dtype=np.uint64
    )
    return numbers | np.uint64(1)


def _shingles(text: str) -> NDArray[np.uint64]:
    """Sorted hashes of the runs of five words, each once; a shorter text is one shingle."""
    words = np.fromiter(_hashes(text), dtype=np.uint64)
    if not len(words):
        return words
    length = min(_SHINGLE, len(words))
    runs = np.zeros(len(words) - length + 1, dtype=np.uint64)
    for offset in range(length):
        runs = (runs + words[offset : offset + len(runs)]) * _BASE
        runs ^= runs >> np.uint64(31)
    return np.unique(runs)


def _hashes(text: str) -> Iterator[int]:
    return (zlib.crc32(word.encode()) for word in _WORD.findall(text.casefold()))
