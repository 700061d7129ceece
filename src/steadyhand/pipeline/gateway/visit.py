"""One gateway call on its way: what was asked, who may answer, and what the client has so far."""

from dataclasses import dataclass

from steadyhand.pipeline.gateway.booking import Booking
from steadyhand.pipeline.gateway.client import GatewayCall, ReplyWriter
from steadyhand.pipeline.gateway.names import Route
from steadyhand.types.model import Completion, CompletionRequest


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
    has_other: bool = False  # than text, which nobody can go on with
    refusal: tuple[int, bytes] | None = None  # a vendor's own answer to a wrong request
    tail: bytes = b""  # what ends the answer's stream, sent when its rows are safe
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
