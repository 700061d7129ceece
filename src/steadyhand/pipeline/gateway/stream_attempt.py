"""One model's try at a stream: the vendor's own bytes, or what it says written in the client's dialect."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from steadyhand.errors import ProviderError, SteadyhandError, StreamBroken
from steadyhand.pipeline.gateway.align import Aligner, Diverged
from steadyhand.pipeline.gateway.forward import speaks
from steadyhand.pipeline.gateway.ports import GatewayPorts
from steadyhand.pipeline.gateway.relay import Relay
from steadyhand.pipeline.gateway.upstream import Upstream, dialect_of
from steadyhand.pipeline.gateway.visit import Visit
from steadyhand.routing.attempts import Attempt, Attempts
from steadyhand.types.message import Message, TextDelta
from steadyhand.types.model import Completion, CompletionRequest, Usage
from steadyhand.types.text import Segment


class StreamAttempt:
    """One model's try at a stream. Afterwards `completion` is the answer and `tail` what ends it; or neither is
    there, and the next model may try, unless `obstacle` says why nobody can."""

    def __init__(self, ports: GatewayPorts, visit: Visit, attempts: Attempts, attempt: Attempt) -> None:
        self.completion: Completion | None = None
        self.tail = b""
        self.obstacle: SteadyhandError | None = None
        self._ports = ports
        self._upstream = Upstream(ports)
        self._visit = visit
        self._attempts = attempts
        self._attempt = attempt
        self._began_s = self._ports.monotonic()
        self._first_token_s: float | None = None
        self._relay: Relay | None = None
        self._usage: Usage | None = None
        self._said: list[str] = []  # by this model, where it is written by us

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """What to send next. Failures are noted, not raised; a client that goes away is."""
        visit, attempt = self._visit, self._attempt
        may_forward = not visit.has_begun and speaks(attempt.model.provider, visit.call.dialect.NAME)
        try:
            async with aclosing(self._forwarded() if may_forward else self._written()) as pieces:
                async for piece in pieces:
                    if self._first_token_s is None:
                        self._first_token_s = self._ports.monotonic() - self._began_s
                    yield piece
        except Diverged as error:
            self._attempts.abandoned(attempt)
            self._note_part(str(error))
            self.obstacle = error
        except ProviderError as error:
            self._attempts.failed(attempt, error)
            self._note_part(str(error))
            if visit.has_other:
                self.obstacle = StreamBroken(
                    f"the answer broke off in a tool call or a thought, which nobody can go on with: {error}",
                    hint="ask again",
                )
        except BaseException:
            self._attempts.abandoned(attempt)
            self._note_part("broken off")
            raise
        else:
            assert self.completion is not None
            self._attempts.succeeded(attempt, self._first_token_s)
            usage, text = self._answered(self.completion)
            visit.booking.note(attempt, usage, text, self._elapsed_s(), self._first_token_s)

    async def _forwarded(self) -> AsyncGenerator[bytes, None]:
        """The vendor's own bytes."""
        visit, model = self._visit, self._attempt.model
        reply = await self._upstream.open(visit, model, is_streamed=True)
        try:
            if not reply.is_stream:
                async for piece in self._begun_whole(
                    self._upstream.decoded(visit, model, reply, await reply.body())
                ):
                    yield piece
                return
            name = visit.call.dialect.NAME
            relay = Relay(name, dialect_of(name).Stream(), hides_usage=not visit.call.head.wants_usage)
            self._relay = relay
            while not (relay.error or relay.has_ended) and (data := await reply.read()):
                piece = relay.take(data)
                if piece:
                    yield piece
        finally:
            reply.close(is_done=self._relay is not None and self._relay.has_ended)
        self.completion = relay.finish()
        self.tail = relay.tail or _CLOSING.get(name, b"")

    async def _begun_whole(self, completion: Completion) -> AsyncGenerator[bytes, None]:
        """A vendor answered whole although a stream was asked for."""
        writer = self._visit.writes()
        yield writer.begin() + writer.delta(TextDelta(completion.text))
        self._said.append(completion.text)
        self.completion, self.tail = completion, writer.end(completion)

    async def _written(self) -> AsyncGenerator[bytes, None]:
        """The answer in our words, written in the client's dialect, behind what the client has."""
        visit, model, writer = self._visit, self._attempt.model, self._visit.writes()
        continues = bool(visit.sent) and model.provider.prefill != "none"
        aligner = Aligner(visit.sent, continues=continues)
        request = _behind(visit.read(), visit.sent) if continues else visit.read()
        request = replace(request, timeout_s=self._upstream.left_s(visit))
        has_begun = visit.has_begun
        async with aclosing(self._ports.completer.stream(model, request)) as deltas:
            async for delta in deltas:
                if isinstance(delta, Completion):
                    self.completion = self._whole(delta)
                    break
                if not has_begun:
                    has_begun = True
                    yield writer.begin()
                if isinstance(delta, TextDelta):
                    try:
                        text = aligner.feed(delta.text)
                    except Diverged:
                        if not visit.call.accepts_reset:
                            raise
                        visit.sent, text = "", aligner.heard
                        yield writer.reset()
                    if text:
                        self._said.append(text)
                        yield writer.delta(TextDelta(text))
                elif not visit.sent:
                    visit.has_other = True
                    yield writer.delta(delta)
        rest = aligner.end()
        if rest:
            self._said.append(rest)
            yield writer.delta(TextDelta(rest))
        assert self.completion is not None
        self.tail = (b"" if has_begun else writer.begin()) + writer.end(self.completion)

    def _answered(self, completion: Completion) -> tuple[Usage, str]:
        """What this model was asked for and said itself, whatever the client had before."""
        return (self._usage or completion.usage), ("".join(self._said) or completion.text)

    def _whole(self, completion: Completion) -> Completion:
        """The answer with what the client had before."""
        usage = self._usage = completion.usage
        usage = replace(usage, output_tokens=usage.output_tokens + self._visit.output_tokens)
        return replace(completion, text=self._visit.sent + "".join(self._said), usage=usage)

    def _note_part(self, error: str) -> None:
        """What this model gave before it broke off, if anything, and what the client has now."""
        visit = self._visit
        if self._relay is not None:
            said, count = self._relay.sent(), self._relay.pieces
            visit.has_other = visit.has_other or self._relay.has_other
        else:
            said, count = "".join(self._said), len(self._said)
        visit.sent += said
        if self._first_token_s is None and not said:
            visit.booking.note_failure(self._attempt, self._elapsed_s(), error)
        else:
            usage = visit.booking.note_part(self._attempt, said, count, self._elapsed_s(), error)
            visit.output_tokens += usage.output_tokens

    def _elapsed_s(self) -> float:
        return self._ports.monotonic() - self._began_s


_CLOSING = {"openai": b"data: [DONE]\n\n"}
"""How a stream is closed whose vendor leaves the end mark out."""


def _behind(request: CompletionRequest, sent: str) -> CompletionRequest:
    """The request, to be answered from where the client's text ends."""
    begun = Segment(sent.rstrip(), "model", "untrusted", "internal")
    return replace(request, messages=(*request.messages, Message("assistant", (begun,))))
