"""What could be used: local servers that answer and keys that are set. Looked for only when asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from steadyhand import plugins, settings
from steadyhand.errors import ProviderError
from steadyhand.providers.ports import Dialect
from steadyhand.providers.transport import Limits, Transport
from steadyhand.types.model import Provider


@dataclass(frozen=True, slots=True)
class Detected:
    """One provider. `models` are those a local server lists; `hint` says what can be done with it."""

    provider: str
    reachable: bool
    models: tuple[str, ...]
    key_set: bool
    hint: str


async def detect(
    providers: Mapping[str, Provider],
    *,
    secret: Callable[[str], str] = settings.secret,
    timeout_s: float = 1.0,
) -> list[Detected]:
    """Every provider that is not built in, in the order given.

    Those placed `local` are asked for their models, all at once; the others are never contacted: only whether their
    key variable is set is looked up.
    """
    limits = Limits(connect_s=timeout_s, first_byte_s=timeout_s, idle_s=timeout_s, body_bytes=2**20)
    transport = Transport(limits, secret=secret)
    try:
        return await asyncio.gather(
            *(
                _local(provider, transport, secret, timeout_s)
                if provider.place == "local"
                else _remote(provider, secret)
                for provider in providers.values()
                if provider.base_url
            )
        )
    finally:
        await transport.close()


async def _local(
    provider: Provider, transport: Transport, secret: Callable[[str], str], timeout_s: float
) -> Detected:
    dialect = cast("Dialect", plugins.load("providers.dialects", provider.dialect))
    wire = dialect.encode_listing()
    has_key = _has_key(provider, secret)
    try:
        status, headers, body = await transport.unary(
            provider, wire, authorize=dialect.authorize, timeout_s=timeout_s
        )
        models = dialect.decode_listing(status, headers, body)
    except ProviderError as error:
        said = transport.redacted(str(error), provider)
        return Detected(provider.name, reachable=False, models=(), key_set=has_key, hint=said)
    name = f'models.try = ["{provider.name}:{models[0]}"]' if models else "it has no model loaded yet"
    return Detected(provider.name, reachable=True, models=models, key_set=has_key, hint=name)


async def _remote(provider: Provider, secret: Callable[[str], str]) -> Detected:
    has_key = _has_key(provider, secret)
    ready = f'models.try = ["{provider.name}:MODEL"]; steadyhand models list names them'
    hint = ready if has_key else f"set {provider.key_variable} to use it"
    return Detected(provider.name, reachable=False, models=(), key_set=has_key, hint=hint)


def _has_key(provider: Provider, secret: Callable[[str], str]) -> bool:
    return bool(provider.key_variable and secret(provider.key_variable))
