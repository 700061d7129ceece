"""What the gateway does at each of its addresses. The first line of each is its description in the reference."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import msgspec

from steadyhand.catalog.tokens import of_request
from steadyhand.pipeline.gateway.client import ClientDialect, GatewayCall, Served, Streamed
from steadyhand.serve.gateway import embeddings, listing
from steadyhand.serve.gateway.connection import Connection
from steadyhand.types.model import EmbeddingRequest, Embeddings
from steadyhand.types.run import Principal


class Answers(Protocol):
    """Answers conversations."""

    async def answer(self, call: GatewayCall) -> Served: ...

    async def stream(self, call: GatewayCall) -> Streamed | Served: ...


class Models(Answers, Protocol):
    """Everything that has a model's name: the pipeline's `Passthrough`."""

    async def embed(
        self, principal: Principal, model: str, request: EmbeddingRequest
    ) -> tuple[Embeddings, str]: ...

    def names(self, principal: Principal) -> list[str]: ...


class Features(Answers, Protocol):
    def offers(self, name: str) -> bool: ...


class Desk:
    """What endpoints work with."""

    __slots__ = ("features", "models")

    def __init__(self, models: Models, features: Features) -> None:
        self.models = models
        self.features = features


Endpoint: TypeAlias = Callable[[Desk, Connection, Principal, ClientDialect], Awaitable[None]]


async def converse(desk: Desk, connection: Connection, caller: Principal, dialect: ClientDialect) -> None:
    """Have a model or a feature answer a conversation, whole or as a stream."""
    body = await connection.body()
    head = dialect.head(body)
    call = GatewayCall(
        dialect=dialect,
        head=head,
        body=body,
        principal=caller,
        accepts_reset=connection.accepts_reset,
        headers=connection.for_vendors,
    )
    answers: Answers = desk.features if desk.features.offers(head.model) else desk.models
    if head.is_streamed:
        await connection.send_stream(answers.stream(call))
        return
    with connection.presence():
        served = await answers.answer(call)
    await connection.send_whole(served)


async def embed(desk: Desk, connection: Connection, caller: Principal, dialect: ClientDialect) -> None:
    """Vectors of texts, by a provider's model."""
    del dialect
    asked, request = embeddings.read(await connection.body())
    with connection.presence():
        found, run_id = await desk.models.embed(caller, asked.model, request)
    body = embeddings.answer(found, asked)
    await connection.send_whole(Served(status=200, body=body, run_id=run_id, model=asked.model))


async def list_models(desk: Desk, connection: Connection, caller: Principal, dialect: ClientDialect) -> None:
    """Every name that the key may use as a model: configured names and features."""
    del dialect
    await connection.send_json(200, listing.listing(desk.models.names(caller)))


async def show_model(desk: Desk, connection: Connection, caller: Principal, dialect: ClientDialect) -> None:
    """One of these names, or 404."""
    del dialect
    name = connection.path.removeprefix("/v1/models/")
    await connection.send_json(200, listing.row(name, desk.models.names(caller)))


async def count_tokens(desk: Desk, connection: Connection, caller: Principal, dialect: ClientDialect) -> None:
    """An estimate of a request's tokens, rather too many than too few. No model is asked."""
    del desk, caller
    request = dialect.read(await connection.body(), 0.0)
    await connection.send_json(200, msgspec.json.encode({"input_tokens": of_request(request)}))
