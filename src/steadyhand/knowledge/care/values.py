"""Values in a sentence, typed so that they compare: amounts of money, shares, spans of time, dates, times, counts.

Pure. Numbers are read as their language's neighbours write them: `1,234.5`, `1.234,5`, `1 234`. English and German
words for numbers, months and units are known; other languages compare by figures and signs.
"""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple

from steadyhand.language.words import terms

Kind = Literal["money", "share", "time span", "date", "time of day", "count"]
Bound = Literal["", "most", "least"]


class Value(NamedTuple):
    """`unit` is what must be the same for amounts to compare; `[start, end)` is where it stands in the sentence."""

    kind: Kind
    unit: str
    amount: str
    bound: Bound
    start: int
    end: int


def values(sentence: str) -> list[Value]:
    """Every value in reading order; they do not overlap. A bare number and a bare year are none."""
    found: list[Value] = []
    taken = 0
    for match in _VALUE.finditer(sentence):
        if match.start() < taken:
            continue
        read = _read(match)
        if read is not None:
            kind, unit, amount = read
            found.append(Value(kind, unit, amount, _bound(sentence[: match.start()]), *match.span()))
            taken = match.end()
    return found


def years(text: str) -> frozenset[str]:
    """Years, quarters and versions that a text names: what it says holds for them."""
    return frozenset(match[0].lower().replace(" ", "") for match in _SCOPE.finditer(text))


_CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "usd": "USD", "dollar": "USD",
    "dollars": "USD", "us$": "USD", "£": "GBP", "gbp": "GBP", "pounds": "GBP", "chf": "CHF", "₺": "TRY",
    "try": "TRY", "tl": "TRY", "¥": "JPY", "jpy": "JPY", "yen": "JPY", "sek": "SEK", "pln": "PLN",
}  # fmt: skip
_SCALES = {
    "thousand": 10**3, "k": 10**3, "million": 10**6, "millions": 10**6, "mio": 10**6, "m": 10**6,
    "millionen": 10**6, "billion": 10**9, "bn": 10**9, "b": 10**9, "milliarden": 10**9,
}  # fmt: skip
_SPANS = {  # in minutes, months and working days: families that do not compare with each other
    "minute": ("minutes", 1), "min": ("minutes", 1), "minuten": ("minutes", 1), "hour": ("minutes", 60),
    "stunde": ("minutes", 60), "stunden": ("minutes", 60), "day": ("minutes", 1_440), "tag": ("minutes", 1_440),
    "tage": ("minutes", 1_440), "tagen": ("minutes", 1_440), "week": ("minutes", 10_080),
    "woche": ("minutes", 10_080), "wochen": ("minutes", 10_080), "month": ("months", 1), "monat": ("months", 1),
    "monate": ("months", 1), "monaten": ("months", 1), "year": ("months", 12), "jahr": ("months", 12),
    "jahre": ("months", 12), "jahren": ("months", 12),
}  # fmt: skip
_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "eighteen": 18, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100, "zwei": 2, "drei": 3, "vier": 4,
    "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "zwölf": 12, "vierzehn": 14,
    "zwanzig": 20, "dreißig": 30, "sechzig": 60, "neunzig": 90,
}  # fmt: skip
_MONTHS = {
    name: number
    for number, names in enumerate(
        ["january januar jan", "february februar feb", "march märz mar", "april apr", "may mai", "june juni jun",
         "july juli jul", "august aug", "september sep", "october oktober oct okt", "november nov",
         "december dezember dec dez"], start=1,
    )
    for name in names.split()
}  # fmt: skip

_NUMBER = r"\d{1,3}(?:[ .,'\u00a0]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)?"
_SPELT = "|".join(sorted(_WORDS, key=len, reverse=True))
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_SIGN = "|".join(re.escape(each) for each in sorted(_CURRENCIES, key=len, reverse=True))
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_VALUE = re.compile(
    rf"""
      (?P<iso> \b\d{{4}}-\d\d-\d\d\b )
    | (?P<dotted> \b\d{{1,2}}\.\d{{1,2}}\.\d{{4}}\b )
    | (?P<day> \b\d{{1,2}}) (?:st|nd|rd|th|\.)? \s (?P<month>{_MONTH}) \b\.? (?: ,? \s (?P<year>\d{{4}}) )? \b
    | \b (?P<month_first>{_MONTH}) \b\.? \s (?P<day_second>\d{{1,2}}) (?:st|nd|rd|th)? \b
      (?! [.,:]?\d | \s?% | \spercent )
      (?: ,? \s (?P<year_last>\d{{4}}) )? \b
    | \b (?P<hour>[01]?\d|2[0-3]) (?: [:.] (?P<minutes>[0-5]\d) )? \s? (?P<half>[ap]\.?m\b\.?|Uhr\b)
    | \b (?P<clock>(?:[01]?\d|2[0-3]):[0-5]\d) \b
    | (?<!\w) (?P<sign>{_SIGN}) \s? (?P<signed>{_NUMBER}) (?: \s? (?P<signed_scale>{_SCALE}) \b )?
    | (?<![\w.,]) (?P<amount>{_NUMBER}) (?: \s (?P<scale>{_SCALE}) )? \s? (?P<currency>{_SIGN}) (?!\w)
    | (?<![\w.,]) (?P<share>{_NUMBER}) \s? (?: % | percent\b | per\scent\b | prozent\b )
    | (?<![\w.,]) (?P<number>{_NUMBER} | (?:{_SPELT})\b) [\s-] (?P<working>(?:working|business|calendar)\s)?
      (?P<thing> [^\W\d_]{{2,30}} )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SCOPE = re.compile(
    r"\b(?:19|20)\d\d\b|\b(?:fy ?\d{2,4}|q[1-4]|[1-4]q|h[12]|version \d[\d.]*|v\d[\d.]*)\b", re.IGNORECASE
)
_MOST = re.compile(
    r"\b(?:at most|up to|maximum(?: of)?|max\.?|no more than|not exceed|less than|under|below|within|limit(?:ed)?"
    r"|höchstens|maximal|bis zu)\b[^.;]{0,40}\Z",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"\b(?:at least|minimum(?: of)?|min\.?|no less than|more than|over|above|exceeding|mindestens|ab)\b"
    r"[^.;]{0,40}\Z",
    re.IGNORECASE,
)
_NO_THING = frozenset(
    {"an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "per", "than",
     "that", "the", "to", "was", "were", "with"}
)  # fmt: skip


def _read(match: re.Match[str]) -> tuple[Kind, str, str] | None:
    if match["iso"] or match["dotted"] or match["month"] or match["month_first"]:
        return _date(match)
    if match["hour"] or match["clock"]:
        return _time(match)
    if match["sign"] or match["currency"]:
        scale = _SCALES.get((match["signed_scale"] or match["scale"] or "").lower(), 1)
        amount = _number(match["signed"] or match["amount"])
        unit = _CURRENCIES[(match["sign"] or match["currency"]).lower()]
        return None if amount is None else ("money", unit, _plain(amount * scale))
    if match["share"]:
        share = _number(match["share"])
        return None if share is None else ("share", "%", _plain(share))
    return _count(match)


def _count(match: re.Match[str]) -> tuple[Kind, str, str] | None:
    number, thing = _number(match["number"]), match["thing"].lower()
    if number is None or thing in _NO_THING:
        return None
    family = _SPANS.get(thing) or _SPANS.get(thing.removesuffix("s"))
    if family is not None:
        working = (match["working"] or "").strip().lower().replace("business", "working")
        kept = working if working == "working" else ""
        return "time span", f"{kept} {family[0]}".strip(), _plain(number * family[1])
    if _is_year(match["number"]):
        return None
    unit = " ".join(terms(thing)) or thing
    return "count", unit, _plain(number)


def _date(match: re.Match[str]) -> tuple[Kind, str, str] | None:
    """A day of a year compares with a day of a year, a day without one with its like."""
    if match["iso"]:
        year, month, day = map(int, match["iso"].split("-"))
    elif match["dotted"]:
        day, month, year = map(int, match["dotted"].split("."))
    else:
        month = _MONTHS[(match["month"] or match["month_first"]).lower()]
        day, year = int(match["day"] or match["day_second"]), int(match["year"] or match["year_last"] or 0)
    try:
        found = date(year or 2_000, month, day)
    except ValueError:
        return None
    return ("date", "day", found.isoformat()) if year else ("date", "day of a year", f"{found:%m-%d}")


def _time(match: re.Match[str]) -> tuple[Kind, str, str] | None:
    if match["clock"]:
        hour, minutes = map(int, match["clock"].split(":"))
    else:
        hour, minutes = int(match["hour"]), int(match["minutes"] or 0)
        half = match["half"].lower().replace(".", "")
        if half in ("am", "pm"):
            hour = hour % 12 + (12 if half == "pm" else 0)
    return "time of day", "", f"{hour:02}:{minutes:02}"


def _number(text: str) -> Decimal | None:
    spelt = _WORDS.get(text.lower())
    if spelt is not None:
        return Decimal(spelt)
    digits = re.sub(r"[ '\u00a0]", "", text)
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        head, tail = re.sub(r"[.,]", "", digits[:last]), digits[last + 1 :]
        is_grouped = len(tail) == 3 and (digits.count(digits[last]) > 1 or (len(head) <= 3 and head != "0"))
        digits = head + tail if is_grouped else f"{head}.{tail}"
    try:
        return Decimal(digits)
    except InvalidOperation:
        return None


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and text[:2] in ("19", "20")


def _bound(before: str) -> Bound:
    """What the words before a value make of it."""
    if _MOST.search(before):
        return "most"
    return "least" if _LEAST.search(before) else ""
