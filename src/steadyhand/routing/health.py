"""Which models are well enough to be asked: a circuit breaker for each, how fast it answers, when it may again.

A circuit opens after 3 failures in a row, or when 10 of the last 20 calls failed, those within 30 s. It stays open
for 5 s, twice as long each time its probe fails, 60 s at most; then one call at a time may probe. Failures are
timeouts, unreachable providers and broken answers. A refusal says nothing about health, and a provider that asks
to slow down is left alone for as long as it says, an hour at most. Used within one event loop.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal

from steadyhand.errors import ProviderError, ProviderRateLimited, ProviderRefused
from steadyhand.types.ids import ModelId

State = Literal["closed", "open", "half-open"]

_IN_A_ROW = 3
_FAILURES, _OF, _WITHIN_S = 10, 20, 30.0
_OPEN_S, _OPEN_MOST_S = 5.0, 60.0
_PROBE_S = 60.0
"""After so long a probe of which nothing was heard counts as lost, and the next one may go."""

_PAUSE_S, _PAUSE_MOST_S = 1.0, 3_600.0
"""How long a provider is left alone that asks to slow down: when it does not say, and at most."""

_MOST = 4_096
"""Models that are remembered: a local server answers to any name, and callers may send one after the other."""

_WEIGHT = 0.2
"""Of the newest time to the first token in the moving average."""


class _Circuit:
    """What is known of one model. Instants are on the clock, in seconds; 0 for what is not so."""

    __slots__ = (
        "asked_until", "calls", "failures", "in_a_row", "latency_s", "open_s", "opens_at", "paused_until",
    )  # fmt: skip

    def __init__(self) -> None:
        self.calls = 0
        self.in_a_row = 0
        self.failures: deque[tuple[int, float]] = deque(maxlen=_FAILURES)  # which call, and when
        self.open_s = 0.0  # how long it stays open; 0: it is closed
        self.opens_at = 0.0  # when a probe may go
        self.asked_until = 0.0  # until when the probe that is under way counts
        self.paused_until = 0.0
        self.latency_s: float | None = None


class Health:
    """Of every model that was called in this process. `clock` counts seconds and never goes back.

    A call is announced by `begin` and ends with one of `succeeded`, `failed` and `abandoned`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._circuits: dict[ModelId, _Circuit] = {}

    def may_call(self, model: ModelId) -> bool:
        """Is the circuit closed, or open long enough for a probe, and no pause asked for?"""
        circuit = self._circuits.get(model)
        if circuit is None or not (circuit.open_s or circuit.paused_until):
            return True
        now = self._clock()
        if now < circuit.paused_until:
            return False
        return not circuit.open_s or now >= max(circuit.opens_at, circuit.asked_until)

    def begin(self, model: ModelId) -> None:
        """A call is being made; while it probes an open circuit, no other may."""
        circuit = self._circuits.get(model)
        if circuit is not None and circuit.open_s and (now := self._clock()) >= circuit.opens_at:
            circuit.asked_until = now + _PROBE_S

    def succeeded(self, model: ModelId, first_token_s: float | None) -> None:
        """It answered. A circuit that was probed closes; one that is open still, for a call begun before, does not.

        `first_token_s` None leaves the average alone.
        """
        circuit = self._circuits.get(model)
        if circuit is None:
            circuit = self._new(model)
        circuit.calls += 1
        if circuit.open_s:
            if self._clock() < circuit.opens_at:
                return
            circuit.open_s = circuit.asked_until = 0.0
            circuit.failures.clear()
        circuit.in_a_row = 0
        if first_token_s is not None:
            before_s = circuit.latency_s
            circuit.latency_s = (
                first_token_s if before_s is None else before_s + _WEIGHT * (first_token_s - before_s)
            )

    def failed(self, model: ModelId, error: ProviderError) -> None:
        """It did not answer. What follows depends on the error: see the module."""
        if isinstance(error, ProviderRefused):
            self.abandoned(model)
            return
        circuit = self._circuits.get(model) or self._new(model)
        now = self._clock()
        if isinstance(error, ProviderRateLimited):
            asked_s = _PAUSE_S if error.retry_after_s is None else error.retry_after_s
            circuit.paused_until = max(circuit.paused_until, now + min(asked_s, _PAUSE_MOST_S))
            circuit.asked_until = 0.0
            return
        circuit.calls += 1
        circuit.in_a_row += 1
        circuit.failures.append((circuit.calls, now))
        if circuit.open_s:
            if now >= circuit.opens_at:
                _open(circuit, now, min(2 * circuit.open_s, _OPEN_MOST_S))
        elif circuit.in_a_row >= _IN_A_ROW or _is_mostly_failing(circuit, now):
            _open(circuit, now, _OPEN_S)

    def _new(self, model: ModelId) -> _Circuit:
        """Where callers make up names, those that are well go first, and of the others the oldest."""
        circuits = self._circuits
        if len(circuits) >= _MOST:
            ill = [name for name, circuit in circuits.items() if circuit.open_s or circuit.paused_until]
            self._circuits = circuits = {name: circuits[name] for name in ill[-_MOST // 2 :]}
        circuits[model] = found = _Circuit()
        return found

    def abandoned(self, model: ModelId) -> None:
        """The call was broken off by us, or refused: it says nothing, and the next one may probe."""
        circuit = self._circuits.get(model)
        if circuit is not None:
            circuit.asked_until = 0.0

    def latency_s(self, model: ModelId) -> float | None:
        """Seconds to the first token, a moving average; None when nothing is known."""
        circuit = self._circuits.get(model)
        return circuit.latency_s if circuit else None

    def state(self, model: ModelId) -> State:
        """Of the circuit; `half-open` when the next call is, or was, a probe."""
        circuit = self._circuits.get(model)
        if circuit is None or not circuit.open_s:
            return "closed"
        return "open" if self._clock() < circuit.opens_at else "half-open"

    def pause_s(self, model: ModelId) -> float:
        """For so many seconds more the provider wants to be left alone with calls of this model; 0 for none."""
        circuit = self._circuits.get(model)
        return max(0.0, circuit.paused_until - self._clock()) if circuit and circuit.paused_until else 0.0

    def reason(self, model: ModelId) -> str:
        """Why the model may not be called now; "" when it may."""
        if self.may_call(model):
            return ""
        pause_s = self.pause_s(model)
        if pause_s:
            return f"{model} asked to slow down for {pause_s:.1f} s more"
        opens_in_s = self._circuits[model].opens_at - self._clock()
        if opens_in_s > 0:
            return f"{model} keeps failing and is asked again in {opens_in_s:.1f} s"
        return f"{model} kept failing and is being probed"


def _open(circuit: _Circuit, now: float, open_s: float) -> None:
    circuit.open_s, circuit.opens_at, circuit.asked_until = open_s, now + open_s, 0.0


def _is_mostly_failing(circuit: _Circuit, now: float) -> bool:
    if len(circuit.failures) < _FAILURES:
        return False
    first_call, first_at = circuit.failures[0]
    return circuit.calls - first_call < _OF and now - first_at <= _WITHIN_S
