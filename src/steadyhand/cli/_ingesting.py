"""Brings documents in and shows how it goes."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from steadyhand.cli._figures import count
from steadyhand.cli._terminal import Terminal
from steadyhand.errors import NotFound, SteadyhandError
from steadyhand.knowledge.erase import erase_base, erase_documents
from steadyhand.knowledge.ingest.following import Outcome, Progress
from steadyhand.tables.sources import SourceSettings
from steadyhand.workspace import AsyncWorkspace

_LISTED = 10  # skipped files that are named one by one
_EXTENSIONS = 5
_MIN_RATE_S = 0.5  # a rate over less time says little


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of the documents of one knowledge base. `problems`: those that failed or were skipped."""

    knowledge_base: str
    documents: dict[Outcome, int]
    passages: int
    seconds: float
    problems: tuple[Progress, ...]

    @property
    def failed(self) -> int:
        return self.documents.get("failed", 0)


async def ingest(
    terminal: Terminal,
    workspace: AsyncWorkspace,
    base: str,
    sources: Sequence[SourceSettings] = (),
    *,
    allow_removals: bool = False,
    labels_only: bool = False,
) -> Ingested:
    """Bring the sources, by default the declared ones, into the base, with a bar.

    When another process brings one in already, its bar is shown first. With `labels_only`, what was handed in has
    its labels applied as well, unless sources are named.
    """
    began_s = time.monotonic()
    outcomes: Counter[Outcome] = Counter()
    problems: list[Progress] = []
    passages = 0
    handed_in = await workspace.uploads.source(base) if labels_only and not sources else None
    if handed_in is not None:
        await workspace.upkeep.bring(base, handed_in, labels_only=True)
    for source in sources or _declared(workspace, base, has_others=handed_in is not None):
        await _wait_for_another(terminal, workspace, base, source)
        steps = workspace.upkeep.sync(base, source, allow_removals=allow_removals, labels_only=labels_only)
        from_s, before = time.monotonic(), passages
        with terminal.progress(_title(base, source)) as advance:
            async for progress in steps:
                outcomes[progress.outcome] += 1
                passages += progress.passages
                if progress.outcome in ("failed", "skipped"):
                    problems.append(progress)
                advance(progress.done, progress.total, _note(passages - before, time.monotonic() - from_s))
    return Ingested(base, dict(outcomes), passages, time.monotonic() - began_s, tuple(problems))


def _declared(workspace: AsyncWorkspace, base: str, *, has_others: bool) -> Sequence[SourceSettings]:
    """The declared sources, else the folder of the base, which need not be there where it has other documents."""
    try:
        return workspace.upkeep.sources(base)
    except NotFound:
        if not has_others or workspace.upkeep.intervals(base):
            raise
        return ()


async def ask(workspace: AsyncWorkspace, base: str, *, allow_removals: bool) -> int:
    """Leave the declared sources to `steadyhand up`; how many there are."""
    return len(await workspace.upkeep.ask(base, allow_removals=allow_removals))


async def _wait_for_another(
    terminal: Terminal, workspace: AsyncWorkspace, base: str, source: SourceSettings
) -> None:
    running = await workspace.upkeep.running(base, source)
    if running is None:
        return
    with terminal.progress(f"Another process is ingesting {base}") as advance, suppress(SteadyhandError):
        async for progress in workspace.upkeep.follow(running):
            advance(progress.done, progress.total, "")


def _title(base: str, source: SourceSettings) -> str:
    name = PurePosixPath(source.place).name or source.place
    return f"Ingesting {base}" if name == base else f"Ingesting {name} into {base}"


async def erase(workspace: AsyncWorkspace, base: str, paths: Sequence[str]) -> int:
    """Delete documents by their paths inside the base, or without paths the whole base; how many there were."""
    if paths:
        erased = await erase_documents(workspace.database, base, paths)
    else:
        erased = await erase_base(workspace.database, base)
    await workspace.mirrors.after_sync(base)
    return erased


def report(terminal: Terminal, problems: Sequence[Progress]) -> None:
    """Name every document that failed, and those that were skipped when they are few."""
    skipped = [problem for problem in problems if problem.outcome == "skipped"]
    for problem in problems:
        if problem.outcome == "failed":
            terminal.complain(_line(problem))
    if len(skipped) > _LISTED:
        terminal.say(f"skipped {count(len(skipped), 'file')}: {_by_extension(skipped)}")
    else:
        for problem in skipped:
            terminal.say(_line(problem))


def _line(problem: Progress) -> str:
    """`failed  notes/empty.md: it has no text`; many a reason begins with the name itself."""
    reason = problem.reason.removeprefix(f"{problem.path}: ").removeprefix(f"{PurePosixPath(problem.path).name}: ")
    return f"{problem.outcome}  {problem.path}: {reason}"


def _by_extension(skipped: Sequence[Progress]) -> str:
    """`.py 40,000, .png 3,000 and 856 others`."""
    numbers = Counter(PurePosixPath(problem.path).suffix.lower() or "no extension" for problem in skipped)
    shown = numbers.most_common(_EXTENSIONS)
    others = len(skipped) - sum(number for _, number in shown)
    listed = ", ".join(f"{extension} {number:,}" for extension, number in shown)
    return f"{listed} and {others:,} others" if others else listed


def summary(ingested: Ingested) -> str:
    """`policies: 14 added, 3 unchanged, 180 passages`."""
    ended = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(ingested.documents.items()))
    made = f", {count(ingested.passages, 'passage')}" if ingested.passages else ""
    return f"{ingested.knowledge_base}: {ended or 'no documents'}{made}"


def _note(passages: int, seconds: float) -> str:
    rate = f" ({passages / seconds:,.0f}/s)" if passages and seconds >= _MIN_RATE_S else ""
    return f"{count(passages, 'passage')}{rate}" if passages else ""
