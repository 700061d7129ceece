"""What knowledge gives to a run, and how an answer points back at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from steadyhand.types.json import Json
from steadyhand.types.text import DataClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk of a live document version that the caller may see.

    `start` and `end` are code points into the canonical text of the document version, and `text` is exactly that
    slice. A passage never crosses a page. `page` counts from 1; formats without pages have one page.
    `score` is the relevance in [0, 1] within its search; `bm25` and `similarity` are its raw parts. After
    `review_by` somebody had to look at the document again: it counts as stale. `[parent_start, parent_end)` is the
    section around it on its page, empty when there is none to show. `metadata` is the document's, `url` where a
    person finds the original, "" when it has no address.
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
    review_by: date | None = None
    parent_start: int = 0
    parent_end: int = 0
    metadata: Mapping[str, Json] = field(default_factory=dict)
    url: str = ""
    language: str = "und"

    def is_stale(self, today: date) -> bool:
        return self.review_by is not None and self.review_by < today


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where an output field comes from. `quote` is the canonical text of `source` at `[start, end)`, on `page`.

    `version_id` is the document version that was quoted: its page opens with the same words after the document has
    changed. 0 when it is not known. `is_stale`: the day by which the document had to be looked at again was over.
    """

    field: str
    source: str
    page: int
    start: int
    end: int
    quote: str
    knowledge_base: str
    version_id: int = 0
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Statements that cannot all be true, each where it stands. `about` is what they are about, in a few words.

    `field` of a statement is "": it belongs to no output field.
    """

    about: str
    statements: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The passages of one search, best first, and the state of the knowledge base they were read from."""

    passages: tuple[Passage, ...]
    snapshot: str  # "policies@12"; the same snapshot always gives the same passages
    contradictions: tuple[Contradiction, ...] = ()  # between the passages
