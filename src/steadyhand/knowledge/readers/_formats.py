"""Numbers as a workbook shows them: rounded, grouped, as a percentage, as a date. Source: ECMA-376, 18.8.30.

Dates are written as ISO 8601, whatever the format's order: 03/04/26 would be two days for two readers.
"""

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal, NamedTuple

GENERAL = "General"
BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    **dict.fromkeys((14, 15, *range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd"),
    16: "d-mmm",
    17: "mmm-yy",
    **dict.fromkeys((18, 19, 20, 32, 33), "h:mm"),
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0;-#,##0",
    38: "#,##0;-#,##0",
    39: "#,##0.00;-#,##0.00",
    40: "#,##0.00;-#,##0.00",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
    48: "0.0E+0",
    49: "@",
}
"""Formats that workbooks only name by number."""

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]-]*)[^\]]*\]|\[[^\]]*\]|@')
_DIGITS = re.compile(r"[#0?][#0?,.]*")
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_SECTION = re.compile(r'((?:"[^"]*"|\\.|[^;"\\])*)(?:;|$)')
_FIRST_DAY, _LAST_DAY = 0, 2_958_466  # of year 9999
_LARGEST = 15  # figures that a workbook keeps of a number


def shown_number(value: str, code: str, *, is_1904: bool = False) -> str:
    """`value` as the format `code` shows it; as it is when it is no number, or the format cannot be followed.

    `is_1904` is for workbooks that count their days from 1904 on.
    """
    if code in {GENERAL, "@"} and value.isdecimal() and len(value) <= _LARGEST:
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    if not number.is_finite() or abs(number.adjusted()) > 300:
        return value
    kind = _kind(code)
    if kind != "number":
        return _shown_time(float(number), kind, is_1904=is_1904) or _general(number)
    return _shown(number, code)


_Kind = Literal["number", "date", "month", "time", "moment", "elapsed"]


@lru_cache(maxsize=512)
def _kind(code: str) -> _Kind:
    section = _SECTION.match(code)
    first = section[1] if section else code
    if _ELAPSED.search(first):
        return "elapsed"
    letters = set(_LITERAL.sub("", first).lower().replace("general", ""))
    has_time = bool(letters & {"h", "s"})
    has_date = bool(letters & {"y", "d"}) or ("m" in letters and not has_time)
    if has_date and has_time:
        return "moment"
    if has_date:
        return "date" if "d" in letters else "month" if {"y", "m"} <= letters else "date"
    return "time" if has_time else "number"


def _shown_time(days: float, kind: _Kind, *, is_1904: bool) -> str:
    """ "" for what is out of the calendar."""
    if not _FIRST_DAY <= days < _LAST_DAY:
        return ""
    seconds = round(days * 86_400)
    if kind == "elapsed":
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    start = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30 if days >= 60 else 31)  # noqa: DTZ001
    try:
        moment = start + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    time = f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
    if kind == "time" or (days < 1 and kind == "moment"):
        return time
    if kind == "moment" and seconds % 86_400:
        return f"{moment.date().isoformat()} {time}"
    return f"{moment.date().isoformat()[:7]}" if kind == "month" else moment.date().isoformat()


class _Form(NamedTuple):
    """A section of a format: what stands around the number, and how the number is written."""

    before: str
    after: str
    figures: int  # at least so many before the point
    decimals: int
    optional: int  # so many of the decimals only where they are not 0
    is_grouped: bool
    power: int  # of ten, by which the number is multiplied
    is_followed: bool  # False: a fraction, an exponent, or no number at all


def _shown(number: Decimal, code: str) -> str:
    forms = _forms(code)
    is_negative = number < 0 and len(forms) > 1
    form = forms[2] if number == 0 and len(forms) > 2 else forms[1] if is_negative else forms[0]
    if not form.is_followed:
        return _general(number)
    if form.figures < 0:
        return form.before
    try:
        scaled = (abs(number) if is_negative else number).scaleb(form.power)
        rounded = scaled.quantize(Decimal(1).scaleb(-form.decimals), ROUND_HALF_UP)
    except InvalidOperation:
        return _general(number)
    whole, _, fraction = f"{abs(rounded):f}".partition(".")
    kept = fraction[: form.decimals - form.optional] + fraction[form.decimals - form.optional :].rstrip("0")
    whole = whole.zfill(form.figures)
    whole = f"{int(whole):,}" if form.is_grouped and not whole.startswith("0") else whole
    sign = "-" if rounded < 0 else ""
    return f"{sign}{form.before}{whole}{'.' if kept else ''}{kept}{form.after}".strip()


@lru_cache(maxsize=512)
def _forms(code: str) -> tuple[_Form, ...]:
    sections = [section for section in _SECTION.findall(code)[:4] if section] or [code]
    return tuple(_form(section) for section in sections[:3])


def _form(section: str) -> _Form:
    is_general = GENERAL.lower() in section.lower() or "/" in section or "E+" in section.upper() or "E-" in section
    plain = _LITERAL.sub(lambda literal: "\0" * len(literal[0]), section)
    digits = _DIGITS.search(plain)
    if is_general or any(sign in section for sign in "<>="):
        return _Form("", "", 0, 0, 0, is_grouped=False, power=0, is_followed=False)
    if digits is None:
        return _Form(_literal(section), "", -1, 0, 0, is_grouped=False, power=0, is_followed=True)
    pattern = digits[0]
    whole, _, fraction = pattern.rstrip(",").partition(".")
    thousands = len(pattern) - len(pattern.rstrip(","))
    fraction = fraction.replace(",", "")
    return _Form(
        before=_literal(section[: digits.start()]),
        after=_literal(section[digits.end() :]),
        figures=whole.count("0"),
        decimals=len(fraction),
        optional=len(fraction) - len(fraction.rstrip("#?")),
        is_grouped="," in whole,
        power=2 * plain.count("%") - 3 * thousands,
        is_followed=True,
    )


def _literal(section: str) -> str:
    """What a part of a format says without its signs for spaces, colours and conditions."""
    return _LITERAL.sub(lambda found: found[1] or found[2] or found[3] or "", section)


def _general(number: Decimal) -> str:
    text = f"{float(number):.{_LARGEST}g}"
    return text if "e" not in text or abs(number.adjusted()) > 20 else f"{Decimal(text):f}"
