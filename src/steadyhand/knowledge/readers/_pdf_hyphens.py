"""Decides what a hyphen at the end of a printed line was: part of the word, or only of the line break."""

import re
from collections.abc import Iterable

from steadyhand.knowledge.readers._pdf_line import Piece

HYPHEN = "\ufffe"
"""What pdfium writes for a hyphen that ends a line; it joins the two lines."""

_BROKEN = re.compile(rf"([\w-]*){HYPHEN}(\w*)")
_WORD = re.compile(r"\w+")
_COMPOUND = re.compile(r"\w+(?:-\w+)+")


def resolved(pages: list[list[Piece]]) -> list[list[Piece]]:
    """The pages with every mark replaced, judged by how the document writes the word elsewhere."""
    if not any(HYPHEN in piece.text for page in pages for piece in page):
        return pages
    known = _vocabulary(piece.text for page in pages for piece in page)

    def whole(broken: re.Match[str]) -> str:
        return _whole(broken[1], broken[2], known)

    return [
        [piece._replace(text=_BROKEN.sub(whole, piece.text)) if HYPHEN in piece.text else piece for piece in page]
        for page in pages
    ]


def _vocabulary(texts: Iterable[str]) -> set[str]:
    """Words and compounds in lower case, but not the halves of broken ones."""
    unique = {token for text in texts for token in text.lower().split()}
    whole = " ".join(token for token in unique if HYPHEN not in token)
    return {*_WORD.findall(whole), *_COMPOUND.findall(whole)}


def _whole(left: str, right: str, known: set[str]) -> str:
    joined, compound = left + right, f"{left}-{right}"
    if joined.lower() in known:
        return joined
    is_compound = (
        compound.lower() in known
        or "-" in left
        or not right[:1].islower()
        or (left.lower() in known and right.lower() in known)
    )
    return compound if is_compound else joined
