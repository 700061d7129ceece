"""BM25 over postings as they are stored: bytes of a term and a segment, decoded once and scored together. Pure.

Source: Robertson and Zaragoza 2009 in the form of Lucene 8, as in `language.bm25`; what ends the common terms early
is MaxScore (Turtle and Flood 1995).
"""

import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steadyhand.language import bm25

Slots = NDArray[np.int32]
Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]
"""By slot: may the chunk be found?"""

K1, B = 0.6, 0.4
"""Chunks are short and of even length: a second occurrence and the length say less than in whole documents."""

_LARGEST = 32_767
_POSTING = struct.Struct(">iHH")
_STORED = np.dtype([("slot", ">i4"), ("length", ">u2"), ("frequency", ">u2")])


class Block(NamedTuple):
    """The chunks that hold a term, ascending: their slots, how many terms each has, and how often this one."""

    slots: Slots
    lengths: NDArray[np.uint16]
    frequencies: NDArray[np.uint16]

    @property
    def size_bytes(self) -> int:
        return 8 * len(self.slots)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of all chunks that may be found: how many there are, and how many terms they have together."""

    chunks: int
    terms: int


def encoded(chunks: Iterable[tuple[int, Sequence[str]]]) -> dict[str, bytes]:
    """Postings by term, of chunks by slot, ascending. Lengths and frequencies are cut at 32,767."""
    found: dict[str, bytearray] = defaultdict(bytearray)
    for slot, terms in chunks:
        length = min(len(terms), _LARGEST)
        for term, frequency in Counter(terms).items():
            found[term] += _POSTING.pack(slot, length, min(frequency, _LARGEST))
    return {term: bytes(postings) for term, postings in found.items()}


def decoded(postings: bytes) -> Block:
    stored = np.frombuffer(postings, dtype=_STORED)
    return Block(
        stored["slot"].astype(np.int32),
        stored["length"].astype(np.uint16),
        stored["frequency"].astype(np.uint16),
    )


def without(postings: bytes, slots: Slots) -> bytes:
    """The same postings less those of these chunks."""
    stored = np.frombuffer(postings, dtype=_STORED)
    return stored[~np.isin(stored["slot"].astype(np.int32), slots)].tobytes()


def joined(blocks: Sequence[Block]) -> Block:
    """The blocks of one term in segments that follow each other."""
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return decoded(b"")
    return Block(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


class Lexical:
    """What the words of a question say about the chunks of a base; `blocks` are those of its terms.

    Chunks that are not `alive` count for no statistic; None is all of them.
    """

    def __init__(self, blocks: Mapping[str, Block], statistics: Statistics, alive: Mask | None) -> None:
        self._alive = alive
        self._mean_length = statistics.terms / max(statistics.chunks, 1) or 1.0
        weighed = [(block, self._idf(block, statistics.chunks)) for block in blocks.values() if len(block.slots)]
        self._terms = sorted(weighed, key=lambda term: -term[1])

    def best(self, count: int, slot_count: int, reachable: Mask | None) -> Slots:
        """The `count` best chunks of those that are reachable, not in order; fewer when fewer hold a term. Exact.

        No slot is `slot_count` or above; `reachable` None is all of them.
        """
        scores = np.zeros(slot_count, dtype=np.float32)
        reached: list[Slots] = []
        rest = self._ceilings()
        floor, done = 0.0, 0
        for block, idf in self._terms:
            found = sum(len(slots) for slots in reached)
            if found >= count and len(block.slots) > found // 4:
                floor = _kth(scores[np.concatenate(reached)], count)
                if floor > rest[done]:
                    break
            held = block if reachable is None else _picked(block, reachable[block.slots])
            reached.append(held.slots[scores[held.slots] == 0])
            scores[held.slots] += self._gains(held, idf)
            done += 1
        slots = np.concatenate(reached) if reached else np.empty(0, dtype=np.int32)
        if done < len(self._terms):
            slots = np.sort(slots[scores[slots] + rest[done] >= floor])
            for block, idf in self._terms[done:]:
                scores[slots] += self._gains_of(slots, block, idf)
        if len(slots) <= count:
            return slots
        return slots[np.argpartition(-scores[slots], count)[:count]]

    def of(self, slots: Slots) -> Scores:
        """The relevance of each of these chunks, >= 0, in their order."""
        scores = np.zeros(len(slots), dtype=np.float32)
        for block, idf in self._terms:
            scores += self._gains_of(slots, block, idf)
        return scores

    def _idf(self, block: Block, chunks: int) -> float:
        found_in = len(block.slots) if self._alive is None else int(self._alive[block.slots].sum())
        return float(bm25.inverse_frequency(max(chunks, found_in), np.array(found_in)))

    def _ceilings(self) -> list[float]:
        """The most that this term and all behind it can add to a chunk, for each term, and 0 at the end."""
        ceilings = [float(self._gains(_shortest(block), idf)[0]) for block, idf in self._terms]
        return [*np.cumsum(ceilings[::-1])[::-1].tolist(), 0.0]

    def _gains(self, block: Block, idf: float) -> Scores:
        length = block.lengths.astype(np.float32)
        frequency = block.frequencies.astype(np.float32)
        norm = K1 * (1 - B) + (K1 * B / self._mean_length) * length
        return np.asarray((idf * (K1 + 1)) * frequency / (frequency + norm), dtype=np.float32)

    def _gains_of(self, slots: Slots, block: Block, idf: float) -> Scores:
        at = np.minimum(np.searchsorted(block.slots, slots), len(block.slots) - 1)
        gains = self._gains(_picked(block, at), idf)
        return np.where(block.slots[at] == slots, gains, np.float32(0)).astype(np.float32)


def _picked(block: Block, at: NDArray[np.bool_] | NDArray[np.intp]) -> Block:
    return Block(block.slots[at], block.lengths[at], block.frequencies[at])


def _shortest(block: Block) -> Block:
    """One posting that gains at least as much as any of the block."""
    return Block(block.slots[:1], block.lengths.min(keepdims=True), block.frequencies.max(keepdims=True))


def _kth(scores: Scores, count: int) -> float:
    """The `count`-th largest."""
    return float(np.partition(scores, len(scores) - count)[len(scores) - count])
