"""Figures and column titles: what tells a row of a table from a sentence."""

import re
from functools import lru_cache

_FIGURE = re.compile(r"[$€£¥]?\(?[-−+]?[$€£¥]?\d(?:[\d.,'’]*\d)?\)?%?\)?[x*†‡]?|[—–-]|n/?[am]", re.IGNORECASE)
_AROUND_A_FIGURE = frozenset(["$", "€", "£", "¥", "%", ")", ")%", "EUR", "USD", "GBP", "CHF", "TRY", "bps"])
_TITLE_WORD = re.compile(
    r"""(?:q|three|six|nine|twelve|months?|weeks?|years?|quarters?|ended|change|as|of|at|and|in|for|the|vs|total|per
    |jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?|oct(?:ober)?
    |nov(?:ember)?|dec(?:ember)?|(?:un)?audited|thereafter|thousands|millions|billions|dollars|except|amounts?|data
    |numbers?|shares?|percentages?|\d\d?|(?:19|20)\d\d)\Z""",
    re.VERBOSE,
)
_WORD_OR_NUMBER = re.compile(r"[^\W\d_]+|\d+")
_RECENT = 512  # lines of the page in hand, of which the same is asked again and again


@lru_cache(_RECENT)
def figures(text: str) -> int:
    """How many figures the line ends with."""
    count = 0
    for word in reversed(text.split()):
        if word in _AROUND_A_FIGURE:
            continue
        if not _FIGURE.fullmatch(word):
            break
        count += 1
    return count


def is_figures(text: str) -> bool:
    """Is there nothing but figures?"""
    return 0 < figures(text) == sum(word not in _AROUND_A_FIGURE for word in text.split())


@lru_cache(_RECENT)
def names_columns(text: str) -> bool:
    """Periods, years and units, and hardly anything else."""
    lowered = text.lower()
    if lowered.startswith("(in "):
        return len(text) <= 80
    first = _WORD_OR_NUMBER.search(lowered)
    if len(text) > 120 or not first or not _TITLE_WORD.match(first[0]):
        return False
    words = _WORD_OR_NUMBER.findall(lowered)
    return any(len(word) > 2 for word in words) and all(_TITLE_WORD.match(word) for word in words)
