"""What kind of thing an English question asks for, and whether a sentence offers one. A prior, never a filter."""

import re
from typing import Literal

from steadyhand.language.words import words

Kind = Literal["number", "time", "name"]

_HOW = r"how\ (?:many|much|old|long|far|big|large|tall|often|fast|high|deep|wide|soon|late|quickly)"
_WHEN = r"when|(?:what|which)\ (?:year|date|day|month|century|decade|time)"
_ASKS: dict[Kind, re.Pattern[str]] = {
    "number": re.compile(
        rf"""\b(?:{_HOW} | {_WHEN}
        | (?:what|which)\ (?:percent|percentage|number|amount|price|cost|limit|population|temperature|age))\b""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "time": re.compile(rf"\b(?:{_WHEN})\b", re.IGNORECASE),
    "name": re.compile(
        r"""\b(?:who|whose|whom|where|(?:what|which)\ (?:\w+\ ){0,2}?(?:names?|city|country|state|company|person
        |team|university|department|river|actor|player|scientist|president|manager|king))\b""",
        re.IGNORECASE | re.VERBOSE,
    ),
}
_SPELLED = """
    two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand million
    billion half dozen twice
"""  # "one" is mostly a pronoun
_NUMBER = frozenset(_SPELLED.split())
_HOW_MANY = re.compile(rf"\b{_HOW}\b", re.IGNORECASE)
_TIME = re.compile(
    r"\b(?:1\d{3}|20\d\d|\d{3,4}s|century|BC|AD|January|February|March|April|May|June|July|August|September|October"
    r"|November|December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b"
)
_NAME = re.compile(r"(?<=[^.!?\"“(]\s)[A-Z][\w'’-]+")  # capitalised, and not because a sentence begins


def asked_for(question: str) -> frozenset[Kind]:
    """The kinds of thing that answer `question`; empty when its words do not tell."""
    return frozenset(kind for kind, pattern in _ASKS.items() if pattern.search(question))


def topic(question: str) -> str:
    """The question without `how many`, `how long` and their like: they ask for a number, they are not the topic."""
    return _HOW_MANY.sub(" ", question)


def offers(sentence: str, kind: Kind, asked: frozenset[str]) -> bool:
    """Does `sentence` hold something of `kind` that is not among `asked`, the lowercase words of the question?"""
    match kind:
        case "number":
            return any(word in _NUMBER or (word[0].isdigit() and word not in asked) for word in words(sentence))
        case "time":
            return _TIME.search(sentence) is not None
        case "name":
            return any(name.lower() not in asked for name in _NAME.findall(sentence))
