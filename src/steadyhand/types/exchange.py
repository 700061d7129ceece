"""A gateway call on its way to the ledger."""

from dataclasses import dataclass, field
from decimal import Decimal

from steadyhand.types.findings import Finding
from steadyhand.types.ids import ModelId
from steadyhand.types.model import ModelCall
from steadyhand.types.quota import Spending
from steadyhand.types.run import Door, Failure, Principal, RunStatus
from steadyhand.types.text import DataClass

PASSTHROUGH = "passthrough"
"""The built-in feature that a gateway call is a run of."""

KNOWLEDGE = "knowledge"
"""The built-in feature that a model's work for a knowledge base is a run of: vectors, readings of pictures."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A run of a built-in feature: of `passthrough`, unless it says another.

    Not frozen, unlike a `Run`: it is made for every request of the fastest path, and grows as the call goes on.
    `started_s` is seconds since the epoch.
    """

    run_id: str
    principal: Principal
    end_user: str
    data_class: DataClass
    asked_model: str  # as the client named it
    prompt: str  # the client's body
    started_s: float
    status: RunStatus = "failed"
    model: ModelId | None = None
    cost_usd: Decimal | None = Decimal(0)
    duration_s: float = 0.0
    failure: Failure | None = None
    routing: str = ""
    findings: tuple[Finding, ...] = ()
    calls: list[ModelCall] = field(default_factory=list)
    spendings: tuple[Spending, ...] = ()
    feature: str = PASSTHROUGH
    door: Door = "gateway"
