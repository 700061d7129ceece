"""One execution of a feature, and what a step may say about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from steadyhand.types.feature import Feature
from steadyhand.types.findings import CheckResult, Finding
from steadyhand.types.ids import ModelId, RunId
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.labels import EVERYONE
from steadyhand.types.model import Candidate, Completion, ModelCall
from steadyhand.types.passage import Contradiction, Evidence, Retrieval
from steadyhand.types.quota import Limit, Reservation, Spending
from steadyhand.types.text import DataClass

RunStatus = Literal["answered", "review", "fallback", "refused", "failed"]
GOOD_ENDINGS: frozenset[RunStatus] = frozenset({"answered", "review", "fallback"})
"""There is something to work with, now or after a person has decided; refused and failed runs have nothing."""

Door = Literal["http", "cli", "python", "console", "gateway", "shadow"]
"""Where a run came in; `shadow` is one that was started beside another to compare models, and answers nobody."""

RoleName = Literal["admin", "caller", "reader"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `key_id` is "" for somebody who has the workspace's files in hand.

    `limits` bound what the key may use; `models` are patterns such as `openai:*` of what it may call through the
    gateway, empty for everything. `labels` say which documents it may see, besides those for everyone.
    """

    name: str
    role: RoleName
    key_id: str = ""
    limits: tuple[Limit, ...] = ()
    models: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()

    @property
    def sees(self) -> frozenset[str] | None:
        """The labels of documents that it may see; None for all of them, which only an admin may."""
        return None if self.role == "admin" else self.labels | {EVERYONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """What happened in one step of the path, for the ledger. Times are seconds since the run began."""

    seq: int
    name: str
    attempt: int
    verdict: str  # continue | retry | park | stop
    detail: str
    started_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the caller sees it."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ReviewTask:
    """Why a person is asked, and until when."""

    reason: str
    due_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Grows from step to step; every step gets a new value. `deadline` is on the monotonic clock, in seconds."""

    id: RunId
    feature: Feature
    input: JsonObject
    principal: Principal
    door: Door
    started_at: datetime
    deadline: float
    data_class: DataClass
    attempt: int = 0
    findings: tuple[Finding, ...] = ()
    settled: JsonObject = field(default_factory=dict)  # output fields that rules have decided
    query: str = ""
    retrieval: Retrieval | None = None
    candidates: tuple[Candidate, ...] = ()
    feedback: tuple[str, ...] = ()
    calls: tuple[ModelCall, ...] = ()
    completion: Completion | None = None
    model: ModelId | None = None
    output: JsonObject | None = None
    confidence: float | None = None
    evidence: tuple[Evidence, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    status: RunStatus | None = None
    failure: Failure | None = None
    review: ReviewTask | None = None
    steps: tuple[StepRecord, ...] = field(default=(), repr=False)
    duration_s: float = 0.0
    end_user: str = ""  # whom the caller named, as a pseudonym
    routing: str = ""  # why these models, in this order
    shadow: ModelId | None = None  # the model that a shadow of this run asks
    admission: Reservation | None = field(default=None, repr=False)  # the request, set aside until the run ends
    reservation: Reservation | None = field(default=None, repr=False)  # what it may cost
    spendings: tuple[Spending, ...] = ()  # what the run used of its limits, booked with its rows
    recalled: str = ""  # the run whose answer this one repeats
    searches: int = 0  # how often documents were searched for it
    told: frozenset[int] = frozenset()  # document versions whose words are in it, besides those it retrieved last
    booked_calls: int = 0  # so many of the calls are in the spendings already

    @property
    def cost_usd(self) -> Decimal | None:
        """What the run's calls cost together; None when the price of one of them is unknown."""
        costs = [call.cost_usd for call in self.calls]
        return None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on; `detail` is what the ledger should say about it."""

    run: Run
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Generate again; `feedback` is a sentence the model can act on.

    `searches`: what was read does not hold any more, and the documents are searched again first.
    """

    run: Run
    feedback: str
    searches: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """A person decides; the run ends as `review`."""

    run: Run
    task: ReviewTask


@dataclass(frozen=True, slots=True)
class Stop:
    """The run ends here with this status."""

    run: Run
    status: RunStatus
    failure: Failure | None = None


StepResult: TypeAlias = Continue | Retry | Park | Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What every caller gets, whatever the door. `cost_usd` None means a price is unknown."""

    status: RunStatus
    output: Mapping[str, Json] | None
    confidence: float | None
    evidence: tuple[Evidence, ...]
    checks: tuple[CheckResult, ...]
    model: str | None
    cost_usd: Decimal | None
    run_id: RunId
    snapshot: str
    duration_s: float
    error: Failure | None = None
    contradictions: tuple[Contradiction, ...] = ()  # between the sources that the answer was made from

    @property
    def is_good(self) -> bool:
        """Did the run end well? See `GOOD_ENDINGS`."""
        return self.status in GOOD_ENDINGS
