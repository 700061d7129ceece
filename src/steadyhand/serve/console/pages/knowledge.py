"""The knowledge bases."""

from steadyhand.serve.request import Caller, Opened

PATH = "/console/knowledge"


async def page(workspace: Opened, caller: Caller) -> dict[str, object]:
    return {"bases": await workspace.knowledge.bases(caller)}
