"""Single documents: their pages as text and as pictures, handing them in, and deleting them."""

import hashlib
import re
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response

from steadyhand.errors import InvalidInput, NotFound
from steadyhand.knowledge.erase import erase_documents
from steadyhand.knowledge.ingest.uploads import SIZE_LIMIT, Upload
from steadyhand.serve.console import render
from steadyhand.serve.console.pages import document
from steadyhand.serve.request import BaseName, Caller, Labels, Metadata, Now, Offset, Opened, PageNumber, VersionId
from steadyhand.storage import Row
from steadyhand.types.wire import plain

_LONGEST_MARK = 5_000
_NUMBER = re.compile(r"[0-9]{1,6}")


async def page(
    request: Request,
    *,
    workspace: Opened,
    caller: Caller,
    now: Now,
    kb: BaseName,
    path: str,
    page: PageNumber = 1,
    start: Offset = None,
    end: Offset = None,
    version: VersionId = None,
) -> Response:
    """The text of a page of a live document. `start` and `end` mark a span, in code points of the document.

    `version` shows the document as it was when that version of it was quoted; `is_live` tells whether that is what
    it says now.
    """
    shown = await document.page(workspace, caller, now, kb, path, page=page, start=start, end=end, version=version)
    if render.wants_page(request):
        return render.page(request, "document", shown)
    return JSONResponse(plain(shown))


async def picture(
    request: Request,
    *,
    workspace: Opened,
    caller: Caller,
    now: Now,
    kb: BaseName,
    path: str,
    number: str,
    highlight: Annotated[str, Query(max_length=_LONGEST_MARK, description="a text on the page to mark")] = "",
    start: Offset = None,
    end: Offset = None,
    version: VersionId = None,
) -> Response:
    """A page of a PDF as a picture about 1,200 pixels wide, with `highlight`, or the span, marked in yellow.

    An image file is shown as it is. Other formats have no pictures of their pages (404); their text has an address.
    The header `X-Marked` says whether the words were found on the page.
    """
    wanted = int(number) if _NUMBER.fullmatch(number) else 0
    row = await workspace.knowledge.page(kb, path, wanted, caller, version)
    if row is None:  # a document may be called like this, too
        called = f"{path}/page/{number}.png"
        try:
            return await page(request, workspace=workspace, caller=caller, now=now, kb=kb, path=called)
        except NotFound:
            raise document.missing(kb, path, wanted) from None
    mark = highlight or document.quoted(row, start, end)
    tag = _tag(row, wanted, mark)
    kept = {"ETag": tag, "Cache-Control": "private, no-cache"}  # who may see it is asked each time
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=kept)
    painted = await workspace.painter(
        kb, path, wanted, caller, version=row["version_id"], mark=mark, circle=frozenset(row["labels"])
    )
    marked = {"X-Marked": str(painted.is_marked).lower()} if mark else {}
    return Response(painted.data, media_type=painted.media_type, headers={**kept, **marked})


async def upload(
    request: Request,
    *,
    workspace: Opened,
    kb: BaseName,
    path: Annotated[str, Query(max_length=2_000, description="its path in the base, such as contracts/2026.pdf")],
    label: Labels = None,
    metadata: Metadata,
) -> Response:
    """Hand in one file, the body of the request as it is. It can be found when the answer comes.

    The same path again replaces it. `label`, any number of them, says who may see it; without, the settings do.
    `metadata` is a JSON object that searches can filter by. 201 when there is a new text, 200 when there is none,
    202 when it has to be tried again later, which happens by itself.
    """
    async with request.app.state.uploading:  # so many files are in memory at most
        content = await request.body()
        if not content:
            raise InvalidInput(
                f"expected a file of at most {SIZE_LIMIT} bytes as the body; found none",
                hint="curl --data-binary @FILE sends one",
            )
        labels = None if label is None else frozenset(label)
        done = await workspace.uploads.add(kb, Upload(path=path, content=content, labels=labels, metadata=metadata))
    status = {"added": 201, "failed": 202}.get(done.outcome, 200)
    return JSONResponse(plain(done), status)


async def remove(kb: BaseName, path: str, workspace: Opened) -> Response:
    """Delete a document for good: every text it ever had, with its pages and vectors, and what came in it.

    A file that its source still lists comes back with the next sync; one that was handed in does not.
    """
    return JSONResponse({"deleted": await erase_documents(workspace.database, kb, [path])})


def _tag(row: Row, number: int, mark: str) -> str:
    if not row["has_file"]:
        raise NotFound(
            "expected a format whose pages can be shown, which are PDF and images; this document has only text",
            hint="leave out /page/N.png, and say ?page=N: that gives the text of the page",
        )
    said = repr((bytes(row["sha256"]), number, mark)).encode()
    return f'"{hashlib.sha256(said).hexdigest()[:32]}"'
