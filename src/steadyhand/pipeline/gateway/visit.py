"""One gateway call on its way: what was asked, who may answer, and what the client has so far."""

from dataclasses import dataclass, replace

from steadyhand.caching.keys import Key
from steadyhand.errors import ProviderRefused, SteadyhandError
from steadyhand.pipeline.gateway.booking import Booking
from steadyhand.pipeline.gateway.client import GatewayCall, ReplyWriter
from steadyhand.pipeline.gateway.names import Route
from steadyhand.types.model import Completion, CompletionRequest

WRONG_REQUEST = frozenset({400, 413, 422})
"""Statuses for a request that its client has to mend: the vendor's own words help most."""


@dataclass(slots=True)
class Visit:
    """`deadline` is on the monotonic clock. `sent` is the text that the client of a stream has."""

    call: GatewayCall
    booking: Booking
    route: Route
    deadline: float
    request: CompletionRequest | None = None  # read when a dialect has to be translated
    writer: ReplyWriter | None = None
    has_begun: bool = False  # were bytes of the answer sent?
    sent: str = ""
    is_stuck: bool = False  # does what it has end in a thought or a tool call? Nobody can go on there
    refusal: tuple[int, bytes] | None = None  # a vendor's own answer to a wrong request
    tail: bytes = b""  # what ends the answer's stream, sent when its rows are safe
    repeat_key: Key | None = None  # what an equal request finds the answer by, when it may be given again
    output_tokens: int = 0  # of attempts that broke off, which the answer goes on from

    def read(self) -> CompletionRequest:
        """The client's request in our words."""
        if self.request is None:
            self.request = self.call.dialect.read(self.call.body, self.route.timeout_s)
        return self.request

    def whole(self, completion: Completion) -> bytes:
        """An answer as a body in the client's dialect."""
        exchange = self.booking.exchange
        return self.call.dialect.answer(
            completion, model=exchange.asked_model, run_id=exchange.run_id, created=int(exchange.started_s)
        )

    def own_refusal(self, error: SteadyhandError) -> tuple[int, bytes] | None:
        """The vendor's own answer, where it speaks the client's dialect and the request is what is wrong."""
        is_wrong = isinstance(error, ProviderRefused) and error.vendor_status in WRONG_REQUEST
        return self.refusal if is_wrong else None

    def together(self, completion: Completion, said: str) -> Completion:
        """The answer of a model that went on from what the client has, and `said` the rest of the text."""
        usage = replace(completion.usage, output_tokens=completion.usage.output_tokens + self.output_tokens)
        return replace(completion, text=self.sent + said, usage=usage)

    def pieces(self, completion: Completion) -> tuple[bytes, bytes]:
        """An answer that came whole as a stream in the client's dialect: all but its end, and the end."""
        writer = self.writes()
        begun = b"".join([writer.begin(), *map(writer.delta, completion.deltas)])
        return begun, writer.end(completion)

    def writes(self) -> ReplyWriter:
        """Writes the answer's stream in the client's dialect."""
        if self.writer is None:
            exchange = self.booking.exchange
            self.writer = self.call.dialect.Writer(
                model=exchange.asked_model,
                run_id=exchange.run_id,
                created=int(exchange.started_s),
                wants_usage=self.call.head.wants_usage,
            )
        return self.writer
