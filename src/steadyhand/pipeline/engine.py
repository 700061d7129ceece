"""Takes a run along the path and acts on what the steps say: the only place that retries, falls back or parks.

Whatever happens, a run ends with a status, within its time, and with its rows on disk.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from steadyhand.errors import (
    AccessError,
    BudgetExceeded,
    InvalidInput,
    KnowledgeChanged,
    OutputRejected,
    RateLimited,
    RunCancelled,
    RunTimeout,
    SteadyhandError,
)
from steadyhand.ledger.ids import new_id
from steadyhand.pipeline.order import STEPS, Step
from steadyhand.pipeline.ports import Ports
from steadyhand.pipeline.settle import settled
from steadyhand.pipeline.shadows import Shadows, shadow_of
from steadyhand.routing.choose import candidate
from steadyhand.types.feature import Feature
from steadyhand.types.json import JsonObject
from steadyhand.types.passage import Contradiction
from steadyhand.types.run import (
    Answer,
    Continue,
    Door,
    Failure,
    Park,
    Principal,
    Retry,
    Run,
    RunStatus,
    StepRecord,
    StepResult,
    Stop,
)

_log = logging.getLogger(__name__)

_RESERVE = 0.2  # share of a run's time that is kept for the fallback
_RESERVE_MAX_S = 3.0
_SEARCHES = 2  # for one answer: what changes twice while it is made is not waited for
_GRACE = 0.25  # share of the reserve in which a step may still say that its time was up, and what it called

*_PATH, _RECORD = STEPS
_NAMES = [step.__name__ for step in _PATH]
_CHOOSE, _ASK = _NAMES.index("choose"), _NAMES.index("reserve")

Watch = Callable[[StepRecord], None]


class Engine:
    """Runs features. Holds nothing between runs but the shadows of those that have ended."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._shadows = Shadows()

    async def run(
        self,
        feature: Feature,
        values: JsonObject,
        *,
        principal: Principal,
        door: Door,
        end_user: str = "",
        watch: Watch | None = None,
    ) -> Answer:
        """The answer of one run, after its rows are on disk. `watch` hears of every step when it ends.

        `end_user` is whom the principal acts for, as a pseudonym: limits hold for each, and answers that are kept
        for one are not another's.

        Raises only `StorageError`, when the run could not be recorded; all else is in the answer's status.
        """
        walk = _Walk(self._begin(feature, values, principal, door, end_user), self._ports, watch)
        try:
            await self._end(walk)
        except asyncio.CancelledError:
            walk.stop("failed", Failure(RunCancelled.code, "the run was broken off by whoever asked for it"))
            await self._record(walk)
            raise
        await self._record(walk)
        if walk.run.shadow and walk.run.completion and self._shadows.has_room:
            self._shadows.begin(self._shadow(walk.run))
        return _answer(walk.run)

    async def close(self) -> None:
        """Wait for the shadows; before the ledger is closed, so that their rows are written."""
        await self._shadows.close()

    async def _shadow(self, run: Run) -> None:
        """Have the contract's shadow model do what the run did, and record it."""
        ports = self._ports
        model = ports.find_model(run.shadow) if run.shadow else None
        if model is None:
            return
        now, deadline = ports.now(), ports.monotonic() + run.feature.timeout_s
        run_id = new_id(now, ports.randomness(10))
        walk = _Walk(shadow_of(run, model, run_id=run_id, now=now, deadline=deadline), ports, None)
        await walk.take(_PATH[_ASK:], deadline)
        if walk.run.status == "review":  # a check asked for a person, who has the other run to look at
            walk.run = replace(walk.run, status="answered", review=None)
        await self._record(walk)

    async def _record(self, walk: "_Walk") -> None:
        """Settle what was set aside and take the last step, which a cancellation does not break off."""
        walk.run = replace(settled(walk.run), duration_s=walk.elapsed_s())
        await asyncio.shield(_RECORD(walk.run, self._ports))

    def _begin(self, feature: Feature, values: JsonObject, principal: Principal, door: Door, end_user: str) -> Run:
        now = self._ports.now()
        return Run(
            id=new_id(now, self._ports.randomness(10)),
            feature=feature,
            input=values,
            principal=principal,
            door=door,
            started_at=now,
            deadline=self._ports.monotonic() + feature.timeout_s - _reserve_s(feature),
            data_class=feature.data_class,
            end_user=end_user,
        )

    async def _end(self, walk: "_Walk") -> None:
        """Walk the path; when it fails, the declared fallback answers instead."""
        feature = walk.run.feature
        await walk.take(_PATH, walk.run.deadline + _GRACE * _reserve_s(feature))
        if walk.run.status != "failed":
            return
        failure = walk.run.failure
        ends_at = walk.began_s + feature.timeout_s
        if self._may_try_fallback_model(walk.run):
            walk.run = self._prepared_for_fallback(walk.run, ends_at)
            await walk.take(_PATH[_ASK:], ends_at)
            if walk.run.status == "answered":
                walk.run = replace(walk.run, status="fallback", failure=failure)
                return
        if walk.run.status == "failed" and feature.fallback is not None:
            output = dict(feature.fallback)
            walk.run = replace(walk.run, status="fallback", failure=failure, output=output, model=None)
            walk.run = replace(walk.run, evidence=(), confidence=None)

    def _may_try_fallback_model(self, run: Run) -> bool:
        """The fallback answers for models that failed. A run that broke before had nothing to answer from.

        Nor has one whose documents went away.
        """
        if run.failure is not None and run.failure.code == KnowledgeChanged.code:
            return False
        tried = {call.model for call in run.calls}
        broke_at = _NAMES.index(run.steps[-1].name)
        return broke_at >= _CHOOSE and run.feature.fallback_model not in {None, *tried}

    def _prepared_for_fallback(self, run: Run, ends_at: float) -> Run:
        """The run before `generate`, with the fallback as its only candidate, under the same rules as others."""
        assert run.feature.fallback_model is not None
        deadline = ends_at - _GRACE * _reserve_s(run.feature)
        chosen = candidate(
            run.feature.fallback_model, run.feature.budget, run.data_class, self._ports.find_model,
            routing=run.feature.routing, today=run.started_at.date(),
        )  # fmt: skip
        return replace(
            run, status=None, failure=None, candidates=(chosen,), deadline=deadline, attempt=run.feature.attempts,
            feedback=(), completion=None, output=None, evidence=(), checks=(),
        )  # fmt: skip


def _reserve_s(feature: Feature) -> float:
    """Seconds at the end of a run that are kept for the fallback."""
    return min(_RESERVE * feature.timeout_s, _RESERVE_MAX_S)


class _Walk:
    """One run on its way: the latest state is in `run`, also after a step was broken off."""

    def __init__(self, run: Run, ports: Ports, watch: Watch | None) -> None:
        self.run = run
        self.began_s = ports.monotonic()
        self._ports = replace(ports, keep=self._keep)
        self._watch = watch

    def elapsed_s(self) -> float:
        return self._ports.monotonic() - self.began_s

    async def take(self, steps: Sequence[Step], ends_at: float) -> None:
        """Take the steps in order until the run has a status."""
        position = 0
        at = {step.__name__: index for index, step in enumerate(steps)}
        while self.run.status is None and position < len(steps):
            result = await self._step(steps[position], ends_at)
            self.run = result.run
            position += 1
            match result:
                case Retry(searches=True) if "retrieve" in at and self.run.searches < _SEARCHES:
                    position = at["retrieve"]
                    self.run = _as_before_the_search(self.run)
                case Retry(feedback=feedback, searches=True):
                    self.stop("failed", Failure(KnowledgeChanged.code, feedback, "ask again"))
                case Retry(feedback=feedback) if self.run.attempt < self.run.feature.attempts:
                    position = at["generate"]
                    self.run = replace(
                        self.run, attempt=self.run.attempt + 1, feedback=(feedback,), completion=None, output=None
                    )
                case Retry(feedback=feedback):
                    self.stop("failed", Failure(OutputRejected.code, f"no output passed its checks: {feedback}"))
                case Park(task=task):
                    self.run = replace(self.run, status="review", review=task)
                case Stop(status=status, failure=failure):
                    self.stop(status, failure)
                case Continue():
                    pass
        if self.run.status is None:
            self.run = replace(self.run, status="answered")

    def _keep(self, run: Run) -> None:
        self.run = run

    def stop(self, status: RunStatus, failure: Failure | None) -> None:
        self.run = replace(self.run, status=status, failure=failure)

    async def _step(self, step: Step, ends_at: float) -> StepResult:
        """One step within the run's time, with its record. What it raises becomes how the run ends."""
        began_s = self.elapsed_s()
        try:
            async with asyncio.timeout(max(0.0, ends_at - self._ports.monotonic())):
                result = await step(self.run, self._ports)
        except Exception as error:  # noqa: BLE001 - the engine is where a run's errors end
            result = self._ending(step, error)
        record = StepRecord(
            seq=len(self.run.steps),
            name=step.__name__,
            attempt=self.run.attempt,
            verdict=type(result).__name__.lower(),
            detail=_detail(result),
            started_s=began_s,
            duration_s=self.elapsed_s() - began_s,
        )
        if self._watch is not None:
            self._watch(record)
        return replace(result, run=replace(result.run, steps=(*self.run.steps, record)))

    def _ending(self, step: Step, error: Exception) -> Stop:
        """How the run ends after an error: the caller's own mistakes are refused, ours fail."""
        status: RunStatus = "failed"
        match error:
            case SteadyhandError():
                status = "refused" if self._is_refusal(error) else "failed"
                failure = Failure(error.code, str(error), error.hint)
            case TimeoutError():
                message = f"{self.run.feature.name} was not done within {self.run.feature.timeout_s:g} s"
                failure = Failure(RunTimeout.code, message, f"it was at the step {step.__name__}")
            case _:
                _log.error("run %s: step %s broke", self.run.id, step.__name__, exc_info=error)
                message = f"the step {step.__name__} broke: {type(error).__name__}"
                failure = Failure(SteadyhandError.code, message)
        return Stop(self.run, status, failure)

    def _is_refusal(self, error: SteadyhandError) -> bool:
        """A spent budget is refused too, unless the contract declares what to answer then and wants that."""
        feature = self.run.feature
        refuses = feature.fallback is None or feature.budget.over == "refuse"
        is_spent = isinstance(error, BudgetExceeded) and refuses
        return is_spent or isinstance(error, InvalidInput | AccessError | RateLimited)


def _as_before_the_search(run: Run) -> Run:
    """What was set aside is settled, since what comes is chosen and paid anew. Its calls hold what was read."""
    read = run.retrieval.passages if run.retrieval else ()
    told = run.told.union(passage.version_id for passage in read)
    return replace(
        settled(run), told=told, retrieval=None, candidates=(), completion=None, model=None, output=None,
        confidence=None, evidence=(), checks=(), feedback=(), recalled="",
    )  # fmt: skip


def _detail(result: StepResult) -> str:
    """One sentence for the ledger on why the step said what it said."""
    match result:
        case Retry(feedback=feedback):
            return feedback
        case Park(task=task):
            return task.reason
        case Stop(failure=Failure(message=message)):
            return message
        case Continue(detail=detail) if detail:
            return detail
        case Continue(run=run) if run.model is None:
            return run.routing
    return ""


def _answer(run: Run) -> Answer:
    """What the caller gets. A run that waits for a person, was refused or failed gives no output."""
    assert run.status is not None
    is_given = run.status in ("answered", "fallback")
    return Answer(
        status=run.status,
        output=run.output if is_given else None,
        confidence=run.confidence,
        evidence=run.evidence if is_given else (),
        checks=run.checks,
        model=run.model,
        cost_usd=run.cost_usd,
        run_id=run.id,
        snapshot=run.retrieval.snapshot if run.retrieval else "",
        duration_s=run.duration_s,
        error=run.failure,
        contradictions=_contradictions(run) if is_given else (),
    )


def _contradictions(run: Run) -> tuple[Contradiction, ...]:
    """Those that a source of the answer has a part in; all where the answer need not say where it is from."""
    if run.retrieval is None or run.feature.knowledge is None:
        return ()
    if not run.evidence and not run.feature.knowledge.must_cite:
        return run.retrieval.contradictions
    cited = {evidence.source for evidence in run.evidence}
    return tuple(
        each for each in run.retrieval.contradictions if any(said.source in cited for said in each.statements)
    )
