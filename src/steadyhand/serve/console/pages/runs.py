"""The list of runs, newest first."""

from typing import Annotated, get_args

from fastapi import Query

from steadyhand.serve.request import Opened
from steadyhand.types.exchange import PASSTHROUGH
from steadyhand.types.run import RunStatus

PATH = "/console/runs"

_PAGE = 50
_Word = Annotated[str, Query(max_length=200)]


async def page(workspace: Opened, feature: _Word = "", status: _Word = "", before: _Word = "") -> dict[str, object]:
    """A page of runs. An empty filter lets everything through."""
    statuses = get_args(RunStatus)
    chosen = status if status in statuses else ""
    runs = await workspace.ledger.tail(
        limit=_PAGE + 1, feature=feature or None, status=chosen or None, before=before
    )
    return {
        "runs": runs[:_PAGE],
        "older": runs[_PAGE - 1].id if len(runs) > _PAGE else "",
        "before": before,
        "feature": feature,
        "status": chosen,
        "features": sorted({*workspace.features.names(), PASSTHROUGH, *([feature] if feature else [])}),
        "statuses": statuses,
    }
