"""Asks models for a run until one answers, bounds each attempt and notes it for the ledger."""

import asyncio
from dataclasses import dataclass, replace

from steadyhand.catalog.tokens import of_request
from steadyhand.errors import ProviderError, ProviderTimeout
from steadyhand.pipeline.first import first_answer
from steadyhand.pipeline.ports import Ports
from steadyhand.routing.attempts import Attempt, Attempts
from steadyhand.routing.cost import cost_usd
from steadyhand.types.model import Completion, CompletionRequest, Model, ModelCall, Usage


@dataclass(frozen=True, slots=True)
class Answered:
    model: Model
    completion: Completion


@dataclass(frozen=True, slots=True)
class _Try:
    """One attempt under way. Times are on the monotonic clock, in seconds."""

    attempt: Attempt
    began: float


class Asking:
    """Of one request; `request.timeout_s` bounds each attempt. `calls` holds every attempt that has ended.

    None is missing when `answer` itself is broken off, so that nothing a vendor charges for is forgotten. With
    `hedge_s`, the next model is asked as well when one has not answered after so many seconds.
    """

    def __init__(
        self, attempts: Attempts, ports: Ports, request: CompletionRequest, number: int, hedge_s: float | None
    ) -> None:
        self.calls: list[ModelCall] = []
        self._attempts = attempts
        self._ports = ports
        self._request = request
        self._number = number
        self._hedge_s = hedge_s
        self._running: dict[int, _Try] = {}  # by the attempt's number

    async def answer(self, deadline: float) -> Answered | None:
        """The first answer; None when no attempt is left, and `attempts.failure` says why."""
        try:
            return await first_answer(self._attempts, lambda attempt: self._ask(attempt, deadline), self._hedge_s)
        finally:
            self._break_off()

    async def _ask(self, attempt: Attempt, deadline: float) -> Answered | None:
        """The model's answer, None when it failed; noted either way."""
        tried = self._running[attempt.number] = _Try(attempt, self._ports.monotonic())
        timeout_s = max(0.0, min(deadline - tried.began, self._request.timeout_s))
        try:
            completion = await self._bounded(attempt.model, timeout_s)
        except ProviderError as error:
            del self._running[attempt.number]
            self._attempts.failed(attempt, error)
            self._note(tried, Usage(), error=str(error))
            return None
        del self._running[attempt.number]
        self._note(tried, completion.usage, completion=completion)
        self._attempts.succeeded(attempt, completion.first_token_s or self.calls[-1].duration_s)
        return Answered(attempt.model, completion)

    async def _bounded(self, model: Model, timeout_s: float) -> Completion:
        """The completion in time, whatever the provider does."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ports.complete(model, replace(self._request, timeout_s=timeout_s))
        except TimeoutError:
            raise ProviderTimeout(f"{model.id}: expected an answer within {timeout_s:.1f} s; none came") from None

    def _break_off(self) -> None:
        """Note what is under way still as ended.

        A vendor charges for what it read and for what it wrote until then, taken to be what the winner wrote.
        """
        if not self._running:
            return
        winner = next((call for call in self.calls if not call.error), None)
        reason = "broken off: another model answered first" if winner else "broken off"
        usage = Usage(of_request(self._request), winner.usage.output_tokens if winner else 0, is_estimated=True)
        for tried in self._running.values():
            self._attempts.abandoned(tried.attempt)
            self._note(tried, usage, error=reason)
        self._running.clear()

    def _note(self, tried: _Try, usage: Usage, *, completion: Completion | None = None, error: str = "") -> None:
        model = tried.attempt.model
        self.calls.append(
            ModelCall(
                model=model.id,
                attempt=self._number,
                usage=usage,
                cost_usd=cost_usd(usage, model.price) if model.price else None,
                price=model.price,
                duration_s=self._ports.monotonic() - tried.began,
                first_token_s=completion.first_token_s if completion else None,
                error=error,
                prompt="\n\n".join(message.text for message in self._request.messages),
                answer=completion.text if completion else "",
            )
        )
