"""How much of what is wanted is among the first."""

from collections.abc import Collection, Sequence


def score(ranked: Sequence[str], wanted: Collection[str], k: int = 10) -> float:
    """Share in [0, 1] of `wanted` in the first `k` of `ranked`, of at most `k`; 1.0 where nothing is wanted."""
    found = set(ranked[:k]) & set(wanted)
    return len(found) / min(len(set(wanted)), k) if wanted else 1.0
