"""The knowledge bases: what they hold, when they were looked at, and whether something is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from steadyhand.knowledge.contents import BaseSummary
from steadyhand.knowledge.ingest.following import SourceStatus
from steadyhand.knowledge.ingest.upkeep import Followed
from steadyhand.serve.request import Caller, Opened

PATH = "/console/knowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A base. `running` are the syncs under way, `wrong` is what somebody should look at, in words."""

    base: BaseSummary
    last_at: datetime | None
    next_at: datetime | None
    running: tuple[SourceStatus, ...]
    wrong: tuple[str, ...]


async def page(workspace: Opened, caller: Caller) -> dict[str, object]:
    """Counted is what the caller may see."""
    bases = await workspace.knowledge.bases(caller)
    return {"lines": [line(base, await workspace.upkeep.followed(base.name)) for base in bases]}


def line(base: BaseSummary, sources: Sequence[Followed]) -> Line:
    ended = [source.status.ended_at for source in sources if source.status and source.status.ended_at]
    due = [source.next_at for source in sources if source.next_at]
    return Line(
        base=base,
        last_at=max(ended, default=None),
        next_at=min(due, default=None),
        running=tuple(source.status for source in sources if source.is_running and source.status),
        wrong=tuple(_wrong(base, sources)),
    )


def _wrong(base: BaseSummary, sources: Sequence[Followed]) -> Iterator[str]:
    for source in sources:
        status = source.status
        if status is None:
            yield f"{source.place} was never looked at"
        elif status.state == "failed":
            yield f"{source.place}: {status.error}"
    if base.failed:
        yield f"{base.failed:,} {'file' if base.failed == 1 else 'files'} could not be read"
