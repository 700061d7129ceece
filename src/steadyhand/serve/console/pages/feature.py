"""One feature: its contract, how it fares, and what is wrong with it."""

from steadyhand.serve.contracts import good
from steadyhand.serve.request import Opened

PATH = "/console/features/{name}"

_LATEST = 10


async def page(name: str, workspace: Opened) -> dict[str, object]:
    """The contract that runs, which is the last good one when an edit broke it.

    Runs outlive their contract, and calls of the gateway, which are runs of `passthrough`, never had one.
    """
    latest = await workspace.ledger.tail(limit=_LATEST, feature=name)
    has_contract = name in workspace.features.names()
    feature = good(workspace, name) if has_contract or not latest else None
    totals = {row["feature"]: row for row in await workspace.ledger.totals()}
    return {
        "name": name,
        "feature": feature,
        "has_contract": has_contract,
        "problems": workspace.features.broken().get(name, []),
        "total": totals.get(name),
        "latest": latest,
    }
