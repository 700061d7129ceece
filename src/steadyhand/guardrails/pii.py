"""Finds personal data with a recognisable form: e-mail addresses, IBANs, payment cards.

Sources: RFC 5322 (the part in use), ISO 13616 with ISO 7064 mod 97-10, ISO/IEC 7812-1 (Luhn). Names and postal
addresses have no form; a text that holds only those passes.
"""

import re
from collections.abc import Iterator

from steadyhand.types.findings import Finding
from steadyhand.types.text import DataClass

RAISES_TO: DataClass = "confidential"

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}(?![\w-])")
_IBAN_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 "
    "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
    "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 "
    "SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
)
"""Country and length, after the registry of ISO 13616."""

_IBANS = {
    entry[:2]: re.compile(rf"[A-Z0-9](?: ?[A-Z0-9]){{{int(entry[2:]) - 1}}}(?![A-Za-z0-9])")
    for entry in _IBAN_LENGTHS.split()
}
_IBAN_START = re.compile(r"\b([A-Z]{2})[0-9]{2}(?= ?[A-Z0-9])")
_CARD = re.compile(r"(?<![\d-])[3-6]\d(?:[ -]?\d){11,17}(?![\d-])")


def find(text: str) -> Iterator[Finding]:
    """Yield the places of personal data; checksums decide where the form alone is no proof."""
    for match in _EMAIL.finditer(text):
        yield Finding("pii.email", match.start(), match.end())
    for match in _IBAN_START.finditer(text):
        whole = _IBANS[match.group(1)].match(text, match.start()) if match.group(1) in _IBANS else None
        if whole and _iban_holds(whole.group().replace(" ", "")):
            yield Finding("pii.iban", whole.start(), whole.end())
    for match in _CARD.finditer(text):
        if _luhn_holds([int(char) for char in match.group() if char.isdigit()]):
            yield Finding("pii.card", match.start(), match.end())


def _iban_holds(iban: str) -> bool:
    digits = "".join(str(int(char, 36)) for char in iban[4:] + iban[:4])
    return int(digits) % 97 == 1


def _luhn_holds(digits: list[int]) -> bool:
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
