"""A run as the ledger holds it, for those who may see the documents that it was made from."""

from steadyhand.errors import Forbidden
from steadyhand.ledger.reader import RunTrace
from steadyhand.types.run import Principal
from steadyhand.workspace import AsyncWorkspace


async def trace(workspace: AsyncWorkspace, caller: Principal, run_id: str) -> RunTrace:
    """Everything about one run. Raises like `LedgerReader.trace`, and `Forbidden`.

    A run holds the words of its documents in its prompt, its evidence and its output: who does not see all of them,
    or of whom it cannot be told any more because they were erased, does not see the run.
    """
    found = await workspace.ledger.trace(run_id)
    read = {row["version_id"] for row in found.retrievals} | set(found.run["told"] or ())
    read |= {item.get("version_id", 0) for item in found.run["evidence"] if item.get("version_id") or not read}
    if not await workspace.knowledge.may_see(read, caller):
        raise Forbidden(
            f"the run {run_id} was made from documents that {caller.name!r} may not see",
            hint="ask an admin: steadyhand keys label ID LABELS",
        )
    return found
