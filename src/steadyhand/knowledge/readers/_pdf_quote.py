"""Finds a quote in the text of a printed page, whatever the line breaks did to it. Pure."""

import re

_IGNORED = re.compile(r"[\s\-\u00ad\u2010\u2011\u200b\ufffe\x00-\x1f]+")
_TELLING = 20  # letters of a part that stands nowhere else by chance
_NEAR = 200  # letters
_ENOUGH = 0.8  # of a quote's letters, before it counts as found
_LONGEST = 5_000  # code points of a quote


def spans(text: str, quote: str) -> list[tuple[int, int]]:
    """Where in `text` the quote stands, as `[start, end)`; several spans when other words come between its own.

    White space, hyphens and case do not count. [] when most of it is not there.
    """
    page = _Bare(text)
    words = [_bare(word) for word in quote[:_LONGEST].split()]
    words = [word for word in words if word]
    letters = sum(map(len, words))
    found = page.find(words) if letters else []
    if sum(end - start for start, end in found) < _ENOUGH * letters:
        return []
    return [(page.at[start], page.at[end - 1] + 1) for start, end in found]


class _Bare:
    """A text without what does not count, and where each of its letters stands in it."""

    def __init__(self, text: str) -> None:
        self.at = [at for at, char in enumerate(text) if not _IGNORED.match(char)]
        self._letters = "".join(text[at].lower()[:1] for at in self.at)

    def find(self, words: list[str]) -> list[tuple[int, int]]:
        """Spans of the words: in one piece, else in parts."""
        whole = "".join(words)
        at = self._letters.find(whole)
        return [(at, at + len(whole))] if at >= 0 else self._parts(words, 0)

    def _parts(self, words: list[str], start: int) -> list[tuple[int, int]]:
        """Spans of both halves, or of theirs. A part that could be anywhere must stand close behind `start`."""
        sought = "".join(words)
        near = self._letters.find(sought, start, start + _NEAR)
        at = self._letters.find(sought) if near < 0 and len(sought) >= _TELLING else near
        if at >= 0:
            return [(at, at + len(sought))]
        if len(words) < 2:
            return []
        middle = len(words) // 2
        first = self._parts(words[:middle], start)
        return first + self._parts(words[middle:], first[-1][1] if first else start)


def _bare(text: str) -> str:
    return "".join(char.lower()[:1] for char in _IGNORED.sub("", text))
