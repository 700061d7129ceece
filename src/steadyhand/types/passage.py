"""What knowledge gives to a run, and how an answer points back at it."""

from dataclasses import dataclass

from steadyhand.types.text import DataClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk of a live document version that the caller may see.

    `start` and `end` are code points into the canonical text of the document version, and `text` is exactly that
    slice. A passage never crosses a page. `page` counts from 1; formats without pages have one page.
    `score` is the fused relevance in [0, 1] within its search; `bm25` and `similarity` are its raw parts.
    """

    chunk_id: int
    version_id: int
    knowledge_base: str
    source: str  # path of the document inside its knowledge base, such as "travel-policy.pdf"
    title: str
    section: str  # "Travel > Hotels", or "" when the document has no headings
    page: int
    start: int
    end: int
    text: str
    data_class: DataClass
    score: float
    bm25: float
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where an output field comes from. `quote` is the canonical text of `source` at `[start, end)`, on `page`."""

    field: str
    source: str
    page: int
    start: int
    end: int
    quote: str
    knowledge_base: str


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The passages of one search, best first, and the state of the knowledge base they were read from."""

    passages: tuple[Passage, ...]
    snapshot: str  # "policies@12"; the same snapshot always gives the same passages
