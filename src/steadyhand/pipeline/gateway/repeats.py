"""Answers that are given again to an equal request of the same key, where the model's table says for how long."""

from steadyhand.caching.keys import Key, of_request
from steadyhand.caching.store import ResponseCache
from steadyhand.pipeline.gateway.upstream import dialect_of
from steadyhand.pipeline.gateway.visit import Visit
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Completion


class Repeats:
    """What was answered whole is kept as the client got it, a stream as it would have been answered whole."""

    def __init__(self, cache: ResponseCache) -> None:
        self._cache = cache

    async def find(self, visit: Visit) -> bytes | None:
        """The body that was answered before; None when there is none, or when nothing may be repeated.

        A request in which guardrails found something is asked anew every time, and not kept.
        """
        visit.repeat_key = _key(visit)
        body = await self._cache.get(visit.repeat_key) if visit.repeat_key is not None else None
        if body is not None:
            visit.booking.exchange.model = ModelId(f"cache:{visit.route.name}")
        return body

    async def keep(self, visit: Visit, answer: bytes | Completion) -> None:
        """Keep an answer that was looked for and has just been given, as a body or in our words."""
        key, ttl_s = visit.repeat_key, visit.route.cache_s
        if key is None or ttl_s is None:
            return
        body = answer if isinstance(answer, bytes) else visit.whole(answer)
        await self._cache.put(key, body, ttl_s, visit.booking.exchange.run_id)

    def streamed(self, visit: Visit, body: bytes) -> tuple[bytes, bytes]:
        """A kept body as a stream: everything but its end, and the end."""
        return visit.pieces(dialect_of(visit.call.dialect.NAME).decode(200, {}, body))


def _key(visit: Visit) -> Key | None:
    route, call = visit.route, visit.call
    if route.cache_s is None or visit.booking.exchange.findings:
        return None
    models = ",".join(model.id for model in route.models)
    asked = f"{call.dialect.NAME} {route.name} {models} {sorted(call.headers.items())}"
    return of_request(asked, call.body, key_id=call.principal.key_id)
