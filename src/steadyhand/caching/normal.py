"""What two ways of writing one question have in common, for features that say `[cache] match = "faq"`.

Two questions are the same when they have the same words in the same order after this. Only what cannot change
an answer is taken away: case, white space, punctuation at the edges of words, contractions, and courtesies at the
edges of the question. Every other word counts, the small ones most of all: `not`, `all`, `my`, `from` and `to`,
`must` and `can`, `was` and `will` are what turns a question into another one while everything else stays. Numbers,
signs and units stay as they were written. A question in other words is asked anew, however much it looks the same:
measured by vectors, a question and its contrary are more alike than two ways of saying one thing.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from steadyhand.language.function_words import FUNCTION_WORDS

_QUOTES = '"“”„«»'
_OPENING = _QUOTES + "¿¡"
_CLOSING = _QUOTES + ".,;:!?…"
_AFTER_NUMBER = ".,;:?…"  # 5! is not 5, and 27" not 27
_SPELLINGS = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "\u00ad": None})

_SHORT_WORDS = FUNCTION_WORDS["en"] | {"hi", "go", "no", "not", "ok"}
"""Words that mean something else in capitals: US, IT, WHO, OR."""

_CASED_UNITS = frozenset(("kb", "mb", "gb", "tb", "pb", "mw"))
"""Mb and MB, mW and MW."""

_CONTRACTIONS = {
    **{f"{word}'s": (word, "is") for word in ("what", "where", "when", "how", "it", "that", "there", "here")},
    **{f"{word}'re": (word, "are") for word in ("what", "where", "you", "we", "they", "there")},
    **{f"{word}'ve": (word, "have") for word in ("i", "you", "we", "they")},
    **{f"{word}'ll": (word, "will") for word in ("i", "you", "he", "she", "it", "we", "they", "that")},
    **{
        f"{word}n't": (word, "not")
        for word in (
            "do", "does", "did", "is", "are", "was", "were", "have", "has", "had", "should", "would", "could",
            "must", "need",
        )
    },
    "i'm": ("i", "am"),
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "won't": ("will", "not"),
    "shan't": ("shall", "not"),
}  # fmt: skip
"""Those with one reading. `who's` may be `who is` or `who has`, `i'd` `i would` or `i had`: they stay."""

_GREETINGS = frozenset(("hi", "hello", "hey", "good morning", "good afternoon", "good evening", "please"))
_THANKS = frozenset(("thanks", "thank you", "many thanks", "thanks in advance"))
_BEGINNINGS = frozenset(
    (
        "am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "how", "i", "if", "is", "may",
        "must", "my", "shall", "should", "was", "we", "were", "what", "when", "where", "which", "who", "why",
        "will", "would",
    )
)  # fmt: skip
"""With what a question begins. A greeting before anything else may be a part of a name: `Hello Fresh`."""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    ends: bool  # does punctuation follow?


def normal(text: str) -> tuple[str, ...]:
    """The words that count, in their order. Equal for two texts: one answer is right for both."""
    words = _without_thanks(_without_greeting(list(_words(text))))
    return tuple(_said_one_way([word.text for word in words]))


def _words(text: str) -> Iterator[_Word]:
    """Chunks between white space, without quotes around them and punctuation behind them."""
    after_number = False
    for chunk in unicodedata.normalize("NFC", text.translate(_SPELLINGS)).split():
        opened = chunk.lstrip(_OPENING)
        bare = opened.rstrip(_CLOSING)
        if bare[-1:].isdigit():
            bare = opened.rstrip(_AFTER_NUMBER)
        if bare:
            ends = len(bare) < len(opened)
            folded = _folded(bare, after_number=after_number)
            for word in _CONTRACTIONS.get(folded, (folded,)):
                yield _Word(word, ends)
        after_number = bare[-1:].isdigit()


def _folded(word: str, *, after_number: bool) -> str:
    """The word in small letters, where capitals mean nothing."""
    folded, letters = word.casefold(), word.replace("'", "")
    is_code = any(char.isdigit() for char in word) or not (
        letters.islower() or letters.isupper() or letters.istitle()
    )
    is_unit = folded in _CASED_UNITS or (after_number and len(word) <= 3)
    is_name = len(word) > 1 and word.isupper() and folded in _SHORT_WORDS
    return word if is_code or is_unit or is_name else folded


def _without_greeting(words: list[_Word]) -> list[_Word]:
    """The question without courtesies before it."""
    for length in (2, 1):
        said, rest = [word.text for word in words[:length]], words[length:]
        if rest and " ".join(said) in _GREETINGS and rest[0].text in _BEGINNINGS | _GREETINGS:
            return _without_greeting(rest)
    begins = [word.text for word in words[:4]]
    if begins[:3] == ["please", "tell", "me"] and words[2].ends and begins[3:] and begins[3] in _BEGINNINGS:
        return words[3:]
    return words


def _without_thanks(words: list[_Word]) -> list[_Word]:
    """The question without courtesies behind it."""
    for length in (3, 2, 1):
        rest, said = words[:-length], " ".join(word.text for word in words[-length:])
        if rest and (said == "please" or (said in _THANKS and rest[-1].ends)):
            return _without_thanks(rest)
    return words


def _said_one_way(words: list[str]) -> list[str]:
    """`how can i` as `how do i`: whoever asks for a way asks for the same one."""
    if words[:2] == ["how", "can"] and words[2:3] in (["i"], ["we"]):
        return ["how", "do", *words[2:]]
    return words
