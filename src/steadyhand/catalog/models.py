"""The catalogue: `provider:name` to everything that is known about the model."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import cache, cached_property
from importlib.resources import files

import msgspec

from steadyhand.catalog import own, prices
from steadyhand.catalog.providers import shipped
from steadyhand.settings import CatalogSettings
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Capability, Model, Provider, Size

_ORIGINS = ("openai", "anthropic", "gemini", "mistral", "deepseek", "cohere", "xai")
"""Providers that make the models they serve. A bare name is theirs before it is a reseller's."""

_DATED = re.compile(r"(.+)-(?:\d{8}|\d{4}-\d\d-\d\d)$")

_FOREIGN = {"gemini": "claude"}
"""What a price list has beside what the dialect reaches: Vertex offers Claude in another one."""

_MOST_FOUND = 1_024  # entries kept; clients may ask for any name


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One table of `models.toml`. `name` makes it a short name for another model of the same provider."""

    name: str = ""
    context_tokens: int | None = None
    description: str = ""
    max_output_tokens: int | None = None
    capabilities: frozenset[Capability] = frozenset()
    strengths: tuple[str, ...] = ()
    size: Size = ""
    deprecated_on: date | None = None
    vram_gb: float | None = None


_EMPTY = _Row()


class Catalog:
    """Every model a workspace can name. `now` gives the instant whose prices are asked for, aware and UTC.

    `rows` are the workspace's own `[catalog."provider:name"]` tables: what they say counts before what is shipped.
    Raises `WorkspaceInvalid` for a row that cannot be right.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        now: Callable[[], datetime],
        rows: Mapping[str, CatalogSettings] | None = None,
    ) -> None:
        self._providers = providers
        self._now = now
        self._own = rows or {}
        own.check(self._own, providers)
        self._found: dict[ModelId, Model | None] = {}
        self._minute = 0

    def find(self, model: ModelId) -> Model | None:
        """The entry of `provider:name` with the price of this minute, or None.

        A provider that publishes its models knows only those; a local server and a provider that the workspace adds
        are taken at their word for any name.
        """
        now = self._now()
        minute = int(now.timestamp()) // 60  # no price changes within one
        if minute != self._minute or len(self._found) >= _MOST_FOUND:
            self._found, self._minute = {}, minute
        if model not in self._found:
            self._found[model] = self._entry(model, now)
        return self._found[model]

    def named(self, name: str) -> ModelId | None:
        """The model that is meant by a name without provider, such as `gpt-4o-mini`.

        The vendor that made it comes first, also for a name with a date behind it, then the one provider that lists
        this very name; None when there is none, or more than one.
        """
        found = self._by_name.get(name)
        if found is None and (dated := _DATED.match(name)):
            provider_name, _, _ = (self._by_name.get(dated[1]) or "").partition(":")
            if provider_name in _ORIGINS and prices.is_listed(self._providers[provider_name], name):
                return ModelId(f"{provider_name}:{name}")
        return found

    def ids(self) -> tuple[ModelId, ...]:
        """Every model that is known by name, sorted; models of open providers are not among them."""
        return self._ids

    @cached_property
    def _ids(self) -> tuple[ModelId, ...]:
        own = {model for model in _rows() if model.partition(":")[0] in self._providers}
        listed = {
            f"{name}:{each}"
            for name, provider in self._providers.items()
            for each in prices.names(provider)
            if not _is_foreign(provider, each)
        }
        return tuple(ModelId(model) for model in sorted(own | listed | set(self._own)))

    @cached_property
    def _by_name(self) -> dict[str, ModelId]:
        known = {name: prices.names(self._providers[name]) for name in shipped() if name in self._providers}
        origins = {name: self._providers[name] for name in _ORIGINS if name in known}
        count = Counter(each for listed in known.values() for each in listed)
        found = {}
        for name, listed in reversed(known.items()):
            rivals = [origin for other, origin in origins.items() if other != name]
            for each in listed:
                is_ours = name in origins and not any(prices.made_by(rival, each) for rival in rivals)
                if is_ours or (count[each] == 1 and each not in found):
                    found[each] = ModelId(f"{name}:{each}")
        return found

    def _entry(self, model: ModelId, at: datetime) -> Model | None:
        provider_name, _, alias = model.partition(":")
        provider = self._providers.get(provider_name)
        if provider is None or not alias:
            return None
        name = _row(provider, alias).name or alias
        row = _row(provider, name)
        said = self._own.get(model) or self._own.get(f"{provider_name}:{name}")
        is_known = said is not None or row is not _EMPTY or prices.is_listed(provider, name)
        if _is_foreign(provider, name) or (_is_closed(provider) and not is_known):
            return None
        home = _where(provider, name)
        entry = Model(
            id=model,
            provider=home,
            name=name,
            price=prices.price(home, name, at),
            context_tokens=row.context_tokens or prices.context_tokens(provider, name),
            description=row.description,
            max_output_tokens=row.max_output_tokens,
            capabilities=row.capabilities,
            strengths=row.strengths,
            size=row.size,
            deprecated_on=row.deprecated_on,
            vram_gb=row.vram_gb,
        )
        return own.changed(entry, said) if said else entry


@cache
def _rows() -> dict[str, _Row]:
    text = files("steadyhand.catalog").joinpath("models.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, _Row])


def _row(provider: Provider, name: str) -> _Row:
    """What we know of the model, under its own name or the one that its price list gives it."""
    rows = _rows()
    return (
        rows.get(f"{provider.name}:{name}")
        or rows.get(f"{provider.name}:{prices.listed_as(provider, name)}")
        or _EMPTY
    )


def _is_foreign(provider: Provider, name: str) -> bool:
    return provider.dialect in _FOREIGN and _FOREIGN[provider.dialect] in name


def _is_closed(provider: Provider) -> bool:
    """Are all of the provider's models known? Those built in are; a shipped vendor's are in its price list.

    Where the customer has an address of his own, as on Azure, he also names his models himself.
    """
    row = shipped().get(provider.name)
    return row is not None and row.is_complete and (provider.dialect == "local" or prices.has_list(provider))


def _where(provider: Provider, name: str) -> Provider:
    """The provider as this model of it is: a local Ollama passes names that end in "cloud" on to its vendor."""
    if provider.place == "local" and name.endswith(("-cloud", ":cloud")):
        return replace(provider, place="other", clearance="internal")
    return provider
