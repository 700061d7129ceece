"""The best passages of a knowledge base: BM25 and vectors, added up on one scale.

Both legs score every chunk of the base (the vectors by an exact scan), each is scaled to [0, 1] over all of them,
and the two are added. Ranks are not fused: reciprocal rank fusion lets a weak leg drag a good one down (in a
prototype the mean nDCG@10 over 13 sets was .717 by ranks and .804 by scores; docs/adr/0005).
"""

from collections.abc import Iterable

from steadyhand.errors import NotFound
from steadyhand.knowledge.vectors import Embedders, vector_text
from steadyhand.language import bm25
from steadyhand.language.words import terms
from steadyhand.storage import Database, Row
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.ports import ClassOf
from steadyhand.types.search import SearchRequest
from steadyhand.types.text import DataClass

DENSE_WEIGHT = 0.5


class Searcher:
    """Searches the bases of a workspace. `class_of` gives a base's data class.

    `dense_weight` in [0, 1] is the share of the vectors in the score: 0 is BM25 alone, 1 the vectors alone.
    `embedder` is the id of the embedder whose vectors are read; "" reads those of the base's active generation.
    """

    def __init__(
        self,
        database: Database,
        embedders: Embedders,
        class_of: ClassOf,
        *,
        dense_weight: float = DENSE_WEIGHT,
        embedder: str = "",
    ) -> None:
        self._embedder = embedder
        self._dense_weight = dense_weight
        self._database = database
        self._embedders = embedders
        self._class_of = class_of

    def weighted(self, dense_weight: float) -> "Searcher":
        """The same search with another share of the vectors, for measuring."""
        return Searcher(
            self._database, self._embedders, self._class_of, dense_weight=dense_weight, embedder=self._embedder
        )

    def reading(self, embedder: str) -> "Searcher":
        """The same search with the vectors of this embedder's generation, for measuring."""
        return Searcher(
            self._database, self._embedders, self._class_of, dense_weight=self._dense_weight, embedder=embedder
        )

    async def __call__(self, request: SearchRequest) -> Retrieval:
        """The best passages, best first, all of them live. Raises `NotFound` or `WrongEmbedder`."""
        knowledge_base, query = request.knowledge_base, request.queries[0]
        base = await self._base(knowledge_base)
        made_by = self._embedder or base["embedder"]
        embedder = await self._embedders.of(made_by, knowledge_base)
        vectors = await embedder.questions([query])
        rows = await self._database.rows(
            _SEARCH,
            {
                "base": base["id"],
                "terms": _query_terms(query, base["languages"]),
                "vector": vector_text(vectors[0]),
                "embedder": made_by,
                "weight": self._dense_weight,
                "k1": bm25.K1,
                "b": bm25.B,
                "top_k": request.top_k,
            },
        )
        data_class = self._class_of(knowledge_base)
        passages = tuple(_passage(row, knowledge_base, data_class) for row in rows if row["chunk_id"] is not None)
        return Retrieval(passages, _snapshot(knowledge_base, rows[0]["revision"]))

    async def snapshot(self, knowledge_base: str) -> str:
        """The state that a search would read now, as in `Retrieval.snapshot`; "" for a base without documents."""
        row = await self._database.row("SELECT revision FROM knowledge_base WHERE name = %s", [knowledge_base])
        return _snapshot(knowledge_base, row["revision"]) if row else ""

    async def _base(self, name: str) -> Row:
        row = await self._database.row("SELECT id, embedder, languages FROM knowledge_base WHERE name = %s", [name])
        if row is None:
            raise NotFound(
                f"expected a knowledge base with documents; found none named {name!r}",
                hint=f"steadyhand ingest {name}",
            )
        return row


def _snapshot(knowledge_base: str, revision: int) -> str:
    return f"{knowledge_base}@{revision}"


def _query_terms(query: str, languages: Iterable[str]) -> list[str]:
    """The question's terms as they are in documents of each of the base's languages."""
    found = [term for language in languages for term in terms(query, language)]
    return list(dict.fromkeys(found))


def _passage(row: Row, knowledge_base: str, data_class: DataClass) -> Passage:
    return Passage(
        chunk_id=row["chunk_id"],
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
        score=row["score"],
        bm25=row["bm25"],
        similarity=row["similarity"],
    )


_SEARCH = """
WITH base AS MATERIALIZED (
    SELECT id, revision, chunk_count::float8 AS chunks,
        term_count::float8 / greatest(chunk_count, 1) AS mean_terms
    FROM knowledge_base WHERE id = %(base)s
), hit AS MATERIALIZED (
    SELECT chunk_id, term, frequency::float8, term_count::float8
    FROM posting WHERE base_id = %(base)s AND term = ANY(%(terms)s)
), weight AS MATERIALIZED (
    SELECT term, ln(1 + (chunks - count(*) + 0.5::float8) / (count(*) + 0.5::float8)) AS idf
    FROM hit, base GROUP BY term, chunks
), lexical AS (
    SELECT chunk_id, sum(
        idf * frequency * (%(k1)s::float8 + 1)
        / (frequency + %(k1)s::float8 * (1 - %(b)s::float8 + %(b)s::float8 * term_count / mean_terms))
    ) AS bm25 FROM hit JOIN weight USING (term), base GROUP BY chunk_id
), scored AS MATERIALIZED (
    SELECT c.id, coalesce(l.bm25, 0) AS bm25, -(e.vector <#> %(vector)s::halfvec) AS similarity
    FROM chunk c JOIN embedding e ON e.embedder = %(embedder)s AND e.text_hash = c.text_hash
    LEFT JOIN lexical l ON l.chunk_id = c.id WHERE c.base_id = %(base)s
), span AS (
    SELECT max(bm25) AS bm25_max, min(similarity) AS least, max(similarity) AS most FROM scored
), best AS (
    SELECT id, bm25, similarity,
        %(weight)s::float8 * coalesce((similarity - least) / nullif(most - least, 0), 1)
        + (1 - %(weight)s::float8) * coalesce(bm25 / nullif(bm25_max, 0), 0) AS score
    FROM scored, span ORDER BY score DESC, id LIMIT %(top_k)s
)
SELECT base.revision, best.id AS chunk_id, best.score, best.bm25, best.similarity,
    c.version_id, c.page, c.section, c.start, c.stop, c.body, v.title, d.path
FROM base LEFT JOIN best ON true LEFT JOIN chunk c ON c.id = best.id
LEFT JOIN document_version v ON v.id = c.version_id LEFT JOIN document d ON d.id = v.document_id
ORDER BY best.score DESC, best.id
"""
