"""What wants a look in a base, for those who may see the documents that it is about."""

from dataclasses import replace
from datetime import date, datetime

from steadyhand.knowledge.care.report import Care
from steadyhand.types.passage import Contradiction
from steadyhand.types.run import Principal
from steadyhand.workspace import AsyncWorkspace


def is_stale(review_by: date | None, now: datetime) -> bool:
    """Is the day over by which somebody had to look at the document?"""
    return review_by is not None and review_by < now.date()


async def report(workspace: AsyncWorkspace, caller: Principal, base: str) -> Care:
    """The report without what the caller may not see: paths, quotes, and questions that found such documents.

    Raises `NotFound`. Seconds for thousands of documents.
    """
    found = await workspace.knowledge_report(base)
    if caller.sees is None:
        return found
    paths = {row["path"] for row in await workspace.knowledge.documents(base, caller)}
    failed = {row["path"] for row in await workspace.knowledge.failures(base, caller)}
    seen = await workspace.knowledge.seen({id_ for weak in found.weak for id_ in weak.versions}, caller)
    return replace(
        found,
        documents=len(paths),
        stale=tuple(each for each in found.stale if each.path in paths),
        failed=tuple(each for each in found.failed if each.path in failed),
        never_retrieved=tuple(path for path in found.never_retrieved if path in paths),
        duplicates=tuple(pair for pair in found.duplicates if {pair.first, pair.second} <= paths),
        contradictions=tuple(each for each in found.contradictions if _sources(each) <= paths),
        weak=tuple(each for each in found.weak if seen.issuperset(each.versions)),
        cut=(),  # it counts what may not be seen
    )


def _sources(found: Contradiction) -> set[str]:
    return {statement.source for statement in found.statements}
