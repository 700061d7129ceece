"""Which language a text is written in: by its script, then by its function words and its letters.

A profile, no model. Made for text of a sentence or more; single words and names are mostly `und`. How often it is
right is measured in `tests/test_language_detect.py` on sentences written for it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from steadyhand.language.function_words import FUNCTION_WORDS
from steadyhand.language.words import words

UNKNOWN = "und"

_LONGEST = 4_000  # code points looked at: more does not change the answer
_SCRIPTS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "latin": re.compile(r"[A-Za-zÀ-ɏḀ-ỿ]"),
        "cyrillic": re.compile(r"[Ѐ-ӿ]"),
        "el": re.compile(r"[Ͱ-Ͽἀ-῿]"),
        "arabic": re.compile(r"[؀-ۿݐ-ݿ]"),
        "he": re.compile(r"[֐-׿]"),
        "hy": re.compile(r"[԰-֏]"),
        "ka": re.compile(r"[Ⴀ-ჿ]"),
        "hi": re.compile(r"[ऀ-ॿ]"),
        "bn": re.compile(r"[ঀ-৿]"),
        "ta": re.compile(r"[஀-௿]"),
        "th": re.compile(r"[฀-๿]"),
        "ko": re.compile(r"[가-힯ᄀ-ᇿ]"),
        "ja": re.compile(r"[぀-ヿ]"),
        "zh": re.compile(r"[㐀-鿿]"),
    }
)
_LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "de": "äöüß", "fr": "éèêàçùœîôëï", "es": "ñáéíóú¿¡", "it": "àèéìòù", "pt": "ãõçáéíóúâêô", "tr": "ğşıçöü",
        "sv": "äöå", "da": "æøå", "no": "æøå", "fi": "äö", "pl": "ąćęłńóśźż", "cs": "ěščřžýáíéůúďťň",
        "ro": "ăâîșțşţ", "hu": "őűáéíóöúü",
    }
)  # fmt: skip
_LATIN = tuple(language for language in FUNCTION_WORDS if language != "ru")


def language_of(text: str) -> str:
    """The BCP 47 primary tag, such as `en`; `und` when the text says too little or two languages are too close."""
    sample = text[:_LONGEST]
    script = _script_of(sample)
    if script == "latin":
        return _latin(sample)
    if script == "cyrillic":
        return _cyrillic(sample)
    if script == "arabic":
        return "fa" if re.search(r"[پچژگ]", sample) else "ar"
    return script


def _script_of(text: str) -> str:
    """The script, or the language that alone uses it. Kana outweighs Han: Japanese is written with both."""
    counts = Counter({name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()})
    if counts["ja"] and counts["ja"] * 10 >= counts["zh"]:
        counts["ja"] += counts.pop("zh")
    (name, count), *_ = counts.most_common(1)
    return name if count >= 2 else UNKNOWN


def _latin(text: str) -> str:
    found = Counter(part for word in words(text) for part in {word, *word.split("'")})
    score = {language: _word_score(found, language) for language in _LATIN}
    letters = Counter(char for char in text.lower() if char > "~")
    for language, own in _LETTERS.items():
        score[language] += sum(min(letters[char], 6) * _LETTER_WEIGHT[char] for char in own)
    return _clear_winner(score)


def _word_score(found: Counter[str], language: str) -> float:
    return sum(found[word] * _WORD_WEIGHT[word] for word in FUNCTION_WORDS[language] if word in found)


def _clear_winner(score: Mapping[str, float]) -> str:
    (first, second) = sorted(score, key=lambda language: -score[language])[:2]
    is_clear = score[first] >= 0.5 and score[first] >= 1.1 * score[second]
    return first if is_clear else UNKNOWN


def _cyrillic(text: str) -> str:
    lowered = text.lower()
    if any(char in lowered for char in "іїєґ"):
        return "uk"
    if any(char in lowered for char in "ыэё"):
        return "ru"
    found = Counter(words(text))
    if sum(found[word] for word in ("и", "в", "не", "что", "на", "как", "по")) and "ъ" not in lowered:
        return "ru"
    return "bg" if lowered.count("ъ") * 100 > len(lowered) else UNKNOWN


def _shared_weight(lists: Mapping[str, frozenset[str]]) -> Mapping[str, float]:
    """A sign that k languages share speaks 1/k for each of them."""
    shared = Counter(sign for signs in lists.values() for sign in signs)
    return MappingProxyType({sign: 1 / count for sign, count in shared.items()})


_WORD_WEIGHT = _shared_weight({language: FUNCTION_WORDS[language] for language in _LATIN})
_LETTER_WEIGHT = _shared_weight({language: frozenset(own) for language, own in _LETTERS.items()})
