"""The vendor's side of a call that is forwarded: its bytes as they come, and what they say."""

from collections.abc import Callable
from typing import cast

from steadyhand import plugins
from steadyhand.errors import ProviderError
from steadyhand.pipeline.gateway.forward import forwarded
from steadyhand.pipeline.gateway.ports import GatewayPorts
from steadyhand.pipeline.gateway.visit import WRONG_REQUEST, Visit
from steadyhand.providers.dialects import openai
from steadyhand.providers.ports import Dialect
from steadyhand.providers.transport import Reply
from steadyhand.types.model import Completion, Model

_SKIMS: dict[str, Callable[[bytes], Completion | None]] = {"openai": openai.skim}
"""Quicker readings of plain answers, for the dialect of nearly all calls."""


class Upstream:
    def __init__(self, ports: GatewayPorts) -> None:
        self._ports = ports

    async def open(self, visit: Visit, model: Model, *, is_streamed: bool) -> Reply:
        """The vendor's reply to the client's own bytes, when its headers have come."""
        wire = forwarded(visit.call, model, is_streamed=is_streamed)
        return await self._ports.transport.open(
            model.provider,
            wire,
            authorize=dialect_of(visit.call.dialect.NAME).authorize,
            timeout_s=self.left_s(visit),
            first_byte_s=visit.route.attempt_s,
        )

    async def answer(self, visit: Visit, model: Model) -> tuple[bytes, Completion]:
        """The vendor's answer as it came and in our words. Raises what went wrong, without keys."""
        try:
            reply = await self.open(visit, model, is_streamed=False)
            try:
                body = await reply.body()
            finally:
                reply.close()
            return body, self.decoded(visit, model, reply, body)
        except ProviderError as error:
            self._ports.transport.tell(error, model)
            raise

    def decoded(self, visit: Visit, model: Model, reply: Reply, body: bytes) -> Completion:
        """The whole answer of a vendor in our words. Raises its error, and keeps its words, without keys, for the
        client."""
        try:
            skim = _SKIMS.get(visit.call.dialect.NAME) if reply.status == 200 else None
            return (skim and skim(body)) or dialect_of(visit.call.dialect.NAME).decode(
                reply.status, reply.headers, body
            )
        except ProviderError:
            if reply.status in WRONG_REQUEST:
                text = self._ports.transport.redacted(body.decode("utf-8", "replace"), model.provider)
                visit.refusal = (reply.status, text.encode())
            raise

    def left_s(self, visit: Visit) -> float:
        """Seconds until the whole call has to be done."""
        return max(0.001, visit.deadline - self._ports.monotonic())


def dialect_of(name: str) -> Dialect:
    """The module of a provider dialect."""
    return cast("Dialect", plugins.load("providers.dialects", name))
