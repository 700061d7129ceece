"""What could be used: local servers that answer and keys that are set. Looked for only when asked."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from steadyhand import plugins
from steadyhand.errors import ProviderError, ProviderRefused
from steadyhand.providers.ports import Dialect
from steadyhand.providers.secrets import Secrets
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
    secrets: Secrets | None = None,
    timeout_s: float = 1.0,
) -> list[Detected]:
    """Every provider that is not built in, in the order given.

    Those placed `local` are asked for their models, all at once; the others are never contacted: only whether their
    key can be had is looked up. An address that is still to be filled in is not reachable, and said so.
    """
    secrets = secrets or Secrets()
    limits = Limits(connect_s=timeout_s, first_byte_s=timeout_s, idle_s=timeout_s, body_bytes=2**20)
    transport = Transport(limits, secrets=secrets)
    try:
        return await asyncio.gather(
            *(
                _local(provider, transport, secrets, timeout_s)
                if provider.place == "local"
                else _remote(provider, secrets)
                for provider in providers.values()
                if provider.base_url
            )
        )
    finally:
        await transport.close()


async def _local(provider: Provider, transport: Transport, secrets: Secrets, timeout_s: float) -> Detected:
    dialect = cast("Dialect", plugins.load("providers.dialects", provider.dialect))
    wire = dialect.encode_listing()
    has_key = provider.needs_key and not await _missing(provider, secrets)
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


async def _remote(provider: Provider, secrets: Secrets) -> Detected:
    missing = await _missing(provider, secrets)
    ready = f'models.try = ["{provider.name}:MODEL"]; steadyhand models list names them'
    return Detected(provider.name, reachable=False, models=(), key_set=not missing, hint=missing or ready)


async def _missing(provider: Provider, secrets: Secrets) -> str:
    """What keeps the provider from being used; "" when nothing does."""
    if not provider.is_complete:
        return f"its base_url has a name to fill in: set it in [providers.{provider.name}]"
    if not provider.needs_key:
        return "it names no key: set key_variable, key_file or key_command"
    try:
        await secrets.key(provider)
    except ProviderRefused as error:
        return str(error)
    return ""
