"""One model's try at a stream: the vendor's own bytes, or what it says written in the client's dialect."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from steadyhand.errors import ProviderError, SteadyhandError, StreamBroken
from steadyhand.pipeline.gateway.align import Diverged
from steadyhand.pipeline.gateway.booking import Part
from steadyhand.pipeline.gateway.forward import speaks
from steadyhand.pipeline.gateway.ports import GatewayPorts
from steadyhand.pipeline.gateway.relay import Relay
from steadyhand.pipeline.gateway.upstream import Upstream, dialect_of
from steadyhand.pipeline.gateway.visit import Visit
from steadyhand.pipeline.gateway.written import Written
from steadyhand.routing.attempts import Attempt, Attempts
from steadyhand.types.message import Message
from steadyhand.types.model import Completion, CompletionRequest
from steadyhand.types.text import Segment


class StreamAttempt:
    """One model's try at a stream. Afterwards `completion` is the answer and `tail` what ends it; or neither is
    there, and the next model may try, unless `obstacle` says why nobody can."""

    def __init__(self, ports: GatewayPorts, visit: Visit, attempts: Attempts, attempt: Attempt) -> None:
        self.completion: Completion | None = None
        self.tail = b""
        self._answered: Completion | None = None  # by this model alone, whatever the client had before
        self.obstacle: SteadyhandError | None = None
        self._ports = ports
        self._upstream = Upstream(ports)
        self._visit = visit
        self._attempts = attempts
        self._attempt = attempt
        self._began_s = self._ports.monotonic()
        self._first_token_s: float | None = None
        self._relay: Relay | None = None
        self._writing: Written | None = None

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """What to send next. Failures are noted, not raised; a client that goes away is."""
        visit, attempt = self._visit, self._attempt
        may_forward = not visit.has_begun and speaks(attempt.model.provider, visit.call.dialect.NAME)
        try:
            async with aclosing(self._forwarded() if may_forward else self._written()) as pieces:
                async for piece in pieces:
                    if self._first_token_s is None:
                        self._first_token_s = self._ports.monotonic() - self._began_s
                        visit.booking.exchange.model = attempt.model.id
                    yield piece
        except Diverged as error:
            self._attempts.abandoned(attempt)
            self._note_part(str(error))
            self.obstacle = error
        except ProviderError as error:
            if may_forward:
                self._ports.transport.tell(error, attempt.model)
            self._attempts.failed(attempt, error)
            self._note_part(str(error))
            if visit.is_stuck and not visit.call.accepts_reset:
                self.obstacle = StreamBroken(
                    f"the answer broke off in a tool call or a thought, which nobody can go on with: {error}",
                    hint="ask again",
                )
        except SteadyhandError as error:  # the request is wrong, and was not sent
            self._attempts.abandoned(attempt)
            self._note_part(str(error))
            raise
        except BaseException:
            self._attempts.abandoned(attempt)
            self._note_part("broken off", is_asked=True)
            raise
        else:
            assert self._answered is not None
            self._attempts.succeeded(attempt, self._first_token_s)
            usage, text = self._answered.usage, self._answered.text
            visit.booking.note(attempt, usage, text, self._elapsed_s(), self._first_token_s)

    async def _forwarded(self) -> AsyncGenerator[bytes, None]:
        """The vendor's own bytes."""
        visit, model = self._visit, self._attempt.model
        reply = await self._upstream.open(visit, model, is_streamed=True)
        try:
            if not reply.is_stream:  # although one was asked for
                self._answered = self.completion = self._upstream.decoded(visit, model, reply, await reply.body())
                begun, self.tail = visit.pieces(self.completion)
                yield begun
                return
            name = visit.call.dialect.NAME
            relay = self._relay = Relay(name, dialect_of(name).Stream, hides_usage=not visit.call.head.wants_usage)
            while not (relay.error or relay.has_ended) and (data := await reply.read()):
                piece = relay.take(data)
                if piece:
                    yield piece
            self._answered = self.completion = relay.finish()
            self.tail = relay.end()
        finally:
            reply.close(is_done=self._relay is not None and self._relay.has_ended)

    async def _written(self) -> AsyncGenerator[bytes, None]:
        """The answer in our words, written in the client's dialect, behind what the client has."""
        visit, model, request = self._visit, self._attempt.model, self._visit.read()
        continues = bool(visit.sent) and not visit.is_stuck and model.provider.prefill != "none"
        if continues:
            request = _behind(request, visit.sent)
        request = replace(request, timeout_s=self._upstream.left_s(visit))
        written = self._writing = Written(visit, continues=continues)
        asked = self._ports.completer.stream(model, request, first_byte_s=visit.route.attempt_s)
        async with aclosing(asked) as deltas:
            async for delta in deltas:
                if isinstance(delta, Completion):
                    self._answered = delta
                    break
                piece = written.take(delta)
                if piece:
                    yield piece
        assert self._answered is not None
        rest, self.tail, self.completion = written.finish(self._answered)
        if rest:
            yield rest

    def _note_part(self, error: str, *, is_asked: bool = False) -> None:
        """What this model gave before it broke off, if anything, and what the client has now.

        `is_asked`: it was at work, and will be paid for the request at least.
        """
        visit, part = self._visit, Part()
        if self._relay is not None:
            passed = self._relay.passed()
            part, visit.is_stuck = passed.part, passed.is_stuck
            if passed.events:
                visit.writes().take_over(passed.events)
        elif self._writing is not None:
            part = self._writing.part()
        visit.sent += part.text
        if not (is_asked or part.pieces) and self._first_token_s is None:
            visit.booking.note_failure(self._attempt, self._elapsed_s(), error)
        else:
            usage = visit.booking.note_part(self._attempt, part, self._elapsed_s(), error)
            visit.output_tokens += usage.output_tokens

    def _elapsed_s(self) -> float:
        return self._ports.monotonic() - self._began_s


def _behind(request: CompletionRequest, sent: str) -> CompletionRequest:
    """The request, to be answered from where the client's text ends."""
    begun = Segment(sent.rstrip(), "model", "untrusted", "internal")
    return replace(request, messages=(*request.messages, Message("assistant", (begun,))))
