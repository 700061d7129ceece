"""What a provider's models cost and hold: rows of the package `genai-prices`, read offline.

The list is found by the provider's address, so that a provider behind another address has no list price. Nothing
here uses the network: the package's updater is never started.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib.metadata import version

from genai_prices.data import providers as price_lists
from genai_prices.types import ClauseEquals, ClauseOr, MatchLogic, ModelInfo, TieredPrices
from genai_prices.types import Provider as PriceList

from steadyhand.types.model import Price, Provider, Rates

FREE = Price(Rates(Decimal(0), Decimal(0), Decimal(0), Decimal(0)), "local")
"""What runs on one's own machine has no price per token."""

_SOURCE = f"genai-prices {version('genai-prices')}"


def price(provider: Provider, name: str, at: datetime) -> Price | None:
    """The row in force at `at` (some vendors charge by the hour of the day); None when the price is unknown.

    Where the price rises with the length of the prompt this is the first tier; `source` says how far it reaches.
    """
    if provider.place == "local":
        return FREE
    listed = _listed(provider.base_url, name)
    if listed is None:
        return None
    row = listed.get_prices(at)
    if row.input_mtok is None or row.output_mtok is None:
        return None
    cached = row.input_mtok if row.cache_read_mtok is None else row.cache_read_mtok
    written = row.input_mtok if row.cache_write_mtok is None else row.cache_write_mtok
    parts = (row.input_mtok, row.output_mtok, cached, written)
    return Price(Rates(*(_first_tier(part) for part in parts)), f"{_SOURCE}, {listed.id}{_reach(row.input_mtok)}")


def context_tokens(provider: Provider, name: str) -> int | None:
    """The most tokens a prompt and its answer may have together; None when it is not published."""
    listed = _listed(provider.base_url, name)
    return listed.context_window if listed else None


def is_listed(provider: Provider, name: str) -> bool:
    """Does the vendor's price list know the model?"""
    return _listed(provider.base_url, name) is not None


def has_list(provider: Provider) -> bool:
    """Is there a price list for the provider's address at all?"""
    return _list(provider.base_url) is not None


def names(provider: Provider) -> tuple[str, ...]:
    """Names the provider's models are called by, sorted; empty without a price list."""
    listed = _list(provider.base_url)
    models = listed.models if listed else []
    spelled = {name for model in models for name in _spellings(model.match)}
    return tuple(sorted(spelled | {model.id for model in models if model.is_match(model.id)}))


@cache
def _list(base_url: str) -> PriceList | None:
    return next((found for found in price_lists if re.match(found.api_pattern, base_url)), None)


@lru_cache(maxsize=1024)
def _listed(base_url: str, name: str) -> ModelInfo | None:
    found = _list(base_url)
    return found.find_model(name, all_providers=price_lists) if found else None


def _spellings(match: MatchLogic) -> Iterator[str]:
    """The exact names a matching rule spells out; its patterns are passed over."""
    if isinstance(match, ClauseEquals):
        yield match.equals
    elif isinstance(match, ClauseOr):
        for part in match.or_:
            yield from _spellings(part)


def _first_tier(value: Decimal | TieredPrices) -> Decimal:
    return value.base if isinstance(value, TieredPrices) else value


def _reach(value: Decimal | TieredPrices) -> str:
    return f", prompts up to {value.tiers[0].start} tokens" if isinstance(value, TieredPrices) else ""
