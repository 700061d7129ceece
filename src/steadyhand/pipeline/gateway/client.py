"""The client of a gateway call: what it asked for in a vendor's own dialect, and how it is answered in it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from steadyhand.errors import SteadyhandError
from steadyhand.types.message import Delta
from steadyhand.types.model import Completion, CompletionRequest
from steadyhand.types.run import Principal


@dataclass(frozen=True, slots=True)
class Head:
    """What has to be known of a request before anything is done with it; the rest of the body stays unread.

    `wants_usage`: the client asked for the token counts at the end of its stream. `end_user` is whom the client
    says it acts for. `max_output_tokens` are those of one of the `answers`, of which one vendor gives several.
    """

    model: str
    is_streamed: bool = False
    max_output_tokens: int | None = None
    end_user: str = ""
    wants_usage: bool = True
    answers: int = 1


class ReplyWriter(Protocol):
    """Writes one streamed answer: each method gives the bytes to send next, which may be none.

    `begin` comes first, or `take_over` in its place: the client has these whole events, in which a vendor of the
    same dialect began the answer, and what is written next goes on behind them. They may be none at all.

    `reset` tells a client that opted in that everything sent so far is void and the answer begins anew, which the
    writer then does by itself. `fail` ends a stream with the error as the dialect says it; nothing follows.
    """

    def begin(self) -> bytes: ...

    def take_over(self, events: bytes) -> None: ...

    def delta(self, delta: Delta) -> bytes: ...

    def end(self, completion: Completion) -> bytes: ...

    def reset(self) -> bytes: ...

    def fail(self, error: SteadyhandError) -> bytes: ...


class ClientDialect(Protocol):
    """A module of `serve/gateway/dialects/`: a client's dialect, read and written. Pure functions, no I/O.

    `NAME` is the provider dialect that speaks the same bytes, and `PATH` where it takes them: calls between the two
    are forwarded untouched. `head` and `read` raise `InvalidInput`. `run_id` identifies the answer, `created` is in
    seconds since the epoch. `status` is the one that goes with `failure`.
    """

    NAME: str
    PATH: str

    def head(self, body: bytes) -> Head: ...

    def read(self, body: bytes, timeout_s: float) -> CompletionRequest: ...

    def answer(self, completion: Completion, *, model: str, run_id: str, created: int) -> bytes: ...

    def Writer(self, *, model: str, run_id: str, created: int, wants_usage: bool) -> ReplyWriter: ...  # noqa: N802

    def failure(self, error: SteadyhandError) -> bytes: ...

    def status(self, error: SteadyhandError) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCall:
    """One request of a client. `accepts_reset`: it can be told to forget what it was sent.

    `headers` are those of the client that the vendor has to see, such as `anthropic-version`.
    """

    dialect: ClientDialect
    head: Head
    body: bytes
    principal: Principal
    accepts_reset: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """An answer that has begun, in the client's dialect: the first piece, and the others as they come.

    `rest` is closed by whom it is given to; closed early it ends the vendor's work. `model` is the one that began.
    """

    run_id: str
    model: str
    first: bytes
    rest: AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A whole answer, in the client's dialect, whose row is safe."""

    status: int
    body: bytes
    run_id: str
    model: str
