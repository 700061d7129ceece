"""One knowledge base: its documents, and the files that could not be read."""

from typing import Annotated

from fastapi import Query

from steadyhand.serve.request import BaseName, Caller, Opened

PATH = "/console/knowledge/{kb}"

_TOP = 8


async def page(
    kb: BaseName, workspace: Opened, caller: Caller, q: Annotated[str, Query(max_length=2_000)] = ""
) -> dict[str, object]:
    """What is in a base, and what a question finds in it."""
    base = await workspace.knowledge.base(kb, caller)
    found = await workspace.search(kb, q, principal=caller, top_k=_TOP) if q.strip() else None
    return {
        "base": base,
        "documents": await workspace.knowledge.documents(kb, caller),
        "failures": await workspace.knowledge.failures(kb, caller),
        "q": q,
        "found": found,
    }
