"""Plain text. Lines stay as they are; blank lines part the paragraphs."""

import re

from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.readers._draft import Draft, canonical
from steadyhand.knowledge.readers._paragraphs import is_list, paragraphs
from steadyhand.types.document import Document

EXTENSIONS = (".txt",)

_NUMBER = re.compile(r"(\d+(?:\.\d+)*)[.)]?\s+[^\W\d_]")
_UNDERLINE = re.compile(r"\n(?:=+|-{3,})\s*$")
_COLUMNS = re.compile(r".*\S(?:\t| {3,}| +\| +)\s*\S")
_DIGIT = re.compile(r"\d")
_HEADING_LIMIT = 80  # code points


def read(content: bytes, name: str) -> Document:
    """The document, named by its first line when that looks like a title, else like its file.

    Raises `DocumentUnreadable` for binary data and for files without text.
    """
    found = paragraphs(canonical(decoded(content, name)))
    draft = Draft(name)
    for at, paragraph in enumerate(found):
        level = _level(paragraph)
        if level and not (level > 1 and level in map(_level, found[at + 1 : at + 2])):
            draft.heading(_UNDERLINE.sub("", paragraph), level)
        elif _is_table(paragraph):
            first, second = paragraph.split("\n")[:2]
            has_titles = _DIGIT.search(second) and not _DIGIT.search(first)
            draft.add("table", paragraph, header_lines=1 if has_titles else 0)
        else:
            draft.add("list" if is_list(paragraph) else "paragraph", paragraph)
    first = found[0].partition("\n")[0].strip() if found else ""
    return draft.document(first if _is_short(first) and not is_list(first) else "")


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
