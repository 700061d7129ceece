"""A page of a document with the span that a citation points at, beside a picture of it where there is one."""

from steadyhand.errors import NotFound
from steadyhand.serve import care
from steadyhand.serve.request import BaseName, Caller, Now, Offset, Opened, PageNumber, VersionId
from steadyhand.storage import Row
from steadyhand.types.json import JsonObject

PATH = "/console/knowledge/{kb}/{path:path}"


async def page(
    workspace: Opened,
    caller: Caller,
    now: Now,
    kb: BaseName,
    path: str,
    *,
    page: PageNumber = 1,
    start: Offset = None,
    end: Offset = None,
    version: VersionId = None,
) -> dict[str, object]:
    """The text of the live document's page, or of that version's. Offsets count code points of the document.

    `has_picture`: there is a picture of the page, at `/knowledge/{kb}/{path}/page/{n}.png`.
    """
    row = await workspace.knowledge.page(kb, path, page, caller, version)
    if row is None:
        raise missing(kb, path, page)
    return {
        "knowledge_base": kb,
        "source": path,
        "title": row["title"],
        "page": page,
        "pages": row["pages"],
        "start": row["start"],
        "end": row["stop"],
        "text": row["content"],
        "version": row["version_id"],
        "is_live": row["is_live"],
        "read_at": row["born_at"],
        "versions": await workspace.knowledge.versions(kb, path, caller),
        "has_picture": row["has_file"],
        "labels": row["labels"],
        "metadata": row["metadata"],
        "language": row["language"],
        "url": row["url"],
        "review_by": row["review_by"],
        "is_stale": care.is_stale(row["review_by"], now),
        "span": _span(row["content"], row["start"], start, end),
    }


def missing(base: str, path: str, page: int) -> NotFound:
    """To be raised where there is no such page, or none that the caller may see."""
    return NotFound(
        f"expected page {page} of a live document {path!r} in {base!r}; found none",
        hint=f"GET /knowledge/{base} lists the documents",
    )


def quoted(row: Row, start: int | None, end: int | None) -> str:
    """The words of a page between two offsets of its document; "" when none of them is on it."""
    span = _span(row["content"], row["start"], start, end)
    return str(span["quote"]) if span else ""


def _span(text: str, offset: int, start: int | None, end: int | None) -> JsonObject | None:
    """The part of the asked span that is on this page; None when there is none."""
    if start is None or end is None:
        return None
    first, last = max(start, offset), min(end, offset + len(text))
    if first >= last:
        return None
    return {"start": first, "end": last, "quote": text[first - offset : last - offset]}
