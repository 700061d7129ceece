"""The knowledge bases."""

from steadyhand.serve.request import Opened

PATH = "/console/knowledge"


async def page(workspace: Opened) -> dict[str, object]:
    return {"bases": await workspace.knowledge.bases()}
