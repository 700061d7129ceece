"""What in a knowledge base wants a look, each with what to do about it."""

from steadyhand.serve import care
from steadyhand.serve.request import BaseName, Caller, Opened

PATH = "/console/report/{kb}"


async def page(kb: BaseName, workspace: Opened, caller: Caller) -> dict[str, object]:
    """Of documents that the caller may not see it says nothing. Seconds for thousands of documents."""
    return {"report": await care.report(workspace, caller, kb)}
