"""Spans of time as contracts write them: 30m, 2h, 1d."""

_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


def seconds(span: str) -> float:
    """How long a span is that fits the pattern of `contract.DUE`."""
    return float(int(span[:-1]) * _SECONDS[span[-1]])
