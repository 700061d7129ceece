"""A page of a document, with the span that a citation points at."""

from steadyhand.errors import NotFound
from steadyhand.serve.request import BaseName, Caller, Offset, Opened, PageNumber, VersionId
from steadyhand.types.json import JsonObject

PATH = "/console/knowledge/{kb}/{path:path}"


async def page(
    workspace: Opened,
    caller: Caller,
    kb: BaseName,
    path: str,
    *,
    page: PageNumber = 1,
    start: Offset = None,
    end: Offset = None,
    version: VersionId = None,
) -> dict[str, object]:
    """The text of the live document's page, or of that version's. Offsets count code points of the document."""
    row = await workspace.knowledge.page(kb, path, page, caller, version)
    if row is None:
        raise NotFound(
            f"expected page {page} of a live document {path!r} in {kb!r}; found none",
            hint=f"GET /knowledge/{kb} lists the documents",
        )
    return {
        "knowledge_base": kb,
        "source": path,
        "title": row["title"],
        "page": page,
        "pages": row["pages"],
        "start": row["start"],
        "end": row["stop"],
        "text": row["content"],
        "version": version,
        "span": _span(row["content"], row["start"], start, end),
    }


def _span(text: str, offset: int, start: int | None, end: int | None) -> JsonObject | None:
    """The part of the asked span that is on this page; None when there is none."""
    if start is None or end is None:
        return None
    first, last = max(start, offset), min(end, offset + len(text))
    if first >= last:
        return None
    return {"start": first, "end": last, "quote": text[first - offset : last - offset]}
