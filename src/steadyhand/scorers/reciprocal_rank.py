"""How far down the first right one stands; its mean over questions is MRR."""

from collections.abc import Collection, Sequence


def score(ranked: Sequence[str], wanted: Collection[str], k: int = 10) -> float:
    """One by the rank, counted from 1, of the first of `ranked[:k]` that is wanted; 0.0 when none is."""
    return next((1 / rank for rank, name in enumerate(ranked[:k], start=1) if name in wanted), 0.0)
