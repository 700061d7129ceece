"""What models do for knowledge bases outside a run: vectors of texts, readings of pictures, other wordings.

The one place where a base's texts leave for a provider. Every call is cleared against the base's data class, set
aside under the workspace's limits, tried again when that may help, and ends as a run of the built-in feature
`knowledge` with its tokens and its price. The ledger says how many texts there were and not what they said: the
documents are in the base already, and what is erased there must not live on here.
"""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from steadyhand.catalog import tokens
from steadyhand.errors import NoModel
from steadyhand.ledger.ids import id_at
from steadyhand.pipeline.gateway.asking import Asking, Got
from steadyhand.pipeline.gateway.booking import Booking
from steadyhand.pipeline.gateway.ports import GatewayPorts
from steadyhand.routing.attempts import Attempts
from steadyhand.routing.cost import cost_usd
from steadyhand.routing.exclusions import above_clearance, incomplete
from steadyhand.types.document import Picture
from steadyhand.types.exchange import KNOWLEDGE, Exchange
from steadyhand.types.ids import ModelId
from steadyhand.types.message import Media, Message
from steadyhand.types.model import Completion, CompletionRequest, EmbeddingRequest, Embeddings, Model, Usage
from steadyhand.types.ports import ClassOf, Describe, FindModel
from steadyhand.types.run import Principal
from steadyhand.types.text import DataClass, Segment

_OURSELVES = Principal(name=KNOWLEDGE, role="admin")
"""Who has embedded and read what belongs to everybody: only the limits of the workspace hold."""

_PICTURE_TIMEOUT_S = 180.0
_PICTURE_TOKENS = 4_096  # a page that is full of small print has about 2,000

Wanted = TypeVar("Wanted")


@dataclass(frozen=True, slots=True)
class _Call:
    """`noted` is what the ledger says of it, `most` what it may use at most."""

    base: str
    model: ModelId
    noted: str
    most: Usage
    timeout_s: float


class KnowledgeCalls:
    """`embed` is `EmbedForBase`. Shares the gateway's ledger, limits and knowledge of who is well."""

    def __init__(self, ports: GatewayPorts, find_model: FindModel, class_of: ClassOf) -> None:
        self._ports = ports
        self._find_model = find_model
        self._class_of = class_of

    async def embed(self, base: str, model: ModelId, request: EmbeddingRequest) -> Embeddings:
        """Vectors of the texts. Raises `NoModel`, `BudgetExceeded`, `RateLimited` or a provider's error."""
        noted = f"{base}: texts to embed: {len(request.texts)}"
        most = Usage(input_tokens=tokens.estimate(request.texts))

        async def ask(entry: Model) -> Got[Embeddings]:
            found = await self._ports.completer.embed(entry, request)
            return Got(found, found.usage, "")

        return await self._called(_Call(base, model, noted, most, request.timeout_s), ask)

    async def complete(self, base: str, model: ModelId, request: CompletionRequest, noted: str) -> Completion:
        """The model's answer. `noted` says in the ledger what it was asked for. Raises like `embed`."""
        output = request.max_output_tokens or 0
        most = Usage(input_tokens=tokens.of_request(request), output_tokens=output)

        async def ask(entry: Model) -> Got[Completion]:
            found = await self._ports.completer(entry, request, is_streamed=False)
            return Got(found, found.usage, "")

        return await self._called(_Call(base, model, f"{base}: {noted}", most, request.timeout_s), ask)

    def describing(self, base: str, model: ModelId) -> Describe:
        """Has this vision model read the pictures of the base's documents. Raises like `embed`."""

        async def describe(picture: Picture, *, instruction: str) -> str:
            told = Segment(instruction, "contract", "trusted", "public")
            shown = Media(picture.media_type, data=b64encode(picture.data).decode())
            request = CompletionRequest(
                messages=(Message("user", (told, shown)),),
                timeout_s=_PICTURE_TIMEOUT_S,
                max_output_tokens=_PICTURE_TOKENS,
            )
            return (await self.complete(base, model, request, f"page {picture.page} to read")).text

        return describe

    async def _called(self, call: _Call, ask: Callable[[Model], Awaitable[Got[Wanted]]]) -> Wanted:
        ports = self._ports
        ports.ledger.admit()
        data_class = self._class_of(call.base)
        booking = Booking(ports, self._exchange(call, data_class))
        try:
            entry = self._entry(call.model, data_class)
            await self._reserve(booking, entry, call.most)
            attempts = Attempts(
                [entry],
                ports.conditions.health,
                ports.conditions.retries,
                deadline=booking.began_s + call.timeout_s,
                clock=ports.monotonic,
                jitter=ports.jitter,
                is_ours=True,
            )
            found = await Asking(ports, booking, attempts, ask).first()
        except BaseException as error:
            booking.end(error)
            raise
        booking.end(None)
        return found

    def _exchange(self, call: _Call, data_class: DataClass) -> Exchange:
        now_s = self._ports.time()
        return Exchange(
            run_id=id_at(now_s, self._ports.randomness(10)),
            principal=_OURSELVES,
            end_user="",
            data_class=data_class,
            asked_model=call.model,
            prompt=call.noted,
            started_s=now_s,
            feature=KNOWLEDGE,
            door="python",
        )

    def _entry(self, model: ModelId, data_class: DataClass) -> Model:
        """The model, if it may see data of this class. Raises `NoModel`."""
        entry = self._find_model(model)
        if entry is None:
            raise NoModel(
                f"expected a model of the catalogue, such as openai:text-embedding-3-small; found {model!r}",
                hint="steadyhand models list names models",
            )
        switched_off = self._ports.conditions.switches(entry.id, KNOWLEDGE)
        reason = above_clearance(entry, data_class) or incomplete(entry) or switched_off
        if reason:
            raise NoModel(
                f"no model may serve this knowledge base: {reason}",
                hint="a local model keeps texts in the house; a provider's clearance is set in steadyhand.toml",
            )
        return entry

    async def _reserve(self, booking: Booking, entry: Model, most: Usage) -> None:
        limits = self._ports.limits_of(_OURSELVES, "")
        if not limits:
            return
        if entry.price is None and any(limit.unit == "usd" for limit in limits):
            raise NoModel(
                f"expected a known price, because what may be spent is limited; that of {entry.id} is unknown",
                hint=f'say it in steadyhand.toml: [catalog."{entry.id}"] input_usd, output_usd',
            )
        usd = cost_usd(most, entry.price) if entry.price else Decimal(0)
        count = most.input_tokens + most.output_tokens
        booking.reservation = await self._ports.reserve(limits, usd=usd, tokens=count)
