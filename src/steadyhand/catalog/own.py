"""What a workspace knows better than the catalogue: its `[catalog."provider:name"]` tables."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from steadyhand.errors import WorkspaceInvalid
from steadyhand.hints import did_you_mean
from steadyhand.settings import CatalogSettings
from steadyhand.types.model import Model, Price, Provider, Rates

SOURCE = "steadyhand.toml"

_RATES = ("input_usd", "output_usd", "cached_usd", "cache_write_usd")


def check(tables: Mapping[str, CatalogSettings], providers: Mapping[str, Provider]) -> None:
    """Raise `WorkspaceInvalid` for a table of no provider, and for half a price."""
    for model, table in tables.items():
        provider, _, name = model.partition(":")
        if provider not in providers or not name:
            hint = did_you_mean(provider, providers) or f"the providers are {', '.join(providers)}"
            raise WorkspaceInvalid(f"catalog: expected a name as provider:name; found {model!r}", hint=hint)
        said = [field for field in _RATES if getattr(table, field) is not None]
        missing = [field for field in _RATES[:2] if field not in said]
        if said and missing:
            raise WorkspaceInvalid(
                f'catalog."{model}": expected {" and ".join(missing)} beside {said[0]}; a price counts as a whole',
                hint="write 0 for what costs nothing, such as the output of an embedding model",
            )


def changed(entry: Model, table: CatalogSettings) -> Model:
    """The entry with what the table says of it. A price counts as a whole: it has no tiers then."""
    said: dict[str, Any] = table.model_dump(exclude_none=True, exclude=set(_RATES))
    for field, kind in (("capabilities", frozenset), ("strengths", tuple)):
        if field in said:
            said[field] = kind(said[field])
    said["price"] = _price(table) or entry.price
    return replace(entry, **said)


def _price(table: CatalogSettings) -> Price | None:
    if table.input_usd is None or table.output_usd is None:
        return None
    cached = table.input_usd if table.cached_usd is None else table.cached_usd
    written = table.input_usd if table.cache_write_usd is None else table.cache_write_usd
    return Price(Rates(table.input_usd, table.output_usd, cached, written), SOURCE)
