"""One knowledge base: what a question finds in it, its sources, its documents, and what could not be read."""

from typing import Annotated

from fastapi import Query

from steadyhand.errors import InvalidInput
from steadyhand.knowledge.ingest.uploads import ORIGIN
from steadyhand.serve import care
from steadyhand.serve.console.pages import knowledge
from steadyhand.serve.request import BaseName, Caller, Now, Opened, conditions_of
from steadyhand.types.labels import EVERYONE
from steadyhand.types.passage import Retrieval
from steadyhand.types.run import Principal
from steadyhand.types.search import SearchRequest
from steadyhand.workspace import AsyncWorkspace

PATH = "/console/knowledge/{kb}"

_TOP = 8
_PAGE = 100


async def page(
    kb: BaseName,
    workspace: Opened,
    caller: Caller,
    now: Now,
    *,
    q: Annotated[str, Query(max_length=2_000)] = "",
    filter_: Annotated[str, Query(alias="filter", max_length=10_000)] = "",
    containing: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str, Query(max_length=2_000)] = "",
) -> dict[str, object]:
    """What is in a base, as far as the caller may see it, a page of documents at a time."""
    base = await workspace.knowledge.base(kb, caller)
    sources = await workspace.upkeep.followed(kb)
    documents = await workspace.knowledge.documents(kb, caller, after=after, containing=containing, limit=_PAGE + 1)
    found, problem = await _found(workspace, caller, kb, q, filter_)
    return {
        "base": base,
        "line": knowledge.line(base, sources),
        "sources": sources,
        "generations": await workspace.generations.of(kb),
        "documents": [{**row, "is_stale": care.is_stale(row["review_by"], now)} for row in documents[:_PAGE]],
        "next": documents[_PAGE - 1]["path"] if len(documents) > _PAGE else "",
        "failures": await workspace.knowledge.failures(kb, caller),
        "everyone": EVERYONE,
        "uploads": ORIGIN,
        "q": q,
        "filter": filter_,
        "containing": containing,
        "after": after,
        "found": found,
        "problem": problem,
        "today": now.date(),
    }


async def _found(
    workspace: AsyncWorkspace, caller: Principal, base: str, question: str, filter_: str
) -> tuple[Retrieval | None, InvalidInput | None]:
    """What the question finds, or what is wrong with the filter; neither without a question."""
    if not question.strip():
        return None, None
    try:
        where = await conditions_of(filter_.strip())
    except InvalidInput as problem:
        return None, problem
    request = SearchRequest(knowledge_base=base, queries=(question,), principal=caller, top_k=_TOP, where=where)
    return await workspace.finder(request), None
