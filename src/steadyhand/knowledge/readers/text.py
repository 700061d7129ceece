"""Plain text. Lines stay as they are; blank lines part the paragraphs."""

import re

from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.readers._draft import Draft, canonical
from steadyhand.types.document import Document

EXTENSIONS = (".txt",)

_BLANK = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_LIST = re.compile(r"\s*(?:[-*•‣◦]|\(?\d{1,3}[.)])\s+\S")
_NUMBER = re.compile(r"(\d+(?:\.\d+)*)[.)]?\s+[^\W\d_]")
_UNDERLINE = re.compile(r"\n(?:=+|-{3,})\s*$")
_COLUMNS = re.compile(r".*\S(?:\t| {3,}| +\| +)\s*\S")
_DIGIT = re.compile(r"\d")
_HEADING_LIMIT = 80  # code points


def read(content: bytes, name: str) -> Document:
    """The document, named by its first line when that looks like a title, else like its file.

    Raises `DocumentUnreadable` for binary data and for files without text.
    """
    paragraphs = [text.strip("\n") for text in _BLANK.split(canonical(decoded(content, name))) if text.strip()]
    draft = Draft(name)
    for at, paragraph in enumerate(paragraphs):
        level = _level(paragraph)
        if level and not (level > 1 and level in map(_level, paragraphs[at + 1 : at + 2])):
            draft.heading(_UNDERLINE.sub("", paragraph), level)
        elif _is_table(paragraph):
            first, second = paragraph.split("\n")[:2]
            has_titles = _DIGIT.search(second) and not _DIGIT.search(first)
            draft.add("table", paragraph, header_lines=1 if has_titles else 0)
        else:
            draft.add("list" if _LIST.match(paragraph) else "paragraph", paragraph)
    first = paragraphs[0].partition("\n")[0].strip() if paragraphs else ""
    return draft.document(first if _is_short(first) and not _LIST.match(first) else "")


def _level(paragraph: str) -> int:
    """1 for a line in capitals or underlined, 2 and more for a numbered one, 0 for what is no heading."""
    line = _UNDERLINE.sub("", paragraph).strip()
    if not _is_short(line):
        return 0
    number = _NUMBER.match(line)
    if number:
        return 2 + number[1].count(".")
    return 1 if line.isupper() or line != paragraph.strip() else 0


def _is_table(paragraph: str) -> bool:
    """Two lines or more, all of them in columns."""
    lines = paragraph.split("\n")
    return len(lines) > 1 and all(map(_COLUMNS.match, lines))


def _is_short(line: str) -> bool:
    return 3 <= len(line) <= _HEADING_LIMIT and "\n" not in line and line[-1].isalnum()
