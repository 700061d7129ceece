"""Flags text that speaks to the model instead of being about the matter, and text that hides from the reader.

Wording alone never decides: whoever attacks words it differently (text classifiers found 0-41 % of the attacks of
sources that they had not seen). The finding is a flag in the ledger; what untrusted text may cause is limited by
the path itself.
"""

import re
import unicodedata
from collections.abc import Iterator

from steadyhand.types.findings import Finding
from steadyhand.types.text import DataClass

RAISES_TO: DataClass = "public"

_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:instructions?|prompts?|rules|above|previous)\b"
    r"|\b(?:ignoriere|vergiss)\b[^.\n]{0,40}\b(?:anweisungen|regeln|vorgaben)\b"
    r"|\b(?:ignore[zr]|oublie[zr]?)\b[^.\n]{0,40}\b(?:instructions|consignes|r[eè]gles)\b"
    r"|\b(?:önceki|yukarıdaki)\b[^.\n]{0,40}\b(?:talimatları|kuralları)\b[^.\n]{0,20}\b(?:yok say|unut)"
    r"|\b(?:reveal|print|repeat|show)\b[^.\n]{0,30}\b(?:system prompt|hidden prompt|instructions above)\b"
    r"|\byou are now\b[^.\n]{0,40}\b(?:unrestricted|jailbroken|developer mode|DAN)\b"
    r"|<\|?(?:im_start|im_end|system|endoftext)\|?>|\[/?INST\]",
    re.IGNORECASE,
)
_TAGS = range(0xE0000, 0xE0080)  # Unicode tag characters: invisible ASCII


def find(text: str) -> Iterator[Finding]:
    """Yield orders to the model and runs of characters that no reader sees."""
    for match in _ORDERS.finditer(text):
        yield Finding("injection.order", match.start(), match.end())
    start: int | None = None
    for index, char in enumerate(text):
        if _is_hidden(char):
            start = index if start is None else start
        elif start is not None:
            yield Finding("injection.hidden", start, index)
            start = None
    if start is not None:
        yield Finding("injection.hidden", start, len(text))


def _is_hidden(char: str) -> bool:
    """Tag characters and bidirectional overrides; joiners and soft hyphens belong to ordinary text."""
    if char.isascii():
        return False
    return ord(char) in _TAGS or unicodedata.bidirectional(char) in ("LRO", "RLO", "LRE", "RLE")
