"""Features: what there is, and running one."""

from datetime import UTC, datetime
from functools import partial

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from steadyhand.serve.api.answers import answer_response
from steadyhand.serve.api.stream import events
from steadyhand.serve.contracts import runnable
from steadyhand.serve.request import Body, Caller, Opened
from steadyhand.types.feature import Feature
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.wire import plain


async def run(name: str, values: Body, workspace: Opened, caller: Caller) -> Response:
    """Run a feature. The answer's rows are in the ledger when it comes."""
    answer = await workspace.run(name, values, principal=caller, door="http")
    return answer_response(answer, datetime.now(UTC))


async def stream(name: str, values: Body, workspace: Opened, caller: Caller, request: Request) -> Response:
    """Run a feature and hear of every step: events `step`, then one `answer` or `error`."""
    workspace.features.get(name)
    start = partial(workspace.run, name, values, principal=caller, door="http")
    return StreamingResponse(
        events(start, request.app.state.running),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def index(workspace: Opened) -> Response:
    """All features, also those whose contract is broken, with what is wrong with it."""
    features, broken = runnable(workspace), workspace.features.broken()
    lines: list[Json] = []
    for name in workspace.features.names():
        line = _line(features[name]) if name in features else {"name": name}
        lines.append({**line, "problems": plain(broken.get(name, []))})
    return JSONResponse({"features": lines})


async def show(name: str, workspace: Opened) -> Response:
    """One feature with the JSON Schemas of its input and output."""
    feature = workspace.features.get(name)
    problems = workspace.features.broken().get(feature.name, [])
    shown = {
        **_line(feature),
        "input_schema": plain(feature.input_schema),
        "output_schema": plain(feature.output_schema),
        "problems": plain(problems),
    }
    return JSONResponse(shown)


def _line(feature: Feature) -> JsonObject:
    return {
        "name": feature.name,
        "version": feature.version,
        "purpose": feature.purpose,
        "owner": feature.owner,
        "risk": feature.risk,
        "data_class": feature.data_class,
        "models": list(feature.models),
        "knowledge": feature.knowledge.base if feature.knowledge else None,
        "timeout_s": feature.timeout_s,
    }
