"""What the gateway needs from the world, in one value. `workspace.py` fills it; tests fill it with their own."""

from collections.abc import Callable
from dataclasses import dataclass

from steadyhand.caching.store import ResponseCache
from steadyhand.ledger.exchanges import ExchangeLedger
from steadyhand.pipeline.gateway.names import Names
from steadyhand.providers.call import Completer
from steadyhand.providers.transport import Transport
from steadyhand.routing.conditions import Conditions
from steadyhand.types.quota import Limit, Reserve
from steadyhand.types.run import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPorts:
    """`monotonic` and `time` count seconds, the latter since the epoch."""

    transport: Transport
    completer: Completer
    names: Names
    guardrails: tuple[str, ...]
    limits_of: Callable[[Principal, str], tuple[Limit, ...]]
    reserve: Reserve
    ledger: ExchangeLedger
    conditions: Conditions
    cache: ResponseCache
    monotonic: Callable[[], float]
    time: Callable[[], float]
    randomness: Callable[[int], bytes]
    jitter: Callable[[], float]
