"""One run: what went in, every step it took, and what came out."""

from steadyhand.serve.request import Opened

PATH = "/console/runs/{run_id}"


async def page(run_id: str, workspace: Opened) -> dict[str, object]:
    """Everything the ledger holds of a run. The end of its id is enough."""
    trace = await workspace.ledger.trace(run_id)
    guards = [verdict for verdict in trace.verdicts if verdict["kind"] == "guardrail"]
    return {
        "run": trace.run,
        "steps": trace.steps,
        "calls": trace.calls,
        "retrievals": trace.retrievals,
        "guards": guards,
        "checks": [verdict for verdict in trace.verdicts if verdict["kind"] == "check"],
        "review": trace.review,
    }
