"""Runs as the ledger holds them."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import JSONResponse, Response

from steadyhand.serve import traces
from steadyhand.serve.request import Caller, Limit, Opened
from steadyhand.types.run import RunStatus
from steadyhand.types.wire import plain


async def index(
    workspace: Opened,
    *,
    feature: str | None = None,
    status: RunStatus | None = None,
    before: Annotated[str, Query(max_length=26, description="only runs older than this id")] = "",
    after: Annotated[str, Query(max_length=26, description="only runs newer than this id")] = "",
    limit: Limit = 50,
) -> Response:
    """The newest runs, newest first. Ids sort by time: the last id of a page is the `before` of the next."""
    runs = await workspace.ledger.tail(limit=limit, feature=feature, status=status, before=before, after=after)
    return JSONResponse({"runs": plain(runs)})


async def show(run_id: str, workspace: Opened, caller: Caller) -> Response:
    """One run with its steps, model calls, retrieved passages and verdicts. The end of an id is enough.

    Who may not see the documents that the run was made from may not see the run.
    """
    return JSONResponse(plain(await traces.trace(workspace, caller, run_id)))
