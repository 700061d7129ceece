"""Models: how they fare, what is switched off, the gateway's names, and what keys spend."""

from steadyhand.access.roles import may
from steadyhand.serve.request import Caller, Opened

PATH = "/console/models"


async def page(workspace: Opened, caller: Caller) -> dict[str, object]:
    """The last 24 hours of every model that was called. Whether one is left alone is what this process knows."""
    conditions = workspace.conditions
    called = await workspace.ledger.models()
    return {
        "models": called,
        "off": {row["model"]: conditions.switches(row["model"]) for row in called},
        "resting": {row["model"]: conditions.health.reason(row["model"]) for row in called},
        "switches": await workspace.switches.all(),
        "names": workspace.settings.gateway.models,
        "keys": await _keys(workspace) if may(caller, "administer") else None,
        "usual": workspace.settings.limits.key,
    }


async def _keys(workspace: Opened) -> list[object]:
    return [key for key in await workspace.keys.list() if key.revoked_at is None]
