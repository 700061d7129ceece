"""How many tokens a text may have, where nobody has counted them."""

from collections.abc import Iterable

_BYTES_PER_TOKEN = 3
"""Prose has 3.5-5 UTF-8 bytes per token with the vocabularies in use, code and figures 2.5-3.5."""

_PER_TEXT = 8
"""Role, separators and the like around every message."""


def estimate(texts: Iterable[str]) -> int:
    """Tokens of the texts together, rather too many than too few: good for a bound, not for an invoice."""
    return sum(-(-len(text.encode()) // _BYTES_PER_TOKEN) + _PER_TEXT for text in texts)
