"""The best passages of a knowledge base: what words and vectors say, added up on one scale (docs/adr/0016).

Both legs propose candidates and score all of them. Whatever they propose, and from whatever memory: a passage is
given only when the statement that reads it finds it live and the caller allowed to see it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from steadyhand.errors import UsageError
from steadyhand.knowledge.embedding.embedders import Embedder, Embedders, LocalEmbedder
from steadyhand.knowledge.index import filters
from steadyhand.knowledge.index.lexical import Lexical, Slots
from steadyhand.knowledge.index.nearby import Nearby
from steadyhand.knowledge.index.postings import Postings
from steadyhand.knowledge.index.snapshots import Snapshot, Snapshots
from steadyhand.knowledge.search import dense
from steadyhand.knowledge.search.dense import Candidates, Wanted
from steadyhand.knowledge.search.fusion import Leg, best_of, dense_share, fused
from steadyhand.knowledge.search.matrices import Matrices
from steadyhand.knowledge.search.passages import COLUMNS, Score, passage
from steadyhand.knowledge.search.scopes import NOW, PAST, Scope, Scopes
from steadyhand.knowledge.visible import sees
from steadyhand.language import pieces
from steadyhand.language.detect import UNKNOWN, language_of
from steadyhand.language.words import terms
from steadyhand.storage import Database
from steadyhand.types.passage import Retrieval
from steadyhand.types.ports import ClassOf, Vectors
from steadyhand.types.search import SearchRequest

P = ParamSpec("P")
Result = TypeVar("Result")

_CANDIDATES = 100
"""Chunks that each leg proposes, at least; four for each passage that is wanted when that is more."""

_SPARE = 2  # chunks read for each passage that is wanted: one may have died meanwhile
_MOST_TERMS = 64  # of a question, for each language; a longer one is cut
_MOST_WORDINGS = 8
_SMALL = 2_000  # chunks of a base whose scores take tenths of a millisecond
_TRIES = 3  # while documents come and go


class Searcher:
    """Searches the bases of a workspace. `class_of` gives a base's data class.

    `dense_weight` in [0, 1] is the share of the vectors in the score: 0 is BM25 alone, 1 the vectors alone; with
    None the language of the question decides. `embedder` is the id of the embedder whose vectors are read; ""
    reads those of the base's active generation. `nearby` asks the vector stores of bases that have one.
    """

    def __init__(
        self,
        database: Database,
        embedders: Embedders,
        class_of: ClassOf,
        *,
        dense_weight: float | None = None,
        embedder: str = "",
        nearby: Nearby | None = None,
    ) -> None:
        self._database = database
        self._embedders = embedders
        self._class_of = class_of
        self._dense_weight = dense_weight
        self._embedder = embedder
        self._nearby = nearby
        self._snapshots = Snapshots(database)
        self._scopes = Scopes(database)
        self._postings = Postings(database)
        self._matrices = Matrices(database)
        self._shares: dict[tuple[str, str], float] = {}
        self._last: WeakValueDictionary[str, LocalEmbedder] = WeakValueDictionary()

    def weighted(self, dense_weight: float | None) -> "Searcher":
        """The same search with another share of the vectors, for measuring."""
        return self._changed(dense_weight, self._embedder)

    def reading(self, embedder: str) -> "Searcher":
        """The same search with the vectors of this embedder's generation, for measuring."""
        return self._changed(self._dense_weight, embedder)

    async def __call__(self, request: SearchRequest) -> Retrieval:
        """The best passages, best first, all of them live and visible to the request's principal.

        With `as_of` they are those that were live then, as far as the principal may see them now. Raises `NotFound`
        for a base or a revision that is not there, `InvalidInput` for conditions that cannot be, `WrongEmbedder`,
        and what embedding raises.
        """
        if not 1 <= len(request.queries) <= _MOST_WORDINGS:
            raise UsageError(f"expected 1 to {_MOST_WORDINGS} wordings of a question; found {len(request.queries)}")
        filters.clause(request.where)  # what cannot be asked is said before anything is asked
        likely = self._last.get(request.knowledge_base)
        known, vectors = await asyncio.gather(self._known(request, self._embedder), _embedded(likely, request))
        if vectors is None or known.embedder is not likely:
            vectors = await known.embedder.questions(request.queries)
            self._remember(request.knowledge_base, known.embedder)
        retrieval, is_whole = await self._found(request, known, vectors)
        for _ in range(_TRIES - 1):
            if is_whole:
                break
            known = await self._known(request, known.snapshot.embedder)
            retrieval, is_whole = await self._found(request, known, vectors)
        return retrieval

    async def snapshot(self, knowledge_base: str) -> str:
        """The state that a search would read now, as in `Retrieval.snapshot`; "" for a base without documents."""
        return await self._snapshots.id(knowledge_base)

    def _changed(self, dense_weight: float | None, embedder: str) -> "Searcher":
        return Searcher(
            self._database,
            self._embedders,
            self._class_of,
            dense_weight=dense_weight,
            embedder=embedder,
            nearby=self._nearby,
        )

    async def _snapshot(self, request: SearchRequest, embedder: str) -> Snapshot:
        return await self._snapshots.of(request.knowledge_base, request.as_of, embedder)

    def _remember(self, knowledge_base: str, embedder: Embedder) -> None:
        """The next question is embedded before it is known whose vectors the base has then: here, never abroad.

        Weakly: when the embedder has to make room for others, nothing here holds its model in memory.
        """
        self._last.pop(knowledge_base, None)
        if isinstance(embedder, LocalEmbedder):
            self._last[knowledge_base] = embedder

    async def _known(self, request: SearchRequest, embedder_id: str) -> "_Known":
        """What is known before the question has a vector."""
        snapshot = await self._snapshot(request, embedder_id)
        embedder = await self._embedders.of(snapshot.embedder, request.knowledge_base)
        share, (snapshot, words) = await asyncio.gather(
            self._share(snapshot, embedder, request.queries[0]), self._words(snapshot, request)
        )
        scope = await self._scopes.of(snapshot, request)
        count = max(_CANDIDATES, 4 * request.top_k)
        best = await _scored(snapshot, _proposed, words, snapshot, scope, count)
        return _Known(snapshot, embedder, share, words, scope, best, count)

    async def _found(self, request: SearchRequest, known: "_Known", vectors: Vectors) -> tuple[Retrieval, bool]:
        """What is found, and whether the base was the same from the first read to the last.

        When it was not, what died meanwhile is missing, and so is what took its place.
        """
        snapshot = known.snapshot
        wanted = Wanted(snapshot=snapshot, vectors=vectors, words=known.best, scope=known.scope, count=known.count)
        candidates = await self._candidates(request, wanted)
        ranked = await _scored(snapshot, _ranked, candidates, known.words, known.share, request.top_k * _SPARE)
        return await self._read(snapshot, request, ranked)

    async def _candidates(self, request: SearchRequest, wanted: Wanted) -> Candidates:
        """From memory, from the base's vector store or from PostgreSQL."""
        if self._nearby is not None and self._nearby.serves(request.knowledge_base):
            return await dense.candidates(self._database, wanted, partial(self._nearby, wanted.snapshot, request))
        if (matrix := await self._matrices.of(wanted.snapshot, wanted.scope)) is not None:
            return await _scored(wanted.snapshot, matrix.candidates, wanted)
        return await dense.candidates(self._database, wanted)

    async def _words(self, snapshot: Snapshot, request: SearchRequest) -> tuple[Snapshot, list[Lexical]]:
        """What the words of each wording say, and the snapshot again: segments may have been merged meanwhile."""
        asked = [_terms(query, snapshot.languages) for query in request.queries]
        every = list(dict.fromkeys(term for query in asked for term in query))
        while (blocks := await self._postings.of(snapshot.segments, every, snapshot.forgotten)) is None:
            snapshot = await self._snapshot(request, snapshot.embedder)
        held = blocks
        return snapshot, [
            Lexical({term: held[term] for term in query}, snapshot.statistics, snapshot.alive) for query in asked
        ]

    async def _share(self, snapshot: Snapshot, embedder: Embedder, question: str) -> float:
        """The share of the vectors, by how well the embedder knows the question's language."""
        if self._dense_weight is not None:
            return self._dense_weight
        language = language_of(question)
        if language == UNKNOWN and len(snapshot.languages) == 1:
            language = snapshot.languages[0]
        text = pieces.sample(language, question)
        key = snapshot.embedder, language
        if text == question or key not in self._shares:
            counts = await embedder.count_tokens([text])
            self._shares[key] = dense_share(pieces.per_word(text, counts[0]) if counts else 1.0)
        return self._shares[key]

    async def _read(
        self, snapshot: Snapshot, request: SearchRequest, ranked: Mapping[int, Score]
    ) -> tuple[Retrieval, bool]:
        condition, values = filters.clause(request.where)
        rows = await self._database.rows(
            _PASSAGES.format(is_there=PAST if snapshot.is_past else NOW, condition=condition),
            {
                "base": snapshot.base_id,
                "revision": snapshot.revision,
                "ids": list(ranked),
                "sees": sees(request.principal),
                "top_k": request.top_k,
                **values,
            },
        )
        data_class = self._class_of(request.knowledge_base)
        passages = [
            passage(row, request.knowledge_base, data_class, ranked[row["id"]])
            for row in rows
            if row["id"] is not None
        ]
        is_whole = snapshot.is_past or bool(rows and rows[0]["revision"] == snapshot.revision)
        return Retrieval(tuple(passages), snapshot.id), is_whole


@dataclass(frozen=True, slots=True)
class _Known:
    """A base as it is searched, what the words of each wording say about it, and the chunks they are best for.

    `share` is that of the vectors in the score.
    """

    snapshot: Snapshot
    embedder: Embedder
    share: float
    words: Sequence[Lexical]
    scope: Scope | None
    best: Slots
    count: int


async def _embedded(embedder: Embedder | None, request: SearchRequest) -> Vectors | None:
    return await embedder.questions(request.queries) if embedder is not None else None


def _terms(query: str, languages: Sequence[str]) -> list[str]:
    """The question's terms as they are in documents of each of the base's languages."""
    found = [term for language in languages for term in terms(query, language)[:_MOST_TERMS]]
    return list(dict.fromkeys(found))


async def _scored(snapshot: Snapshot, score: Callable[P, Result], *of: P.args, **named: P.kwargs) -> Result:
    """What `score` gives: for a small base at once, sooner than another thread would begin."""
    if snapshot.slot_count <= _SMALL:
        return score(*of, **named)
    return await asyncio.to_thread(score, *of, **named)


def _proposed(words: Sequence[Lexical], snapshot: Snapshot, scope: Scope | None, count: int) -> Slots:
    """The chunks that the words of each wording are best for. Blocks."""
    reachable = snapshot.alive if scope is None else scope.mask
    best = [wording.best(count, snapshot.slot_count, reachable) for wording in words]
    return np.unique(np.concatenate(best))


def _ranked(candidates: Candidates, words: Sequence[Lexical], share: float, count: int) -> dict[int, Score]:
    """The scores of the `count` best candidates by chunk, best first; of equals the older one. Blocks."""
    if not candidates.ids:
        return {}
    legs = [
        Leg(wording.of(candidates.slots).astype(np.float64), similarity, float(least))
        for wording, similarity, least in zip(words, candidates.similarities, candidates.least, strict=True)
    ]
    scores, by = best_of([fused(leg, share) for leg in legs])
    order = np.lexsort((candidates.slots, -scores))[:count]
    bm25 = np.stack([leg.bm25 for leg in legs])[by[order], order]
    similarity = np.nan_to_num(candidates.similarities[by[order], order])
    said = zip(scores[order].tolist(), bm25.tolist(), similarity.tolist(), strict=True)
    return {candidates.ids[at]: Score(*three) for at, three in zip(order.tolist(), said, strict=True)}


_PASSAGES = f"""
SELECT b.revision, p.* FROM knowledge_base b LEFT JOIN LATERAL (
    SELECT {COLUMNS}, ranked.rank
    FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS ranked(id, rank)
    CROSS JOIN LATERAL (SELECT * FROM chunk WHERE chunk.id = ranked.id AND chunk.base_id = %(base)s OFFSET 0) AS c
    JOIN document_version v ON v.id = c.version_id JOIN document d ON d.id = v.document_id
    WHERE {{is_there}} AND {{condition}} ORDER BY ranked.rank LIMIT %(top_k)s
) AS p ON true WHERE b.id = %(base)s ORDER BY p.rank
"""
