"""Brings a knowledge base to another embedder: builds vectors, measures both, and switches when nothing is lost."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from steadyhand.jobs.queue import Arguments, Jobs
from steadyhand.knowledge import gold
from steadyhand.knowledge.generations import Built, Generations, Reason
from steadyhand.knowledge.gold import Find, GoldQuestion, Scores
from steadyhand.storage import Database
from steadyhand.types.run import Principal

_log = logging.getLogger(__name__)

REINDEX = "knowledge.reindex"
"""The task that re-indexes a base: `base`, `name` of the embedder, `anyway`, `unmeasured`."""

TOLERANCE = 0.005
"""How far a score may fall: what a bench of thousands of questions sees between two equally good embedders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindexed:
    """`before` and `after` are None without gold questions. `losses` say which scores fell, and how far."""

    was: str
    became: str
    before: Scores | None
    after: Scores | None
    losses: tuple[str, ...]
    is_switched: bool
    reason: str


class Reindex:
    """Of one base. `reading` gives the search by the vectors of an embedder; `questions` are its gold questions."""

    def __init__(
        self,
        database: Database,
        generations: Generations,
        reading: Callable[[str], Find],
        base: str,
        questions: Sequence[GoldQuestion],
    ) -> None:
        self._database = database
        self._generations = generations
        self._reading = reading
        self._base = base
        self._questions = questions

    @property
    def is_measurable(self) -> bool:
        """Are there gold questions?"""
        return bool(self._questions)

    @property
    def sources(self) -> frozenset[str]:
        """The documents that hold the answers, as the gold questions name them."""
        return frozenset(target.source for question in self._questions for target in question.targets)

    async def begin(self, name: str = "") -> str:
        """Have documents get the new vectors as they come in; returns the embedder's id. Raises `NotFound`."""
        return await self._generations.begin(self._base, name)

    async def build(self, name: str = "") -> AsyncIterator[Built]:
        """Make the vectors of the embedder that the settings call `name`, by default the one they want.

        Started again after it was broken off, it goes on with what is missing. Raises like `Generations.build`.
        """
        made = await self.begin(name)
        async for built in self._generations.build(self._base, made):
            yield built

    async def measured(self, embedder: str, principal: Principal) -> Scores | None:
        """How the gold questions fare with these vectors, which is kept; None without questions."""
        if not self._questions:
            return None
        scores = await gold.evaluate(self._reading(embedder), self._base, self._questions, principal)
        await gold.keep(self._database, self._base, embedder, scores)
        return scores

    async def finish(
        self, principal: Principal, *, name: str = "", anyway: bool = False, unmeasured: bool = False
    ) -> Reindexed:
        """Measure the old vectors and the new ones, and let searches read the new ones unless that loses something.

        `anyway` switches although scores fall, `unmeasured` where there are no gold questions; both are kept with
        the switch. Raises `UsageError` when the new vectors are not complete.
        """
        was = (await self._generations.of(self._base))[0].embedder
        became = await self.begin(name)
        if became == was:
            return Reindexed(
                was=was, became=became, before=None, after=None, losses=(), is_switched=False,
                reason="searches read these vectors already",
            )  # fmt: skip
        before, after = await self.measured(was, principal), await self.measured(became, principal)
        losses = lost(before, after) if before and after else ()
        reason = _reason(self._questions, losses, anyway=anyway, unmeasured=unmeasured)
        if reason is not None:
            await self._generations.switch(self._base, became, reason)
        return Reindexed(
            was=was, became=became, before=before, after=after, losses=losses, is_switched=reason is not None,
            reason=reason or _why_not(losses),
        )  # fmt: skip


class Reindexing:
    """Of all bases, by jobs: one that was killed goes on where it stopped. `of` gives a base's; `principal` asks.

    What became of one is in the log, and in the base's generations and scores.
    """

    def __init__(self, jobs: Jobs, of: Callable[[str], Reindex], principal: Principal) -> None:
        self._jobs = jobs
        self._of = of
        self._principal = principal
        jobs.add(REINDEX, self._job)

    async def ask(self, base: str, *, name: str = "", anyway: bool = False, unmeasured: bool = False) -> str:
        """Have a base brought to the embedder wherever a job is free, with the choices of `Reindex.finish`.

        One that waits already counts. Returns the embedder's id. Raises `NotFound`, `InvalidInput` for faulty gold
        questions, `DatabaseUnavailable`.
        """
        embedder = await self._of(base).begin(name)
        arguments: Arguments = {"base": base, "name": name, "anyway": anyway, "unmeasured": unmeasured}
        await self._jobs.defer(REINDEX, arguments, key=_key(base))
        return embedder

    async def is_asked_for(self, base: str) -> bool:
        """Does a job for the base wait, or is it being done?"""
        return await self._jobs.is_open(_key(base))

    async def _job(self, arguments: Arguments) -> None:
        base, name = str(arguments["base"]), str(arguments["name"])
        reindex = self._of(base)
        async for _ in reindex.build(name):
            pass
        anyway, unmeasured = arguments["anyway"] is True, arguments["unmeasured"] is True
        done = await reindex.finish(self._principal, name=name, anyway=anyway, unmeasured=unmeasured)
        if done.is_switched:
            _log.info("%s: searches read the vectors of %s now (%s)", base, done.became, done.reason)
        else:
            _log.warning("%s: searches still read the vectors of %s: %s", base, done.was, done.reason)


def _key(base: str) -> str:
    return f"{REINDEX} {base}"


def lost(before: Scores, after: Scores) -> tuple[str, ...]:
    """The scores that fell by more than `TOLERANCE`, as `nDCG@10 0.912 -> 0.871`."""
    pairs = [("nDCG@10", before.ndcg, after.ndcg), ("recall@10", before.recall, after.recall)]
    if before.span_recall is not None and after.span_recall is not None:
        pairs.append(("span recall", before.span_recall, after.span_recall))
    return tuple(f"{name} {old:.3f} -> {new:.3f}" for name, old, new in pairs if new < old - TOLERANCE)


def _reason(
    questions: Sequence[GoldQuestion], losses: Sequence[str], *, anyway: bool, unmeasured: bool
) -> Reason | None:
    """Why the new vectors are switched on; None when they are not."""
    if not questions:
        return "not measured" if unmeasured or anyway else None
    if losses:
        return "worse, wanted anyway" if anyway else None
    return "not worse"


def _why_not(losses: Sequence[str]) -> str:
    return f"scores fell: {', '.join(losses)}" if losses else "there are no gold questions to measure by"
