"""The catalogue: `provider:name` to everything that is known about the model."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib.resources import files

import msgspec

from steadyhand.catalog import prices
from steadyhand.catalog.providers import shipped
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Model, Provider


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One table of `models.toml`. `name` makes it a short name for another model of the same provider."""

    name: str = ""
    context_tokens: int | None = None
    description: str = ""


class Catalog:
    """Every model a workspace can name. `now` gives the instant whose prices are asked for, aware and UTC."""

    def __init__(self, providers: Mapping[str, Provider], *, now: Callable[[], datetime]) -> None:
        self._providers = providers
        self._now = now

    def find(self, model: ModelId) -> Model | None:
        """The entry of `provider:name`, or None.

        A provider that publishes its models knows only those; a local server and a provider that the workspace adds
        are taken at their word for any name.
        """
        provider_name, _, alias = model.partition(":")
        provider = self._providers.get(provider_name)
        if provider is None or not alias:
            return None
        name = _row(provider, alias).name or alias
        row = _row(provider, name)
        is_known = f"{provider_name}:{name}" in _rows() or prices.is_listed(provider, name)
        if _is_closed(provider) and not is_known:
            return None
        home = _where(provider, name)
        return Model(
            id=model,
            provider=home,
            name=name,
            price=prices.price(home, name, self._now()),
            context_tokens=row.context_tokens or prices.context_tokens(provider, name),
            description=row.description,
        )

    def ids(self) -> tuple[ModelId, ...]:
        """Every model that is known by name, sorted; models of open providers are not among them."""
        own = {model for model in _rows() if model.partition(":")[0] in self._providers}
        listed = {f"{name}:{each}" for name, provider in self._providers.items() for each in prices.names(provider)}
        return tuple(ModelId(model) for model in sorted(own | listed))


@cache
def _rows() -> dict[str, _Row]:
    text = files("steadyhand.catalog").joinpath("models.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, _Row])


def _row(provider: Provider, name: str) -> _Row:
    return _rows().get(f"{provider.name}:{name}", _Row())


def _is_closed(provider: Provider) -> bool:
    """Are all of the provider's models known? Those built in are; a shipped vendor's are in its price list."""
    return provider.name in shipped() and (not provider.base_url or prices.has_list(provider))


def _where(provider: Provider, name: str) -> Provider:
    """The provider as this model of it is: a local Ollama passes names that end in "cloud" on to its vendor."""
    if provider.place == "local" and name.endswith(("-cloud", ":cloud")):
        return replace(provider, place="other", clearance="internal")
    return provider
