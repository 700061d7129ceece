"""Paragraphs of plain text: what blank lines part, and which of them are lists."""

import re

_BLANK = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_ITEM = re.compile(r"\s*(?:[-*•‣◦]|\(?\d{1,3}[.)])\s+\S")


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a canonical text in their order, without blank ones; their lines stay as they are."""
    return [paragraph.strip("\n") for paragraph in _BLANK.split(text) if paragraph.strip()]


def is_list(paragraph: str) -> bool:
    """Does it begin with a bullet or a number?"""
    return _ITEM.match(paragraph) is not None
