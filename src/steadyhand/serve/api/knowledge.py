"""Knowledge bases: what is in them, searching them, the page a citation points at, and bringing sources in."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from steadyhand.errors import SteadyhandError
from steadyhand.knowledge.following import Progress
from steadyhand.knowledge.upkeep import Asked
from steadyhand.serve.console import render
from steadyhand.serve.console.pages import document
from steadyhand.serve.request import BaseName, Caller, Offset, Opened, PageNumber, VersionId
from steadyhand.types.wire import error_json, plain
from steadyhand.workspace import AsyncWorkspace


async def index(workspace: Opened) -> Response:
    """All knowledge bases with what they hold."""
    return JSONResponse({"knowledge_bases": plain(await workspace.knowledge.bases())})


async def show(kb: BaseName, workspace: Opened, caller: Caller) -> Response:
    """The live documents of a base that the caller may see, and the files that could not be read."""
    base = await workspace.knowledge.base(kb)
    documents = await workspace.knowledge.documents(kb, caller)
    failures = await workspace.knowledge.failures(kb, caller)
    return JSONResponse({"base": plain(base), "documents": plain(documents), "failures": plain(failures)})


async def search(
    kb: BaseName,
    workspace: Opened,
    caller: Caller,
    q: Annotated[str, Query(min_length=1, max_length=2_000)],
    top_k: Annotated[int, Query(ge=1, le=100)] = 8,
) -> Response:
    """The best passages, best first, and the snapshot they were read from."""
    return JSONResponse(plain(await workspace.search(kb, q, principal=caller, top_k=top_k)))


async def page(
    request: Request,
    *,
    workspace: Opened,
    caller: Caller,
    kb: BaseName,
    path: str,
    page: PageNumber = 1,
    start: Offset = None,
    end: Offset = None,
    version: VersionId = None,
) -> Response:
    """The text of a page of a live document. `start` and `end` mark a span, in code points of the document.

    `version` shows the document as it was when that version of it was quoted.
    """
    shown = await document.page(workspace, caller, kb, path, page=page, start=start, end=end, version=version)
    if render.wants_page(request):
        return render.page(request, "document", shown)
    return JSONResponse(plain(shown))


async def sync(kb: BaseName, workspace: Opened, *, allow_removals: bool = False) -> Response:
    """Bring the declared sources in. One JSON line for each changed document when it is in, then a line `finished`.

    A job does it: it goes on when the stream breaks off, and when the server dies another one takes it over.
    `finished` counts the unchanged documents, too. Sources whose documents are mostly gone are refused
    (`source.vanished`) unless `allow_removals`.
    """
    asked = await workspace.upkeep.ask(kb, allow_removals=allow_removals)
    progress = _followed(workspace, asked)
    first = await anext(progress, None)  # what is wrong with the request is said before the stream begins
    return StreamingResponse(_lines(workspace, asked, first, progress), media_type="application/x-ndjson")


async def _followed(workspace: AsyncWorkspace, asked: Sequence[Asked]) -> AsyncIterator[Progress]:
    for source in asked:
        async for step in workspace.upkeep.follow(source):
            yield step


async def _lines(
    workspace: AsyncWorkspace, asked: Sequence[Asked], step: Progress | None, later: AsyncIterator[Progress]
) -> AsyncIterator[bytes]:
    try:
        while step is not None:
            yield _line(plain(step))
            step = await anext(later, None)
    except SteadyhandError as error:
        yield _line(error_json(error.code, str(error), hint=error.hint))
        return
    yield _line({"finished": await workspace.upkeep.outcomes(asked)})


def _line(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode() + b"\n"
