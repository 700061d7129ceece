"""Where sentences begin and end. Rules, no model; one pass over the text."""

import re
from collections.abc import Iterator

from steadyhand.language.function_words import FUNCTION_WORDS

_LINE = re.compile(r"[^\n\f]+[\n\f]?|[\n\f]")
_OPENS_A_BLOCK = re.compile(
    r"""
      \s*\Z                                                            # blank
    | \s* (?: [-*•‣▪●○◦–—·] | \(?\d{1,3}[.)] | \(?[a-zA-Z]\) ) [^\S\n]  # list item
    | \s* (?: \#{1,6}[ ] | \| | > )                                    # heading, table row, quotation
    """,
    re.VERBOSE,
)
_STANDS_ALONE = re.compile(r"\s*(?:#{1,6} |\|)|.*\f")
_ITEM = re.compile(r"\s*\(?(?:\d{1,3}|[a-zA-Z])[.)](?=\s)")
_STOP = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s|\Z)|[。！？]++[」』”]?")
_NEXT = re.compile(r"\s*[\"'“‘«„(\[¿¡]*")
_WORD = re.compile(r"\w+")
_LAST = re.compile(r"[\w.]*\Z")


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_BEFORE_A_NAME = _set(
    """mr mrs ms dr prof st ste mt ft gen sen rep gov lt col capt cpt sgt rev hon pres messrs mme mlle hr fr sr sra
    dott ing dipl mag vs e.g i.e cf viz approx ca z.b d.h u.a bzw sog vgl i.d.r u.s.w gem p.ex ej"""
)
_BEFORE_A_NUMBER = _set(
    """no nos nr art sec eq fig figs tab p pp vol ch para abs ref refs tel ext núm num str kap s jan feb mar apr jun
    jul aug sep sept oct nov dec"""
)
_MAY_END = _set(
    """inc corp ltd co llc bros jr sr dept est etc al u.s u.k u.n e.u d.c a.m p.m ph.d b.sc m.sc b.a m.a usw av ave
    blvd rd assn univ min max incl excl"""
)
_GERMAN_MONTHS = _set("januar februar märz april mai juni juli august september oktober november dezember")
_OPENERS = FUNCTION_WORDS["en"] - {"us", "i"} | {"however", "but", "no", "not", "yes", "according"}


def spans(text: str) -> list[tuple[int, int]]:
    """Half-open ranges of code points, one per sentence, in order, without the white space around them.

    Every character that is not white space lies in exactly one range. Headings and list items are sentences of
    their own when a blank line or the next bullet ends them; a single line break never ends a sentence.
    """
    return [span for start, end in _blocks(text) for span in _sentences(text, start, end)]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Ranges that no sentence crosses: paragraphs, list items, headings, table rows, pages."""
    start, stands_alone = 0, False
    for line in _LINE.finditer(text):
        if stands_alone or _OPENS_A_BLOCK.match(line.group()):
            yield start, line.start()
            start = line.start()
        stands_alone = _STANDS_ALONE.match(line.group()) is not None
    yield start, len(text)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    item = _ITEM.match(text, start, end)
    for stop in _STOP.finditer(text, item.end() if item else start, end):
        if _ends(text, start, stop, end):
            yield from _trimmed(text, start, stop.end())
            start = stop.end()
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end


def _ends(text: str, start: int, stop: re.Match[str], end: int) -> bool:
    """Is this punctuation the end of a sentence, judged by the word before it and the word behind it?"""
    opening = _NEXT.match(text, stop.end(), end)
    after = opening.end() if opening else stop.end()
    if after >= end or stop.group()[0] in "。！？":
        return True
    if text[after].islower():
        return False
    if stop.group() != ".":
        return True
    last = _LAST.search(text, max(start, stop.start() - 20), stop.start())
    following = _WORD.match(text, after, end)
    return _period_ends(last.group() if last else "", following.group() if following else "")


def _period_ends(before: str, after: str) -> bool:
    word, next_word = before.lower(), after.lower()
    if word in _BEFORE_A_NAME:
        return False
    if word in _BEFORE_A_NUMBER and after[:1].isdigit():
        return False
    if word.isdigit() and len(word) <= 2 and next_word in _GERMAN_MONTHS:
        return False
    is_initial = len(before) == 1 and before.isupper()
    is_acronym = "." in before and all(len(part) == 1 for part in before.split("."))
    if is_initial or is_acronym or word in _MAY_END:
        return next_word in _OPENERS
    return True
