"""The postings of a question's terms: read once, kept in memory as long as there is room."""

from collections.abc import Sequence

from steadyhand.knowledge.index.kept import Kept
from steadyhand.knowledge.index.lexical import Block, decoded, joined
from steadyhand.storage import Database

_ROOM_BYTES = 64 * 1024 * 1024
_ENTRY_BYTES = 700  # of a block besides its postings


class Postings:
    """Segments never change what they say of a chunk, so a block that was read once stays true until some are
    forgotten."""

    def __init__(self, database: Database, room_bytes: int = _ROOM_BYTES) -> None:
        self._database = database
        self._kept: Kept[tuple[int, str, int], Block] = Kept(room_bytes, _size_bytes)

    async def of(self, segments: Sequence[int], terms: Sequence[str], forgotten: int) -> dict[str, Block] | None:
        """The block of each term over all the segments, which follow each other by slot.

        `forgotten` is how many chunks were taken out of the base: earlier blocks name some that are gone. None when
        a segment is gone: it was merged, and the base has to be looked at again. What is in memory is not read.
        """
        blocks = {(at, term): self._kept.get((at, term, forgotten)) for term in terms for at in segments}
        missing = [pair for pair, block in blocks.items() if block is None]
        if missing:
            found = await self._read(segments, missing)
            if found is None:
                return None
            for pair, read in found.items():
                self._kept.put((*pair, forgotten), read)
            blocks |= found
        return {
            term: joined([block for at in segments if (block := blocks[at, term]) is not None and len(block.slots)])
            for term in terms
        }

    async def _read(
        self, segments: Sequence[int], pairs: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], Block] | None:
        rows = await self._database.rows(
            "SELECT b.segment_id, b.term, b.postings"
            " FROM unnest(%(segments)s::integer[], %(terms)s::text[]) AS wanted(segment_id, term)"
            " JOIN lexical_block b USING (segment_id, term)"
            " UNION ALL SELECT NULL, NULL, NULL"
            " WHERE (SELECT count(*) FROM lexical_segment WHERE id = ANY(%(all)s::integer[]))"
            "  <> cardinality(%(all)s::integer[])",
            {"segments": [at for at, _ in pairs], "terms": [term for _, term in pairs], "all": list(segments)},
        )
        if rows and rows[-1]["segment_id"] is None:
            return None
        held = {(row["segment_id"], row["term"]): decoded(row["postings"]) for row in rows}
        return dict.fromkeys(pairs, decoded(b"")) | held


def _size_bytes(_: tuple[int, str, int], block: Block) -> int:
    return block.size_bytes + _ENTRY_BYTES
