"""Is every quote really in its source? Turns a model's citations into evidence that resolves to the exact words."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from steadyhand.hints import excerpt
from steadyhand.language.words import is_telling
from steadyhand.types.json import Json, JsonObject, JsonSchema, found_field
from steadyhand.types.passage import Evidence, Passage

_SAME = ("'‘’‚‛′", '"“”„‟″«»', "-‐‑‒–—―−")  # characters that typing and typesetting write differently
_NUMBER = re.compile(r"\d[.,]\d")
_CLASS_OF = {char: f"[{re.escape(group)}]" for group in _SAME for char in group}


def evidence(
    citations: Json, passages: Sequence[Passage], field: str, today: date | None = None
) -> tuple[tuple[Evidence, ...], list[str]]:
    """The evidence for `field`, and a sentence for every citation that is not true.

    `citations` is the model's list of `{"passage": 1-based number, "quote": text}`, with an optional `"field"`. A
    quote counts when it occurs in the passage word for word; only runs of white space and the shapes of quotation
    marks and dashes may differ. What is kept is the source's own text at its own offsets. A quote that is in
    another of the passages is moved there. Sources that are stale on `today` are marked.
    """
    if not isinstance(citations, list):
        return (), [f"citations: expected a list; found {excerpt(repr(citations))}"]
    found: list[Evidence] = []
    problems: list[str] = []
    for number, citation in enumerate(citations, start=1):
        checked = _check(citation, passages, field, today)
        if isinstance(checked, Evidence):
            found.append(checked)
        else:
            problems.append(f"citation {number}: {checked}")
    return tuple(dict.fromkeys(found)), problems


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Where `quote` stands in `text`, as `[start, end)` in code points; None when it does not.

    The exact words win over those that differ in white space or typography. A part of a word or of a number is not
    it: `20 EUR` does not stand in `120 EUR`.
    """
    wanted = quote.strip()
    if not any(char.isalnum() for char in wanted):
        return None
    words = ("".join(_CLASS_OF.get(char, re.escape(char)) for char in word) for word in wanted.split())
    for pattern in (re.escape(wanted), r"\s+".join(words)):
        for match in re.finditer(pattern, text):
            if not (_divides(text, match.start()) or _divides(text, match.end())):
                return match.span()
    return None


def _divides(text: str, at: int) -> bool:
    """Does `at` lie inside a word or a number? Words of scripts without capitals cannot be told apart."""
    if not 0 < at < len(text):
        return False
    if unicodedata.combining(text[at]):
        return True
    return (_is_of_a_word(text[at - 1]) and _is_of_a_word(text[at])) or any(
        number.start() < at < number.end() for number in _NUMBER.finditer(text, max(0, at - 2), at + 2)
    )


def _is_of_a_word(char: str) -> bool:
    return char.isdigit() or char.lower() != char.upper()


def is_abstention(output: JsonObject, schema: JsonSchema) -> bool:
    """Does the output say that the sources hold nothing? Its field `found` or `known` is false."""
    return output.get(found_field(schema)) is False


def _check(citation: Json, passages: Sequence[Passage], field: str, today: date | None) -> Evidence | str:
    if not isinstance(citation, dict) or not isinstance(quote := citation.get("quote"), str):
        return f'expected {{"passage": number, "quote": text}}; found {excerpt(repr(citation))}'
    named = citation.get("field", field)
    named = named if isinstance(named, str) else field
    for passage in _named_first(citation.get("passage"), passages):
        span = locate(quote, passage.text)
        if span is not None and not is_telling(quote):
            return f"expected a quote that proves the statement; {excerpt(repr(quote))} says too little"
        if span is not None:
            return _evidence(passage, span, named, today)
    return f"expected words copied exactly from a source; {excerpt(repr(quote))} is in none of them"


def _named_first(number: Json, passages: Sequence[Passage]) -> Sequence[Passage]:
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= len(passages):
        return (passages[number - 1], *passages)
    return passages


def _evidence(passage: Passage, span: tuple[int, int], field: str, today: date | None) -> Evidence:
    start, end = span
    return Evidence(
        field=field,
        source=passage.source,
        page=passage.page,
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.text[start:end],
        knowledge_base=passage.knowledge_base,
        version_id=passage.version_id,
        is_stale=today is not None and passage.is_stale(today),
    )
