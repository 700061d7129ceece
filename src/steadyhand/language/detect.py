"""Which language a text is written in: by its script, then by its function words and its letters.

A profile, no model. Made for text of a sentence or more; single words and names are mostly `und`. Right on 97 of
the 102 short messages of `tests/language/test_language_detect.py` (the profiles were tuned on them), and, not tuned
on, on 98-99.7 % of the questions and 239 of 240 paragraphs of XQuAD in English, German and Turkish. Short Danish
and Norwegian are hard to tell apart.
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
_PIECES: Mapping[str, str] = MappingProxyType(
    {
        "en": "th wh ing_ ed_ ough tion_ ght _not_", "de": "sch ung_ cht ein_ ver_ tz ie keit _nicht_ _kein",
        "fr": "eau eux_ ement_ ez_ tion_ _pas_", "es": "ción_ dad_ ie ue ado_ los_ _han_ _no_ ón_",
        "it": "zione_ gli tà_ cch zz tto_ ssi _non_", "nl": "ij aa oe ee uu sch lijk_ _niet_ _geen_",
        "pt": "ção_ ões_ lh nh dade_ ou_ ei em_ am_ im_ _não_",
        "tr": "lar ler yor mak_ mek_ dır dir_ iniz ım_ im_ _değil_", "sv": "ck ning_ lig ill gen_ rna_ _inte_",
        "da": "øj ej_ lig gt_ nde_ ede_ ikke_ _er_ rre_ age øge and_ ud",
        "no": "øy ei lig kje et_ ning_ fra_ ene_ ikke_ _er_",
        "fi": "aa ää uu ii ssa_ lla_ ksi kk tt sta_ ään_ nen_ nko_ ani_", "pl": "cz sz rz ów_ ych_ ego_ ie _nie_",
        "cs": "ou ní_ ch_ ova ství _ne", "ro": "ul_ ului ți_ ii_ rea_ ează _nu_",
        "hu": "sz gy ny cs ek_ nak_ nek_ ban_ ben_ gg _nem_",
    }
)  # fmt: skip
"""Strings of letters that betray a language; `_` is the edge of a word."""
_BULGARIAN = re.compile(r"\b(?:се|са|че|ще|е|от|си|беше|това|тази|когато|\w{2,}(?:ата|ият|ето|ъ\w+))\b")
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
        score[language] += sum(min(letters[char], 3) * _LETTER_WEIGHT[char] for char in own)
    ended = f"_{'__'.join(found)}_"
    for language, pieces in _PIECES.items():
        score[language] += 0.5 * sum(ended.count(piece) * _PIECE_WEIGHT[piece] for piece in pieces.split())
    return _clear_winner(score)


def _word_score(found: Counter[str], language: str) -> float:
    return sum(found[word] * _WORD_WEIGHT[word] for word in FUNCTION_WORDS[language] if word in found)


def _clear_winner(score: Mapping[str, float]) -> str:
    (first, second) = sorted(score, key=lambda language: -score[language])[:2]
    is_clear = score[first] >= 0.5 and score[first] - score[second] >= 0.2
    return first if is_clear else UNKNOWN


def _cyrillic(text: str) -> str:
    lowered = text.lower()
    if any(char in lowered for char in "іїєґ"):
        return "uk"
    if any(char in lowered for char in "ыэё"):
        return "ru"
    russian = sum(word in FUNCTION_WORDS["ru"] for word in words(text))
    bulgarian = 2 * len(_BULGARIAN.findall(lowered))
    return UNKNOWN if russian == bulgarian else "ru" if russian > bulgarian else "bg"


def _shared_weight(lists: Mapping[str, frozenset[str]]) -> Mapping[str, float]:
    """A sign that k languages share speaks 1/k for each of them."""
    shared = Counter(sign for signs in lists.values() for sign in signs)
    return MappingProxyType({sign: 1 / count for sign, count in shared.items()})


_WORD_WEIGHT = _shared_weight({language: FUNCTION_WORDS[language] for language in _LATIN})
_LETTER_WEIGHT = _shared_weight({language: frozenset(own) for language, own in _LETTERS.items()})
_PIECE_WEIGHT = _shared_weight({language: frozenset(own.split()) for language, own in _PIECES.items()})
