"""Text to words, and words to search terms. Pure; the same text always gives the same terms."""

import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import Stemmer

from steadyhand.language.function_words import FUNCTION_WORDS

ALGORITHMS: Mapping[str, str] = MappingProxyType(
    {
        "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
        "en": "english", "es": "spanish", "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french",
        "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
        "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese",
        "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
        "yi": "yiddish",
    }
)  # fmt: skip
"""BCP 47 primary tag to the name of the Snowball stemmer."""

_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff"  # `\w` leaves these out
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"  # Thai, Lao, kana, Han: no spaces between words
_LETTER = rf"(?:(?![{_UNSPACED}])[\w{_MARKS}])"
_TOKEN = re.compile(
    rf"""
      (?P<address> [\w.+-]{{1,64}} @ [\w-]+ (?: \.[\w-]+ )+ )
    | (?P<number>  \d+ (?: [.,]\d+ )* (?![\w{_MARKS}]) (?: \s?% )? )
    | (?P<word>    {_LETTER}+ (?: '{_LETTER}+ )* )
    | (?P<run>     [{_UNSPACED}]+ )
    """,
    re.VERBOSE,
)
_RUN = re.compile(rf"[{_UNSPACED}]+")
_SPELLINGS = str.maketrans({"’": "'", "ʼ": "'", "İ": "i", "\u00ad": None})  # "İ".lower() is two code points
_TURKISH = str.maketrans({"I": "ı"})
_GLUED = re.compile(r"(?<=\d)(?=[¼-¾²³¹⁰-₟⅐-⅞])")  # NFKC would read 6½ as 61/2 and 10² as 102
_ELIDING = frozenset({"fr", "it", "ca"})
_LONGEST = 200  # code points of a term: what is longer is no word, and an index holds only so much


def words(text: str) -> list[str]:
    """Lowercase NFKC words in reading order.

    Numbers keep their separators and a percent sign (`1,234.5`, `20 %` gives `20%`), addresses stay whole, inner
    apostrophes stay (`don't`), hyphens divide. Runs of scripts without spaces give overlapping pairs of characters.
    """
    return list(_words(text))


def terms(text: str, language: str = "en") -> list[str]:
    """What search compares: words without the function words of `language`, stemmed by Snowball.

    `language` is a BCP 47 primary tag. A language without a stemmer keeps its words as they are. A percentage
    becomes its number, so that `20 %` and `20 percent` meet.
    """
    if language in {"tr", "az"}:
        text = text.translate(_TURKISH)
    stop = FUNCTION_WORDS.get(language, frozenset())
    parts = (part[:_LONGEST] for word in _words(text) for part in _parts(word, language))
    kept = [part for part in parts if part and part not in stop]
    stemmer = _stemmers.of(language)
    return kept if stemmer is None else stemmer.stemWords(kept)


def is_telling(text: str) -> bool:
    """Can the text prove anything? It has two words that carry meaning, or a number; `the` is everywhere."""
    return len(terms(text)) >= 2 or any(char.isdigit() for char in text)


def is_unspaced(word: str) -> bool:
    """Is it of a script that writes no spaces between words, so that `words` gives pairs of characters?"""
    return _RUN.fullmatch(word) is not None


def _words(text: str) -> Iterator[str]:
    spaced = _GLUED.sub(" ", text.translate(_SPELLINGS))
    for match in _TOKEN.finditer(unicodedata.normalize("NFKC", spaced).lower()):
        token = match.group()
        if match.lastgroup == "run" and len(token) > 2:
            yield from (token[i : i + 2] for i in range(len(token) - 1))
        elif match.lastgroup == "number":
            yield "".join(token.split())
        else:
            yield token


def _parts(word: str, language: str) -> list[str]:
    """The searchable parts of a word: articles split off (`l'eau`), Turkish endings of names cut (`Ankara'da`)."""
    if "'" not in word:
        return [word.rstrip("%")]
    if language in _ELIDING:
        return word.split("'")
    return [word.partition("'")[0]] if language == "tr" else [word]


class _Stemmers(threading.local):
    """One stemmer per thread and language: PyStemmer's objects keep state while they work."""

    def __init__(self) -> None:
        self._made: dict[str, Stemmer.Stemmer | None] = {}

    def of(self, language: str) -> Stemmer.Stemmer | None:
        if language not in self._made:
            algorithm = ALGORITHMS.get(language)
            self._made[language] = Stemmer.Stemmer(algorithm) if algorithm else None
        return self._made[language]


_stemmers = _Stemmers()
