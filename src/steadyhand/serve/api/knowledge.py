"""Knowledge bases: what is in them, searching them, what wants a look, and bringing their sources in."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import Query
from fastapi.responses import JSONResponse, Response

from steadyhand.knowledge.ingest.following import Progress
from steadyhand.knowledge.ingest.upkeep import Asked
from steadyhand.serve import care
from steadyhand.serve.api.lines import lines
from steadyhand.serve.request import BaseName, Caller, Conditions, Now, Opened
from steadyhand.types.search import Finish, SearchRequest
from steadyhand.types.wire import plain
from steadyhand.workspace import AsyncWorkspace

_NAME = r"[\w-][\w.-]*"
_RERANKER = rf"^({_NAME}(:{_NAME}(/{_NAME})*)?)?$"  # a folder of the local models, and none outside


async def index(workspace: Opened, caller: Caller) -> Response:
    """All knowledge bases with how much the caller may see in each."""
    return JSONResponse({"knowledge_bases": plain(await workspace.knowledge.bases(caller))})


async def show(
    kb: BaseName,
    workspace: Opened,
    caller: Caller,
    now: Now,
    *,
    after: Annotated[str, Query(max_length=2_000, description="only documents behind this path")] = "",
    containing: Annotated[str, Query(max_length=200, description="a part of the path or title")] = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Response:
    """The live documents of a base that the caller may see, by path, and the files that could not be read.

    `next` is the `after` of the next page, "" on the last one; the failures are on the first.
    """
    base = await workspace.knowledge.base(kb, caller)
    found = await workspace.knowledge.documents(kb, caller, after=after, containing=containing, limit=limit + 1)
    failures = [] if after else await workspace.knowledge.failures(kb, caller)
    documents = [{**row, "is_stale": care.is_stale(row["review_by"], now)} for row in found[:limit]]
    return JSONResponse(
        {
            "base": plain(base),
            "documents": plain(documents),
            "failures": plain(failures),
            "next": found[limit - 1]["path"] if len(found) > limit else "",
        }
    )


async def search(
    kb: BaseName,
    workspace: Opened,
    caller: Caller,
    *,
    q: Annotated[str, Query(max_length=2_000, pattern=r"\S")],
    top_k: Annotated[int, Query(ge=1, le=100)] = 8,
    where: Conditions,
    as_of: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="a revision of the base")] = None,
    rerank: Annotated[
        str, Query(max_length=200, pattern=_RERANKER, description="`lexical`, or `onnx:` and a local model")
    ] = "",
    max_tokens: Annotated[int | None, Query(ge=1, le=1_000_000, description="of all passages together")] = None,
) -> Response:
    """The best passages that the caller may see, best first, and the snapshot they were read from.

    `filter` is what the documents' metadata must say: `{"department": "hr", "year": {"gte": 2024}}`. `as_of`
    searches the base as it was at that revision, the number in a snapshot.
    """
    request = SearchRequest(
        knowledge_base=kb,
        queries=(q,),
        principal=caller,
        top_k=top_k,
        where=where,
        as_of=as_of,
        finish=Finish(rerank=rerank, max_tokens=max_tokens),
    )
    return JSONResponse(plain(await workspace.finder(request)))


async def sources(kb: BaseName, workspace: Opened, caller: Caller) -> Response:
    """Where the documents of a base come from: when they were looked at, when they will be, what became of them."""
    found = await workspace.upkeep.followed(kb)
    if not found:
        await workspace.knowledge.base(kb, caller)
    return JSONResponse({"sources": plain(found)})


async def report(kb: BaseName, workspace: Opened, caller: Caller) -> Response:
    """What wants a look: documents that are stale, failed, never retrieved, duplicates or contradict each other;
    sources that are overdue; questions that found little. Of documents that the caller may not see it says nothing.
    """
    return JSONResponse(plain(await care.report(workspace, caller, kb)))


async def sync(kb: BaseName, workspace: Opened, *, allow_removals: bool = False) -> Response:
    """Bring the declared sources in. One JSON line for each changed document when it is in, then a line `finished`.

    A job does it: it goes on when the stream breaks off, and when the server dies another one takes it over.
    `finished` counts the unchanged documents, too. Sources whose documents are mostly gone are refused
    (`source.vanished`) unless `allow_removals`.
    """
    asked = await workspace.upkeep.ask(kb, allow_removals=allow_removals)
    return await lines(_followed(workspace, asked), lambda: workspace.upkeep.outcomes(asked))


async def _followed(workspace: AsyncWorkspace, asked: Sequence[Asked]) -> AsyncIterator[Progress]:
    for source in asked:
        async for step in workspace.upkeep.follow(source):
            yield step
