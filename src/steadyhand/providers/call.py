"""Has a model answer: one of this process here, any other over its provider's dialect.

One call is one attempt, so that each has a row of its own in the ledger: whoever calls decides what is tried again.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from dataclasses import replace
from threading import Lock
from typing import cast

from steadyhand import plugins
from steadyhand.catalog import tokens
from steadyhand.errors import InvalidInput, ParameterRefused, ProviderError, ProviderRefused, ProviderTimeout
from steadyhand.providers.ports import Builtin, BuiltinModel, Dialect, WireRequest
from steadyhand.providers.transport import Transport
from steadyhand.types.ids import ModelId
from steadyhand.types.message import Delta
from steadyhand.types.model import (
    Completion,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    Model,
    Task,
    Usage,
)
from steadyhand.types.ports import Complete, Embed

IN_PROCESS = "inprocess"
"""The dialect of providers whose models run in this process and chat; "local" is that of built-in models."""

_THREADS = 2  # so many built-in models work at once

_Pieces = AsyncGenerator[Delta | Completion, None]


class Completer:
    """The port `Complete`; `stream` is `CompleteStreamed`.

    `request.timeout_s` bounds a call with everything in it. Raises the provider errors of `errors.py`, whose
    messages name the model and never hold a key. `in_process` answers for providers of that dialect. `clock` counts
    seconds.
    """

    def __init__(
        self,
        transport: Transport,
        embed: Embed,
        *,
        in_process: Complete | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._embed = embed
        self._in_process = in_process
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="builtin-model")
        self._clock = clock
        self._built: dict[str, BuiltinModel] = {}
        self._building = Lock()
        self._refused: dict[ModelId, frozenset[str]] = {}  # parameters a model did not take

    async def __call__(self, model: Model, request: CompletionRequest, *, is_streamed: bool = True) -> Completion:
        """The model's whole answer. Asked for as a stream, it has a time to the first token, and stalls show."""
        first_byte_s = None if is_streamed else request.timeout_s
        async with aclosing(self._pieces(model, request, first_byte_s, is_streamed=is_streamed)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Completion):
                    return piece
        raise AssertionError("unreachable: the whole answer comes last")

    def stream(self, model: Model, request: CompletionRequest, *, first_byte_s: float | None = None) -> _Pieces:
        """The answer piece by piece, the whole of it last. Closed early, it ends the provider's work.

        `first_byte_s` bounds the time until it begins; None leaves that to the transport.
        """
        return self._pieces(model, request, first_byte_s, is_streamed=True)

    async def embed(self, model: Model, request: EmbeddingRequest) -> Embeddings:
        """A vector for each text, by a provider's model."""
        provider = model.provider
        with self._told(model):
            if provider.dialect in ("local", IN_PROCESS):
                raise ProviderRefused("expected a model with embeddings; it has none", hint="name another model")
            dialect = _dialect(model)
            status, headers, body = await self._transport.unary(
                provider,
                dialect.encode_embeddings(request, model),
                authorize=dialect.authorize,
                timeout_s=request.timeout_s,
                first_byte_s=request.timeout_s,
            )
            found = dialect.decode_embeddings(status, headers, body)
        if found.usage != Usage():
            return found
        return replace(found, usage=Usage(input_tokens=tokens.estimate(request.texts), is_estimated=True))

    async def close(self) -> None:
        """Close the connections; a built-in model that is at work ends its work unheard."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._transport.close()

    async def _pieces(
        self, model: Model, request: CompletionRequest, first_byte_s: float | None, *, is_streamed: bool
    ) -> _Pieces:
        deadline = self._clock() + request.timeout_s
        with self._told(model):
            if model.provider.dialect in ("local", IN_PROCESS):
                completion = await self._answered_here(model, request, deadline)
                for delta in completion.deltas:
                    yield delta
                yield completion
                return
            adapted = self._adapted(model, request, deadline, first_byte_s, is_streamed=is_streamed)
            async with aclosing(adapted) as pieces:
                async for piece in pieces:
                    yield piece

    @contextmanager
    def _told(self, model: Model) -> Iterator[None]:
        """Errors name the model, and are without keys."""
        try:
            yield
        except ProviderError as error:
            self._transport.tell(error, model)
            raise

    async def _adapted(
        self,
        model: Model,
        request: CompletionRequest,
        deadline: float,
        first_byte_s: float | None,
        *,
        is_streamed: bool,
    ) -> _Pieces:
        """The answer to the request without the parameters this model refuses; they are remembered."""
        avoid = self._refused.get(model.id, frozenset())
        has_begun = False
        while True:
            try:
                wire = _encoded(request, model, avoid, is_streamed=is_streamed)
                async with aclosing(self._remote(model, wire, deadline, first_byte_s)) as pieces:
                    async for piece in pieces:
                        if avoid and not has_begun:
                            self._refused[model.id] = avoid
                        has_begun = True
                        yield _counted(piece, request) if isinstance(piece, Completion) else piece
            except ParameterRefused as refusal:
                if has_begun or refusal.parameter in avoid:
                    raise
                avoid |= {refusal.parameter}
            else:
                return

    async def _remote(
        self, model: Model, wire: WireRequest, deadline: float, first_byte_s: float | None
    ) -> _Pieces:
        dialect = _dialect(model)
        began = self._clock()
        reply = await self._transport.open(
            model.provider,
            wire,
            authorize=dialect.authorize,
            timeout_s=deadline - began,
            first_byte_s=first_byte_s,
        )
        try:
            if not reply.is_stream:
                completion = dialect.decode(reply.status, reply.headers, await reply.body())
                for delta in completion.deltas:
                    yield delta
            else:
                stream, first_token_s = dialect.Stream(), None
                while not stream.is_done and (data := await reply.read()):
                    for delta in stream.feed(data):
                        first_token_s = first_token_s or self._clock() - began
                        yield delta
                completion = replace(stream.finish(), first_token_s=first_token_s)
                reply.close(is_done=True)
        finally:
            reply.close()
        yield completion

    async def _answered_here(self, model: Model, request: CompletionRequest, deadline: float) -> Completion:
        if model.provider.dialect == "local":
            return await self._built_in(model, request, deadline)
        if self._in_process is None:
            raise ProviderRefused("expected models that run in this process; there are none here")
        return _counted(await self._in_process(model, request), request)

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


def _dialect(model: Model) -> Dialect:
    return cast("Dialect", plugins.load("providers.dialects", model.provider.dialect))


def _encoded(request: CompletionRequest, model: Model, avoid: frozenset[str], *, is_streamed: bool) -> WireRequest:
    """Raises `InvalidInput` for a schema, or arguments of a tool, that nobody could follow into their depth."""
    try:
        return _dialect(model).encode(request, model, is_streamed=is_streamed, avoid=avoid)
    except RecursionError:
        raise InvalidInput(
            "expected a request that is not nested so deeply; found hundreds of levels", hint="flatten its schemas"
        ) from None


def _counted(completion: Completion, request: CompletionRequest) -> Completion:
    """The answer with usage: estimated where the provider counted nothing, else a call would look free."""
    if completion.usage != Usage():
        return completion
    estimate = Usage(
        input_tokens=tokens.of_request(request),
        output_tokens=tokens.estimate([completion.text]),
        is_estimated=True,
    )
    return replace(completion, usage=estimate)
