"""A passage out of the row of its chunk."""

from dataclasses import dataclass

from steadyhand.storage import Row
from steadyhand.types.passage import Passage
from steadyhand.types.text import DataClass

COLUMNS = (
    "c.id, c.version_id, c.page, c.section, c.start, c.stop, c.parent_start, c.parent_stop, c.body,"
    " v.title, v.language, d.path, d.url, d.metadata, d.review_by"
)
"""Of the chunk `c`, its version `v` and its document `d`."""


@dataclass(frozen=True, slots=True)
class Score:
    """As in a `Passage`; 0 where nobody asked for it."""

    score: float = 0.0
    bm25: float = 0.0
    similarity: float = 0.0


UNASKED = Score()


def passage(row: Row, knowledge_base: str, data_class: DataClass, scored: Score = UNASKED) -> Passage:
    """`row` has the columns of `COLUMNS`."""
    return Passage(
        chunk_id=row["id"],
        version_id=row["version_id"],
        knowledge_base=knowledge_base,
        source=row["path"],
        title=row["title"],
        section=row["section"],
        page=row["page"],
        start=row["start"],
        end=row["stop"],
        text=row["body"],
        data_class=data_class,
        score=scored.score,
        bm25=scored.bm25,
        similarity=scored.similarity,
        review_by=row["review_by"],
        parent_start=row["parent_start"],
        parent_end=row["parent_stop"],
        metadata=row["metadata"],
        url=row["url"],
        language=row["language"],
    )
