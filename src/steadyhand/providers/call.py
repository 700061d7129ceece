"""Has a model answer: a built-in one in a worker thread, any other over its provider's dialect."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import cast

from steadyhand import plugins
from steadyhand.catalog import tokens
from steadyhand.errors import ParameterRefused, ProviderError, ProviderRateLimited, ProviderRefused, ProviderTimeout
from steadyhand.providers.ports import Builtin, BuiltinModel, Dialect
from steadyhand.providers.transport import Reply, Transport
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Completion, CompletionRequest, Model, Task, Usage
from steadyhand.types.ports import Embed

_Attempt = Callable[[Model, CompletionRequest, float], Awaitable[Completion]]

_RETRY_S = 0.2
"""The shortest wait before the second attempt; up to as much again is added at random."""


class Completer:
    """The port `Complete`. `request.timeout_s` bounds a call with everything in it: retries, adaptions, waits.

    `threads` bounds how many built-in models work at once. `clock` counts seconds, `jitter` is uniform in [0, 1).
    """

    def __init__(
        self,
        transport: Transport,
        embed: Embed,
        *,
        threads: int = 2,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._embed = embed
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="builtin-model")
        self._clock = clock
        self._jitter = jitter
        self._sleep = sleep
        self._built: dict[str, BuiltinModel] = {}
        self._building = Lock()
        self._refused: dict[ModelId, frozenset[str]] = {}  # parameters a model did not take

    async def __call__(self, model: Model, request: CompletionRequest) -> Completion:
        """The model's answer. A retryable failure is tried once more when time is left for it.

        Raises the provider errors of `errors.py`; their message names the model and never holds a key.
        """
        deadline = self._clock() + request.timeout_s
        attempt = self._built_in if model.provider.dialect == "local" else self._adapted
        try:
            return await self._retried(attempt, model, request, deadline)
        except ProviderError as error:
            error.args = (f"{model.id}: {self._transport.redacted(str(error), model.provider)}",)
            raise

    async def close(self) -> None:
        """Close the connections; a built-in model that is at work ends its work unheard."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._transport.close()

    async def _retried(
        self, attempt: _Attempt, model: Model, request: CompletionRequest, deadline: float
    ) -> Completion:
        try:
            return await attempt(model, request, deadline)
        except ProviderError as error:
            asked_s = error.retry_after_s if isinstance(error, ProviderRateLimited) else None
            wait_s = (asked_s or _RETRY_S) + _RETRY_S * self._jitter()
            if not error.is_retryable or self._clock() + wait_s >= deadline:
                raise
        await self._sleep(wait_s)
        return await attempt(model, request, deadline)

    async def _adapted(self, model: Model, request: CompletionRequest, deadline: float) -> Completion:
        """The answer to the request without the parameters this model refuses; they are remembered."""
        avoid = self._refused.get(model.id, frozenset())
        while True:
            try:
                completion = await self._remote(model, request, deadline, avoid)
            except ParameterRefused as refusal:
                if refusal.parameter in avoid:
                    raise
                avoid |= {refusal.parameter}
            else:
                self._refused[model.id] = avoid
                return completion

    async def _remote(
        self, model: Model, request: CompletionRequest, deadline: float, avoid: frozenset[str]
    ) -> Completion:
        dialect = cast("Dialect", plugins.load("providers.dialects", model.provider.dialect))
        wire = dialect.encode(request, model, is_streamed=True, avoid=avoid)
        began = self._clock()
        async with self._transport.stream(
            model.provider, wire, authorize=dialect.authorize, timeout_s=deadline - began
        ) as reply:
            if reply.is_event_stream:
                completion = await self._streamed(dialect, reply, began)
            else:
                completion = dialect.decode(reply.status, reply.headers, await reply.body())
        return replace(completion, usage=_counted(completion, request))

    async def _streamed(self, dialect: Dialect, reply: Reply, began: float) -> Completion:
        stream, first_token_s = dialect.Stream(), None
        async for data in reply.chunks():
            if stream.feed(data) and first_token_s is None:
                first_token_s = self._clock() - began
            if stream.is_done:
                break
        return replace(stream.finish(), first_token_s=first_token_s)

    async def _built_in(self, model: Model, request: CompletionRequest, deadline: float) -> Completion:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(deadline - self._clock()):
                return await loop.run_in_executor(self._threads, self._answer_here, model.name, request.task)
        except TimeoutError:
            raise ProviderTimeout(f"expected an answer within {request.timeout_s:.1f} s; none came") from None

    def _answer_here(self, name: str, task: Task | None) -> Completion:
        """Runs in a worker thread; the first call of a model builds it."""
        with self._building:
            if task is None:
                raise ProviderRefused(
                    f"expected the task of a feature; {name} answers no free conversation",
                    hint="name a model that chats",
                )
            if name not in self._built:
                builtin = cast("Builtin", plugins.load("providers.builtin", name))
                self._built[name] = builtin.build(self._embed)
        return self._built[name](task)


def _counted(completion: Completion, request: CompletionRequest) -> Usage:
    """The provider's usage, or an estimate where it counted nothing: without tokens a call would look free."""
    if completion.usage != Usage():
        return completion.usage
    return Usage(
        input_tokens=tokens.estimate(message.text for message in request.messages),
        output_tokens=tokens.estimate([completion.text]),
        is_estimated=True,
    )
