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
_IBAN = re.compile(r"\b(?=([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30})\b)")
_CARD = re.compile(r"(?<![\d-])[3-6]\d(?:[ -]?\d){11,17}(?![\d-])")


def find(text: str) -> Iterator[Finding]:
    """Yield the places of personal data; checksums decide where the form alone is no proof."""
    for match in _EMAIL.finditer(text):
        yield Finding("pii.email", match.start(), match.end())
    for match in _IBAN.finditer(text):
        iban = _longest_valid_iban(match.group(1))
        if iban:
            yield Finding("pii.iban", match.start(), match.start() + len(iban))
    for match in _CARD.finditer(text):
        if _luhn_holds([int(char) for char in match.group() if char.isdigit()]):
            yield Finding("pii.card", match.start(), match.end())


def _longest_valid_iban(candidate: str) -> str:
    """The candidate without the words it may have swallowed behind it, "" when no part of it is an IBAN."""
    while candidate and not _iban_holds(candidate.replace(" ", "")):
        candidate = candidate.rpartition(" ")[0]
    return candidate


def _iban_holds(iban: str) -> bool:
    digits = "".join(str(int(char, 36)) for char in iban[4:] + iban[:4])
    return len(iban) >= 15 and int(digits) % 97 == 1


def _luhn_holds(digits: list[int]) -> bool:
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
