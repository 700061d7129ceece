"""The gateway: calls in a vendor's dialect, answered by any model.

The same path as every run, admit to record, with nothing on it that a proxy would not need: no database, no copy of
the body, and bytes forwarded untouched when client and vendor speak one dialect.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

import msgspec

from steadyhand.catalog.tokens import of_bytes
from steadyhand.errors import NoModel, ProviderRefused, RunCancelled, SteadyhandError, StreamBroken
from steadyhand.ledger.ids import id_at
from steadyhand.pipeline.gateway.asking import Asking, Got
from steadyhand.pipeline.gateway.booking import Booking
from steadyhand.pipeline.gateway.client import GatewayCall, Head, Served, Streamed
from steadyhand.pipeline.gateway.forward import speaks
from steadyhand.pipeline.gateway.guard import Guard
from steadyhand.pipeline.gateway.names import Route, asked_now, check_allowed
from steadyhand.pipeline.gateway.ports import GatewayPorts
from steadyhand.pipeline.gateway.repeats import Repeats
from steadyhand.pipeline.gateway.stream_attempt import StreamAttempt
from steadyhand.pipeline.gateway.upstream import Upstream
from steadyhand.pipeline.gateway.visit import Visit
from steadyhand.routing.attempts import Attempts
from steadyhand.types.exchange import Exchange
from steadyhand.types.model import EmbeddingRequest, Embeddings, Model
from steadyhand.types.quota import Limit
from steadyhand.types.run import Principal


class Passthrough:
    """Answers gateway calls. Every call that is admitted ends with its rows in the journal, before its answer's
    last byte leaves."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._ports = ports
        self._upstream = Upstream(ports)
        self._guard = Guard(ports.guardrails)
        self._repeats = Repeats(ports.cache)

    def names(self, principal: Principal) -> list[str]:
        """Every name that the caller may use as a model, sorted."""
        return self._ports.names.all(principal)

    async def answer(self, call: GatewayCall) -> Served:
        """A whole answer. Raises `SteadyhandError`, with the run's id once the call was admitted."""
        visit = await self._visit(call)
        booking = visit.booking
        try:
            status, body = await self._answered(visit)
        except BaseException as error:
            booking.end(error)
            raise
        booking.end(None)
        return Served(status=status, body=body, run_id=booking.exchange.run_id, model=booking.exchange.model or "")

    async def stream(self, call: GatewayCall) -> Streamed | Served:
        """The answer piece by piece, in the client's dialect, once a vendor has begun.

        What is given whole is a vendor's own refusal of the request. Raises before the first piece; afterwards an
        error is the last piece. Closed early, the stream ends the vendor's work, and the call is billed by what has
        come.
        """
        visit = await self._visit(call)
        exchange, pieces = visit.booking.exchange, self._pieces(visit)
        try:
            first = await anext(pieces)
        except ProviderRefused as error:
            own = visit.own_refusal(error)
            if own is None:
                raise
            return Served(status=own[0], body=own[1], run_id=exchange.run_id, model="")
        return Streamed(run_id=exchange.run_id, model=exchange.model or "", first=first, rest=pieces)

    async def embed(self, principal: Principal, model: str, request: EmbeddingRequest) -> tuple[Embeddings, str]:
        """Vectors of the texts, and the run's id. Raises like `answer`."""
        head, texts = Head(model=model, max_output_tokens=0), msgspec.json.encode(request.texts)
        booking = self._booking(principal, head, texts.decode())
        route = await self._admitted(booking, head, texts, {})
        deadline = booking.began_s + min(route.timeout_s, request.timeout_s)

        async def ask(model: Model) -> Got[Embeddings]:
            timeout_s = min(route.attempt_s, max(0.001, deadline - self._ports.monotonic()))
            embeddings = await self._ports.completer.embed(model, replace(request, timeout_s=timeout_s))
            return Got(embeddings, embeddings.usage, "")

        try:
            embeddings = await Asking(self._ports, booking, self._attempts(booking, route, deadline), ask).first()
        except BaseException as error:
            booking.end(error)
            raise
        booking.end(None)
        return embeddings, booking.exchange.run_id

    # ---- one call

    async def _visit(self, call: GatewayCall) -> Visit:
        """The call, admitted. Raises what refuses it, once that is recorded."""
        began_s = self._ports.monotonic()
        booking = self._booking(call.principal, call.head, call.body.decode("utf-8", "replace"))
        route = await self._admitted(booking, call.head, call.body, call.headers)
        return Visit(call, booking, route, began_s + route.timeout_s)

    async def _pieces(self, visit: Visit) -> AsyncGenerator[bytes, None]:
        """The whole stream. The call is recorded before its last piece leaves, and in every other case."""
        try:
            kept = await self._repeats.find(visit)
            if kept is not None:
                begun, tail = self._repeats.streamed(visit, kept)
                yield begun
            else:
                async with aclosing(self._streamed(visit)) as pieces:
                    async for piece in pieces:
                        visit.has_begun = True
                        yield piece
                tail = visit.tail
            visit.booking.end(None)
            yield tail
        except GeneratorExit:
            visit.booking.end(RunCancelled("the client went away"))
            raise
        except SteadyhandError as error:
            if visit.own_refusal(error):
                visit.booking.refuse(error)
            visit.booking.end(error)
            if not visit.has_begun:
                raise
            yield visit.writes().fail(error)
        except BaseException as error:
            visit.booking.end(error)
            raise

    def _booking(self, principal: Principal, head: Head, prompt: str) -> Booking:
        ports = self._ports
        now_s = ports.time()
        exchange = Exchange(
            run_id=id_at(now_s, ports.randomness(10)),
            principal=principal,
            end_user=head.end_user,
            data_class=ports.names.least_class(head.model),
            asked_model=head.model,
            prompt=prompt,
            started_s=now_s,
        )
        return Booking(ports, exchange)

    async def _admitted(self, booking: Booking, head: Head, body: bytes, headers: Mapping[str, str]) -> Route:
        """Guard the input, find who may answer, and set aside what it may cost."""
        try:
            return await self._admit(booking, head, body, headers)
        except BaseException as error:
            booking.end(error)
            raise

    async def _admit(self, booking: Booking, head: Head, body: bytes, headers: Mapping[str, str]) -> Route:
        ports, exchange = self._ports, booking.exchange
        ports.ledger.admit()
        check_allowed(exchange.principal, head.model)
        report = await self._guard(body, exchange.data_class, headers)
        exchange.findings, exchange.data_class = report.findings, report.data_class
        route = ports.names.route(head.model, report.data_class)
        exchange.routing = route.reasons
        limits = ports.limits_of(exchange.principal, head.end_user)
        if limits:
            _check_price(route, limits)
            input_tokens = of_bytes(len(body))
            output_tokens = route.output_tokens(head.max_output_tokens, head.answers)
            booking.reservation = await ports.reserve(
                limits, usd=route.worst_usd(input_tokens, output_tokens), tokens=input_tokens + output_tokens
            )
        return route

    def _attempts(self, booking: Booking, route: Route, deadline: float) -> Attempts:
        ports = self._ports
        models, remarks = asked_now(route, ports.conditions, ports.jitter)
        if remarks:
            booking.exchange.routing = "; ".join([route.reasons, *remarks])
        return Attempts(
            models,
            ports.conditions.health,
            ports.conditions.retries,
            deadline=deadline,
            clock=ports.monotonic,
            jitter=ports.jitter,
        )

    async def _answered(self, visit: Visit) -> tuple[int, bytes]:
        """Status and body for the client, from the first model that answers."""
        route = visit.route
        kept = await self._repeats.find(visit)
        if kept is not None:
            return 200, kept
        asking = Asking(
            self._ports,
            visit.booking,
            self._attempts(visit.booking, route, visit.deadline),
            lambda model: self._ask(visit, model),
            route.hedge_s,
        )
        try:
            body = await asking.first()
        except ProviderRefused as error:
            own = visit.own_refusal(error)
            if own is None:
                raise
            visit.booking.refuse(error)
            return own
        await self._repeats.keep(visit, body)
        return 200, body

    async def _streamed(self, visit: Visit) -> AsyncGenerator[bytes, None]:
        """Everything but what ends the answer, which is in `visit.tail` then. Raises when nobody is left to ask."""
        attempts = self._attempts(visit.booking, visit.route, visit.deadline)
        while (attempt := attempts.next()) is not None:
            if attempt.wait_s:
                await asyncio.sleep(attempt.wait_s)
            one = StreamAttempt(self._ports, visit, attempts, attempt)
            async with aclosing(one.pieces()) as pieces:
                async for piece in pieces:
                    yield piece
            if one.completion is not None:
                visit.tail = one.tail
                await self._repeats.keep(visit, one.completion)
                return
            if one.obstacle is not None:
                raise one.obstacle
        failure = attempts.failure
        if visit.has_begun:
            message = f"the answer broke off, and no model was left to go on with it: {failure}"
            raise StreamBroken(message, hint="ask again, or name a second model") from failure
        raise failure

    async def _ask(self, visit: Visit, model: Model) -> Got[bytes]:
        """One model's answer, as bytes in the client's dialect."""
        if not speaks(model.provider, visit.call.dialect.NAME):
            timeout_s = min(visit.route.attempt_s, self._upstream.left_s(visit))
            completion = await self._ports.completer(
                model, replace(visit.read(), timeout_s=timeout_s), is_streamed=False
            )
            return Got(visit.whole(completion), completion.usage, completion.text)
        body, completion = await self._upstream.answer(visit, model)
        return Got(body, completion.usage, completion.text)


def _check_price(route: Route, limits: tuple[Limit, ...]) -> None:
    if route.input_usd is None and any(limit.unit == "usd" for limit in limits):
        unpriced = next(model.id for model in route.models if model.price is None)
        raise NoModel(
            f"expected a known price, because what the caller may spend is limited; that of {unpriced} is unknown",
            hint=f'say it in steadyhand.toml: [catalog."{unpriced}"] input_usd, output_usd',
        )
