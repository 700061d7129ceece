"""Puts candidates into a better order: which reranker, and what becomes of its scores."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast

from steadyhand import plugins
from steadyhand.types.passage import Passage
from steadyhand.types.ports import Ask


class Rerank(Protocol):
    """How relevant each of the passages is to the question, in [0, 1]; None leaves the order as it is."""

    @property
    def candidates(self) -> int:
        """Out of how many passages it is worth choosing: what it costs grows with them."""
        ...

    async def __call__(
        self, question: str, passages: Sequence[Passage], ask: Ask | None
    ) -> Sequence[float] | None: ...


class Rerankers:
    """The rerankers of a workspace, opened when they are first used. `threads` bounds those that compute."""

    def __init__(self, models_folder: Path, threads: int) -> None:
        self._models_folder = models_folder
        self._threads = threads
        self._opening: dict[str, asyncio.Task[Rerank]] = {}

    async def of(self, name: str) -> Rerank:
        """The reranker of a name such as `onnx:FOLDER`. Raises `NotFound`, `UsageError` or `ModelFilesError`."""
        opening = self._opening.get(name)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
            opening = self._opening[name] = asyncio.create_task(asyncio.to_thread(self._open, name))
        return await asyncio.shield(opening)

    def _open(self, name: str) -> Rerank:
        member, _, argument = name.partition(":")
        module = plugins.load("knowledge.rerankers", member)
        return cast("Rerank", module.open(argument, self._models_folder, self._threads))


async def reranked(rerank: Rerank, question: str, passages: Sequence[Passage], ask: Ask | None) -> list[Passage]:
    """The passages by the reranker's scores, best first; equal ones stay as they were."""
    scores = await rerank(question, passages, ask) if passages else None
    if scores is None:
        return list(passages)
    scored = [replace(passage, score=score) for passage, score in zip(passages, scores, strict=True)]
    return sorted(scored, key=lambda passage: -passage.score)
