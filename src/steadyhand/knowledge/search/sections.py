"""Lets passages grow to the section around them, and keeps them within a number of tokens.

A passage stays an exact slice of one page of its document version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from steadyhand.catalog.tokens import estimate
from steadyhand.storage import Database
from steadyhand.types.passage import Passage

_LONGEST = 20_000
"""Code points of a section; a longer one, such as a text file without headings, is no help around a passage."""


@dataclass(frozen=True, slots=True)
class Section:
    """`[start, start + len(text))` of the canonical text, in code points."""

    start: int
    text: str


async def sections(database: Database, passages: Iterable[Passage]) -> dict[int, Section]:
    """The sections around the passages, by their chunks; one that is very long, or not there, is missing."""
    rows = await database.rows(
        "SELECT c.id, c.parent_start, substr(v.content, c.parent_start + 1, c.parent_stop - c.parent_start) AS body"
        " FROM chunk c JOIN document_version v ON v.id = c.version_id"
        " WHERE c.id = ANY(%s) AND c.parent_stop - c.parent_start BETWEEN 1 AND %s",
        [[passage.chunk_id for passage in passages], _LONGEST],
    )
    return {row["id"]: Section(row["parent_start"], row["body"]) for row in rows}


def within(passages: Iterable[Passage], max_tokens: int | None) -> list[Passage]:
    """The best passages that fit together; a long one that does not makes room for shorter ones behind it."""
    if max_tokens is None:
        return list(passages)
    kept: list[Passage] = []
    for passage in passages:
        tokens = _tokens(passage.text)
        if tokens <= max_tokens:
            kept.append(passage)
            max_tokens -= tokens
    return kept


def expanded(
    passages: Sequence[Passage], around: dict[int, Section], max_tokens: int | None = None
) -> list[Passage]:
    """The passages, best first, as their whole section where it fits, else joined with their neighbours in it.

    What became one passage stands at the place, and has the score, of the best of them.
    """
    room = None if max_tokens is None else max_tokens - sum(_tokens(passage.text) for passage in passages)
    together: dict[object, list[Passage]] = {}
    for passage in passages:
        together.setdefault(_place(passage, around), []).append(passage)
    found: list[Passage] = []
    for group in together.values():
        section = around.get(group[0].chunk_id)
        if section is None:
            found += group
            continue
        growth = _tokens(section.text) - sum(_tokens(passage.text) for passage in group)
        if room is None or growth <= room:
            room = None if room is None else room - growth
            found.append(_sliced(group[0], section, section.start, section.start + len(section.text)))
        else:
            found += _joined(group, section)
    order = {passage.chunk_id: rank for rank, passage in enumerate(passages)}
    return sorted(found, key=lambda passage: order[passage.chunk_id])


def _place(passage: Passage, around: dict[int, Section]) -> object:
    section = around.get(passage.chunk_id)
    return passage.chunk_id if section is None else (passage.version_id, passage.page, section.start)


def _joined(group: Sequence[Passage], section: Section) -> list[Passage]:
    """Neighbours with nothing but white space between them become one passage."""
    ordered = sorted(group, key=lambda passage: passage.start)
    runs: list[list[Passage]] = [[ordered[0]]]
    for passage in ordered[1:]:
        between = section.text[runs[-1][-1].end - section.start : passage.start - section.start]
        if between.strip():
            runs.append([passage])
        else:
            runs[-1].append(passage)
    return [
        _sliced(max(run, key=lambda passage: passage.score), section, run[0].start, run[-1].end) for run in runs
    ]


def _sliced(passage: Passage, section: Section, start: int, end: int) -> Passage:
    text = section.text[start - section.start : end - section.start]
    return replace(passage, start=start, end=end, text=text)


def _tokens(text: str) -> int:
    return estimate([text])
