"""Is the process alive, and is it fit to serve?"""

import asyncio

from fastapi.responses import JSONResponse, Response

from steadyhand.errors import StorageError
from steadyhand.serve.contracts import good
from steadyhand.serve.request import Opened
from steadyhand.storage import migrate
from steadyhand.types.json import Json, JsonObject
from steadyhand.workspace import AsyncWorkspace

_DATABASE_TIMEOUT_S = 3.0


async def healthz() -> Response:
    """200 as long as the process lives. Tells nothing else, because it asks for no key."""
    return JSONResponse({"status": "alive"})


async def readyz(workspace: Opened) -> Response:
    """200 when everything a run needs is there, else 503; the body says what is missing."""
    database, schema = await _storage(workspace)
    checks: dict[str, JsonObject] = {"database": database, "schema": schema, "contracts": _contracts(workspace)}
    is_ready = all(check["ok"] for check in checks.values())
    body: dict[str, Json] = {"ready": is_ready, "checks": {**checks}}
    return JSONResponse(body, 200 if is_ready else 503)


async def _storage(workspace: AsyncWorkspace) -> tuple[JsonObject, JsonObject]:
    try:
        async with asyncio.timeout(_DATABASE_TIMEOUT_S):
            applied = await migrate.applied(workspace.database)
    except (StorageError, TimeoutError) as error:
        reason = str(error) or f"the database did not answer within {_DATABASE_TIMEOUT_S:g} s"
        return _verdict(reason), _verdict("unknown: the database does not answer")
    known = migrate.known()
    missing, newer = sorted(known - applied), sorted(applied - known)
    problem = f"not applied: {', '.join(missing)}" if missing else ""
    return _verdict(), _verdict(problem or (f"made by a newer Steadyhand: {newer[-1]}" if newer else ""))


def _contracts(workspace: AsyncWorkspace) -> JsonObject:
    """A broken edit keeps its last good version running; what never was good cannot run."""
    dead = [name for name in workspace.features.broken() if good(workspace, name) is None]
    return _verdict(f"cannot run: {', '.join(dead)}" if dead else "")


def _verdict(problem: str = "") -> JsonObject:
    return {"ok": not problem, "detail": problem}
