"""The search behind every door: candidates, put into order, each once, with their sections, within a budget."""

from dataclasses import replace
from typing import Protocol

from steadyhand.knowledge.search.diversity import unlike
from steadyhand.knowledge.search.rerank import Rerankers, reranked
from steadyhand.knowledge.search.sections import expanded, sections, within
from steadyhand.storage import Database
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.ports import Ask
from steadyhand.types.search import AS_FOUND, Finish, SearchRequest

_SPARE = 2
"""Candidates for each passage that is wanted, where some may be left out."""


class Candidates(Protocol):
    """The best passages as they are found, best first; `request.finish` means nothing to it."""

    async def __call__(self, request: SearchRequest) -> Retrieval: ...


class Finder:
    """Finishes what `search` finds as the request says; without a wish it is exactly what `search` finds."""

    def __init__(self, search: Candidates, rerankers: Rerankers, database: Database) -> None:
        self._search = search
        self._rerankers = rerankers
        self._database = database

    async def __call__(self, request: SearchRequest, ask: Ask | None = None) -> Retrieval:
        """The best passages, best first. Raises like `search`, and like `Rerankers.of`."""
        finish = request.finish
        if finish == AS_FOUND:
            return await self._search(request)
        rerank = await self._rerankers.of(finish.rerank) if finish.rerank else None
        wanted = max(request.top_k * _SPARE, rerank.candidates if rerank else 0)
        found = await self._search(replace(request, top_k=wanted, finish=AS_FOUND))
        passages = list(found.passages)
        if rerank is not None:
            passages = await reranked(rerank, request.queries[0], passages, ask)
        if finish.diversity is not None:
            passages = unlike(passages, finish.diversity, request.top_k)
        passages = await self._fitted(within(passages[: request.top_k], finish.max_tokens), finish)
        return replace(found, passages=tuple(passages))

    async def _fitted(self, passages: list[Passage], finish: Finish) -> list[Passage]:
        if not finish.expand or not passages:
            return passages
        return expanded(passages, await sections(self._database, passages), finish.max_tokens)
