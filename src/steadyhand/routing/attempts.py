"""Which model is asked next, and when: the policy of one request, without the asking.

A failure goes to the next model at once. The same model is asked again only when no other is left: after 0.2 s,
doubling, with as much again at random, or after what a rate limit asks for, when it fits the deadline and the
process has not retried too much already (`RetryBudget`). A request that a vendor finds wrong is not taken to
others, unless it is about a parameter that only this model does not know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steadyhand.errors import NoModel, ParameterRefused, ProviderError, ProviderRefused
from steadyhand.routing.health import Health
from steadyhand.routing.retry_budget import RetryBudget
from steadyhand.types.model import Model

_BACKOFF_S = 0.2
_PER_MODEL = 2  # attempts

_WRONG_REQUEST = frozenset({400, 413, 422})
"""Statuses of a vendor for a request that others would find wrong too."""

_WRONG_KEY = frozenset({401, 402})
"""Statuses that hold for every model of the provider: the key is wrong, or the account empty."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Ask this model, after waiting for so many seconds. `number` counts the request's attempts from 1."""

    model: Model
    wait_s: float
    number: int


@dataclass(slots=True)
class _Tried:
    """How one model has fared in this request."""

    model: Model
    times: int = 0
    is_out: bool = False  # not to be asked again
    is_asked: bool = False  # just now


class Attempts:
    """Of one request. `deadline` is on `clock`, in seconds; `jitter` is uniform in [0, 1).

    What `next` or `hedge` gave is told back once, by `succeeded`, `failed` or `abandoned`. `is_ours` says that we
    wrote the request, as for a feature's run: then a vendor that finds it wrong is only one that cannot take it.
    """

    def __init__(
        self,
        models: Sequence[Model],
        health: Health,
        budget: RetryBudget,
        *,
        deadline: float,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        is_ours: bool = False,
    ) -> None:
        self._tried = [_Tried(model) for model in models]
        self._health = health
        self._budget = budget
        self._deadline = deadline
        self._clock = clock
        self._jitter = jitter
        self._is_ours = is_ours
        self._number = 0
        self._error: ProviderError | None = None
        budget.count()

    def next(self) -> Attempt | None:
        """What to do now; None when nothing is left, or nothing until an attempt under way has ended."""
        if self._clock() >= self._deadline:
            return None
        return self.hedge() or self._again()

    def hedge(self) -> Attempt | None:
        """The next model that was not asked yet and may be, at once; None when there is none."""
        for tried in self._tried:
            if not (tried.times or tried.is_out) and self._health.may_call(tried.model.id):
                return self._begun(tried, 0.0)
        return None

    def succeeded(self, attempt: Attempt, first_token_s: float | None) -> None:
        self._ended(attempt)
        self._health.succeeded(attempt.model.id, first_token_s)

    def failed(self, attempt: Attempt, error: ProviderError) -> None:
        tried = self._ended(attempt)
        self._health.failed(attempt.model.id, error)
        self._error = error
        tried.is_out = not error.is_retryable
        if not isinstance(error, ProviderRefused):
            return
        is_particular = self._is_ours or isinstance(error, ParameterRefused)
        is_hopeless = error.vendor_status in _WRONG_REQUEST and not is_particular
        for other in self._tried:
            is_same_key = error.vendor_status in _WRONG_KEY and other.model.provider == attempt.model.provider
            other.is_out |= is_hopeless or is_same_key

    def abandoned(self, attempt: Attempt) -> None:
        """It was broken off: another answered first, or nobody waits any more."""
        self._ended(attempt)
        self._health.abandoned(attempt.model.id)

    @property
    def failure(self) -> ProviderError | NoModel:
        """What to raise when nothing is left: the last failure, or why nobody could be asked."""
        if self._error is not None:
            return self._error
        reasons = [reason for tried in self._tried if (reason := self._health.reason(tried.model.id))]
        if reasons:
            return NoModel(f"no model can be asked now: {'; '.join(reasons)}", hint="try again in some seconds")
        return NoModel("no model was left to try")

    def _again(self) -> Attempt | None:
        """The model that can be asked again soonest, or for the first time when a rate limit is over."""
        share = 1 + self._jitter()
        waits = [(self._wait_s(tried, share), tried) for tried in self._tried if self._may_wait(tried)]
        fitting = [found for found in waits if self._clock() + found[0] < self._deadline]
        if not fitting:
            return None
        wait_s, tried = min(fitting, key=lambda found: found[0])
        return self._begun(tried, wait_s) if not tried.times or self._budget.take() else None

    def _may_wait(self, tried: _Tried) -> bool:
        if tried.is_out or tried.is_asked or tried.times >= _PER_MODEL:
            return False
        return self._health.state(tried.model.id) == "closed"

    def _wait_s(self, tried: _Tried, share: float) -> float:
        backoff_s = _BACKOFF_S * 2.0 ** max(0, tried.times - 1) * share
        pause_s = self._health.pause_s(tried.model.id)
        return max(backoff_s, pause_s + _BACKOFF_S * (share - 1)) if pause_s else backoff_s

    def _begun(self, tried: _Tried, wait_s: float) -> Attempt:
        tried.times += 1
        tried.is_asked = True
        self._number += 1
        self._health.begin(tried.model.id)
        return Attempt(tried.model, wait_s, self._number)

    def _ended(self, attempt: Attempt) -> _Tried:
        tried = next(each for each in self._tried if each.model is attempt.model)
        tried.is_asked = False
        return tried
