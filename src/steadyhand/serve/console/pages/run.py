"""One run: what went in, every step it took, and what came out."""

from collections.abc import Mapping
from typing import Any

from steadyhand.errors import NotFound
from steadyhand.ledger.turns import asked_model, turns
from steadyhand.serve import traces
from steadyhand.serve.contracts import good
from steadyhand.serve.request import Caller, Opened
from steadyhand.types.exchange import PASSTHROUGH
from steadyhand.types.feature import Feature
from steadyhand.types.json import JsonSchema, fields
from steadyhand.workspace import AsyncWorkspace

PATH = "/console/runs/{run_id}"


async def page(run_id: str, workspace: Opened, caller: Caller) -> dict[str, object]:
    """Everything the ledger holds of a run. The end of its id is enough."""
    trace = await traces.trace(workspace, caller, run_id)
    feature = _feature(workspace, trace.run["feature"])
    is_gateway_call = trace.run["feature"] == PASSTHROUGH
    prompt = trace.calls[0]["prompt"] if is_gateway_call and trace.calls else ""
    return {
        "run": trace.run,
        "is_gateway_call": is_gateway_call,
        "prompt": prompt,
        "asked": asked_model(prompt),
        "turns": turns(prompt),
        "reasons": [reason for reason in trace.run["routing"].split("; ") if reason],
        "input": in_order(trace.run["input"], feature.input_schema if feature else {}),
        "output": in_order(trace.run["output"] or {}, feature.output_schema if feature else {}),
        "steps": trace.steps,
        "calls": trace.calls,
        "retrievals": trace.retrievals,
        "guards": [verdict for verdict in trace.verdicts if verdict["kind"] == "guardrail"],
        "checks": [verdict for verdict in trace.verdicts if verdict["kind"] == "check"],
        "review": trace.review,
    }


def in_order(values: Mapping[str, Any], schema: JsonSchema) -> dict[str, Any]:
    """The fields in the order of the contract, which the database does not keep; unknown ones at the end."""
    order = list(fields(schema))
    return dict(sorted(values.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def _feature(workspace: AsyncWorkspace, name: str) -> Feature | None:
    """The contract as it is now; None when there is none any more."""
    try:
        return good(workspace, name)
    except NotFound:
        return None
