"""The vectors of a knowledge base: which embedders made them, and changing the one that searches read."""

from fastapi.responses import JSONResponse, Response

from steadyhand.knowledge import gold
from steadyhand.serve.api.lines import lines
from steadyhand.serve.request import BaseName, Caller, Opened
from steadyhand.types.wire import plain


async def show(kb: BaseName, workspace: Opened) -> Response:
    """The vectors of a base, one entry for each embedder, and how its gold questions fared with them.

    `is_reindexing` says whether a job makes vectors now, or waits to.
    """
    found = await workspace.generations.of(kb)
    scores = await gold.history(workspace.database, kb)
    is_reindexing = await workspace.reindexes.is_asked_for(kb)
    return JSONResponse({"generations": plain(found), "scores": plain(scores), "is_reindexing": is_reindexing})


async def reindex(
    kb: BaseName,
    workspace: Opened,
    caller: Caller,
    *,
    embedder: str = "",
    anyway: bool = False,
    switch: bool = False,
    background: bool = False,
) -> Response:
    """Make the vectors of `embedder`, measure them on the gold questions, and switch searches to them.

    One JSON line for each step, `done` of `total` passages, then a line `finished`. Broken off, it goes on when it
    is asked for again. Searches are not switched when scores fall, unless `anyway`, nor without gold questions,
    unless `switch`. With `background` a job does all that, and the answer is 202 at once.
    """
    if background:
        made = await workspace.reindexes.ask(kb, name=embedder, anyway=anyway, unmeasured=switch)
        return JSONResponse({"knowledge_base": kb, "embedder": made}, status_code=202)
    reindexing = workspace.reindexing(kb)
    return await lines(
        reindexing.build(embedder),
        lambda: reindexing.finish(caller, name=embedder, anyway=anyway, unmeasured=switch),
    )


async def rollback(kb: BaseName, workspace: Opened) -> Response:
    """Let searches read the vectors again that they read before the last switch. Nothing is computed."""
    return JSONResponse({"vectors": await workspace.generations.rollback(kb)})


async def reclaim(kb: BaseName, workspace: Opened) -> Response:
    """Delete the vectors that searches do not read. After that there is nothing to roll back to."""
    return JSONResponse({"deleted": await workspace.generations.reclaim(kb)})
