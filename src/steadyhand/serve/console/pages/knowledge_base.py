"""One knowledge base: its documents, and the files that could not be read."""

from typing import Annotated

from fastapi import Query

from steadyhand.errors import NotFound
from steadyhand.serve.request import BaseName, Caller, Opened

PATH = "/console/knowledge/{kb}"

_TOP = 8


async def page(
    kb: BaseName, workspace: Opened, caller: Caller, q: Annotated[str, Query(max_length=2_000)] = ""
) -> dict[str, object]:
    """What is in a base, and what a question finds in it."""
    base = next((base for base in await workspace.knowledge.bases() if base.name == kb), None)
    if base is None:
        raise NotFound(f"expected a knowledge base; found none named {kb!r}", hint=f"steadyhand ingest {kb}")
    found = await workspace.search(kb, q, principal=caller, top_k=_TOP) if q.strip() else None
    return {
        "base": base,
        "documents": await workspace.knowledge.documents(kb),
        "failures": await workspace.knowledge.failures(kb),
        "q": q,
        "found": found,
    }
