"""How parts, chapters, items and notes of a printed document are numbered."""

import re

_KINDS = (
    re.compile(r"part\s+[ivx]+\b", re.IGNORECASE),
    re.compile(r"(?:item\s+\d+[a-z]?\b|chapter\s+\w+|annex\s+\w+|appendix\s+\w+)", re.IGNORECASE),
    re.compile(r"(?:note\s+\d+\b|article\s+\d+\b|section\s+\d|§+\s*\d)", re.IGNORECASE),
)
NONE = len(_KINDS)


def rank(text: str) -> int:
    """0 for a part, 1 for an item or a chapter, 2 for a note or a section, `NONE` for everything else."""
    return next((rank for rank, kind in enumerate(_KINDS) if kind.match(text)), NONE)


def is_structure(text: str) -> bool:
    return rank(text) < NONE
