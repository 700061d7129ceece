"""Asks models until one answers: waits between attempts, bounds each, and asks a second one beside a slow first."""

import asyncio
from dataclasses import dataclass, replace

from steadyhand.catalog.tokens import estimate
from steadyhand.errors import ProviderError, ProviderTimeout
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

    With `hedge_s`, the next model is asked as well when one has not answered after so many seconds.
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

    async def answer(self, deadline: float) -> Answered | None:
        """The first answer; None when no attempt is left, and `attempts.failure` says why."""
        while (attempt := self._attempts.next()) is not None:
            if attempt.wait_s:
                await asyncio.sleep(attempt.wait_s)
            if self._hedge_s is None:
                found = await self._ask(attempt, deadline)
            else:
                found = await self._race(attempt, deadline, self._hedge_s)
            if found is not None:
                return found
        return None

    async def _race(self, first: Attempt, deadline: float, hedge_s: float) -> Answered | None:
        """The first good answer of this model and of those asked beside it; the others are broken off."""
        running = {self._started(first, deadline): self._try(first)}
        try:
            while running:
                done, _ = await asyncio.wait(running, timeout=hedge_s, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del running[task]
                    if (found := task.result()) is not None:
                        return found
                beside = self._attempts.hedge() if running else None
                if beside is not None:
                    running[self._started(beside, deadline)] = self._try(beside)
            return None
        finally:
            for task, tried in running.items():
                task.cancel()
                self._note_broken_off(tried)

    def _started(self, attempt: Attempt, deadline: float) -> "asyncio.Task[Answered | None]":
        return asyncio.create_task(self._ask(attempt, deadline))

    def _try(self, attempt: Attempt) -> _Try:
        return _Try(attempt, self._ports.monotonic())

    async def _ask(self, attempt: Attempt, deadline: float) -> Answered | None:
        """The model's answer, None when it failed; noted either way, unless it is broken off."""
        began = self._ports.monotonic()
        timeout_s = max(0.0, min(deadline - began, self._request.timeout_s))
        try:
            completion = await self._bounded(attempt.model, timeout_s)
        except ProviderError as error:
            self._attempts.failed(attempt, error)
            self._note(attempt, Usage(), self._ports.monotonic() - began, error=str(error))
            return None
        except BaseException:
            self._attempts.abandoned(attempt)
            raise
        duration_s = self._ports.monotonic() - began
        self._attempts.succeeded(attempt, completion.first_token_s or duration_s)
        self._note(attempt, completion.usage, duration_s, completion=completion)
        return Answered(attempt.model, completion)

    async def _bounded(self, model: Model, timeout_s: float) -> Completion:
        """The completion in time, whatever the provider does."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ports.complete(model, replace(self._request, timeout_s=timeout_s))
        except TimeoutError:
            raise ProviderTimeout(f"{model.id} did not answer within {timeout_s:.1f} s") from None

    def _note_broken_off(self, tried: _Try) -> None:
        """A vendor charges for what it read and for what it wrote until then, taken to be what the winner wrote."""
        written = max((call.usage.output_tokens for call in self.calls), default=0)
        read = estimate(message.text for message in self._request.messages)
        usage = Usage(input_tokens=read, output_tokens=written, is_estimated=True)
        duration_s = self._ports.monotonic() - tried.began
        self._note(tried.attempt, usage, duration_s, error="broken off: another model answered first")

    def _note(
        self,
        attempt: Attempt,
        usage: Usage,
        duration_s: float,
        *,
        completion: Completion | None = None,
        error: str = "",
    ) -> None:
        price = attempt.model.price
        self.calls.append(
            ModelCall(
                model=attempt.model.id,
                attempt=self._number,
                usage=usage,
                cost_usd=cost_usd(usage, price) if price else None,
                price=price,
                duration_s=duration_s,
                first_token_s=completion.first_token_s if completion else None,
                error=error,
                prompt="\n\n".join(message.text for message in self._request.messages),
                answer=completion.text if completion else "",
            )
        )
