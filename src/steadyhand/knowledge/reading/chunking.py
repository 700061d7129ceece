"""Cuts a document into chunks along its structure. Pure; every chunk is an exact slice of one page.

Blocks are joined up to the limit, a section begins a new chunk, a heading stays with what follows it, and a table
is cut between rows only. What is longer than the limit is cut at sentences, then lines, then words.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, groupby
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from steadyhand.language.sentences import spans
from steadyhand.types.document import Block, Chunk, Document

VERSION = 3
"""Changes when the same document would be cut in another way."""

MAX_TOKENS = 230  # leaves room for the context in an embedder's window of 256

PARENT_TOKENS = 1_200
"""Of what stands around a chunk, at most. A longer section is cut into about equal parts between its chunks."""

CountTokens: TypeAlias = Callable[[Sequence[str]], list[int]]
"""Tokens of each text, at least those of its words; an embedder may count those that frame a text as well."""

_BATCH = 1_024  # texts per call of the tokenizer
_CONTEXT_LIMIT = 160  # code points of title and section together
_HEADER_LIMIT = 400  # code points of column titles: each chunk of a table carries them, before its own words
_LINE = re.compile(r"\S[^\n]*")
_WORD = re.compile(r"\S+")


def chunks(document: Document, count_tokens: CountTokens, max_tokens: int = MAX_TOKENS) -> list[Chunk]:
    """Chunks in reading order; they do not overlap, and together hold every character that is not white space.

    None has more than `max_tokens`, provided that no text has more tokens than code points. Linear in the length of
    the document: every sentence and row is counted once, most of them in batches.
    """
    found: list[Chunk] = []
    for page, blocks in groupby(document.blocks, key=attrgetter("page")):
        units = [_units(document.text, block) for block in blocks]
        counted = _counted(document.text, units, count_tokens, max_tokens)
        groups = _balanced(_groups(counted, max_tokens), max_tokens)
        for run in _parents(groups):
            around = run[0][0].start, run[-1][-1].end
            for group in run:
                start, end = group[0].start, group[-1].end
                header = _header(document.text, group[0])
                found.append(Chunk(len(found), page, _section(group), start, end, header, *around))
    return found


def context(document: Document, chunk: Chunk) -> str:
    """What a reader of the page would know besides the chunk: `title > section`, and a continued table's header.

    For the text that is embedded and indexed only; a quotation never contains it. At most 160 code points of title
    and section: the innermost sections are kept.
    """
    path = chunk.section.split(" > ") if chunk.section else []
    if path and path[0] == document.title:
        path = path[1:]
    room = _CONTEXT_LIMIT - len(document.title)
    kept = [part for part, used in zip(reversed(path), _used(path), strict=True) if used <= room]
    shown = " > ".join([document.title, *reversed(kept)])
    return f"{shown}\n{chunk.header}" if chunk.header else shown


def _used(path: list[str]) -> Iterator[int]:
    """Code points that the last part, the last two parts, ... take."""
    return accumulate(len(part) + 3 for part in reversed(path))


class _Unit(NamedTuple):
    """A sentence, row, line or word: what is not cut unless it is longer than a chunk."""

    start: int
    end: int
    block: Block
    tokens: int = 0


def _units(text: str, block: Block) -> list[_Unit]:
    if block.kind == "heading":
        return [_Unit(block.start, block.end, block)]
    if block.kind in {"table", "code"}:
        return [_Unit(*line.span(), block) for line in _LINE.finditer(text, block.start, block.end)]
    sentences = spans(text[block.start : block.end])
    return [_Unit(block.start + start, block.start + end, block) for start, end in sentences]


def _counted(text: str, blocks: list[list[_Unit]], count_tokens: CountTokens, max_tokens: int) -> list[list[_Unit]]:
    """The units of each block with their tokens; what is longer than a chunk is cut into smaller ones."""

    def cut(unit: _Unit, pieces: Iterable[tuple[int, int]]) -> list[_Unit]:
        return [unit._replace(start=start, end=end) for start, end in pieces]

    def lines(unit: _Unit) -> list[_Unit]:
        return cut(unit, (found.span() for found in _LINE.finditer(text, unit.start, unit.end)))

    def words(unit: _Unit) -> list[_Unit]:
        return cut(unit, (found.span() for found in _WORD.finditer(text, unit.start, unit.end)))

    def slices(unit: _Unit) -> list[_Unit]:
        starts = range(unit.start, unit.end, max_tokens)
        return cut(unit, ((start, min(start + max_tokens, unit.end)) for start in starts))

    counted = _with_tokens(text, blocks, count_tokens)
    for split in (lines, words, slices):
        if all(unit.tokens <= max_tokens for units in counted for unit in units):
            break
        long = [split(unit) for units in counted for unit in units if unit.tokens > max_tokens]
        parts = iter(_with_tokens(text, long, count_tokens))
        counted = [
            list(chain.from_iterable(next(parts) if unit.tokens > max_tokens else (unit,) for unit in units))
            for units in counted
        ]
    return counted


def _with_tokens(text: str, blocks: list[list[_Unit]], count_tokens: CountTokens) -> list[list[_Unit]]:
    texts = [text[unit.start : unit.end] for units in blocks for unit in units]
    counts = chain.from_iterable(count_tokens(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH))
    return [[unit._replace(tokens=max(1, next(counts))) for unit in units] for units in blocks]


def _groups(blocks: list[list[_Unit]], max_tokens: int) -> list[list[_Unit]]:
    """Units that become one chunk each."""
    groups: list[list[_Unit]] = []
    group: list[_Unit] = []
    size = 0
    for units in blocks:
        opens_section = units[0].block.kind == "heading"
        if (opens_section or size + _tokens(units) > max_tokens) and _stands_alone(group, max_tokens):
            group = _close(group, groups)
            size = _tokens(group)
        for unit in units:
            while group and size + unit.tokens > max_tokens:
                group = _close(group, groups)
                size = _tokens(group)
            group.append(unit)
            size += unit.tokens
    return [*groups, group] if group else groups


def _stands_alone(group: list[_Unit], max_tokens: int) -> bool:
    """Is there enough to be worth a chunk, apart from headings?"""
    return sum(unit.tokens for unit in group if unit.block.kind != "heading") >= max(1, max_tokens // 5)


def _close(group: list[_Unit], groups: list[list[_Unit]]) -> list[_Unit]:
    """End the group; the headings it ends with begin the next one, unless there is nothing else."""
    end = len(group)
    while end and group[end - 1].block.kind == "heading":
        end -= 1
    groups.append(group[: end or len(group)])
    return group[end or len(group) :]


def _balanced(groups: list[list[_Unit]], max_tokens: int) -> list[list[_Unit]]:
    """The last group of a page is often a line or two: joined with the one before it, or both made even."""
    if len(groups) < 2 or _stands_alone(groups[-1], max_tokens):
        return groups
    *others, before, last = groups
    both = before + last
    total = _tokens(both)
    if total <= max_tokens:
        return [*others, both]
    lefts = list(accumulate(unit.tokens for unit in both))
    fits = [cut for cut in range(1, len(both)) if total - max_tokens <= lefts[cut - 1] <= max_tokens]
    cuts = [cut for cut in fits if both[cut - 1].block.kind != "heading"]
    even = min(cuts or fits, key=lambda cut: abs(total - 2 * lefts[cut - 1]))
    return [*others, both[:even], both[even:]]


def _tokens(units: Iterable[_Unit]) -> int:
    return sum(unit.tokens for unit in units)


def _section(group: list[_Unit]) -> str:
    """The section that most of the group stands under."""
    weights: Counter[str] = Counter()
    for unit in group:
        weights[unit.block.section] += 0 if unit.block.kind == "heading" else unit.tokens
    heaviest = max(weights.values())
    return next(unit.block.section for unit in reversed(group) if weights[unit.block.section] == heaviest)


def _parents(groups: list[list[_Unit]]) -> Iterator[list[list[_Unit]]]:
    """The groups of a page as runs of one section, none with more tokens than a parent may have."""
    for _, section in groupby(groups, key=_section):
        run = list(section)
        sizes = [_tokens(group) for group in run]
        room = max(1, PARENT_TOKENS - max(sizes))
        even = sum(sizes) / -(-sum(sizes) // room)
        begun: list[list[_Unit]] = []
        size = 0
        for group, more in zip(run, sizes, strict=True):
            if begun and size + more / 2 > even:
                yield begun
                begun, size = [], 0
            begun.append(group)
            size += more
        yield begun


def _header(text: str, first: _Unit) -> str:
    """The column titles of the table that a group begins in the middle of, or that began on an earlier page.

    Of many columns the first, as many as there is room for.
    """
    block = first.block
    start, end = block.titles or (block.start, block.header_end)
    if not first.start >= end > 0:
        return ""
    shown = " ".join(text[start : min(end, start + 2 * _HEADER_LIMIT)].split())
    return shown if len(shown) <= _HEADER_LIMIT else shown[:_HEADER_LIMIT].rpartition(" ")[0]
