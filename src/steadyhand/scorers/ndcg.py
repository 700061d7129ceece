"""How good a ranking is when earlier is better: normalised discounted cumulative gain.

Source: Järvelin and Kekäläinen 2002, with the grade itself as the gain and a logarithm of base 2.
"""

import math
from collections.abc import Mapping, Sequence


def score(ranked: Sequence[str], grades: Mapping[str, float], k: int = 10) -> float:
    """In [0, 1]: the gain of the first `k` of `ranked`, by that of the best order; 0.0 where nothing has a grade.

    `grades` are of what is wanted, above zero; what has none gains nothing, and a second time nothing again.
    """
    best = sum(_at(rank, grade) for rank, grade in enumerate(sorted(grades.values(), reverse=True)[:k]))
    seen: set[str] = set()
    gain = 0.0
    for rank, name in enumerate(ranked[:k]):
        if name not in seen:
            gain += _at(rank, grades.get(name, 0.0))
        seen.add(name)
    return gain / best if best else 0.0


def _at(rank: int, grade: float) -> float:
    return grade / math.log2(rank + 2)
