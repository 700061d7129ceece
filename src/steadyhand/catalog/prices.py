"""What a provider's models cost and hold: rows of the package `genai-prices`, read offline.

The list is found by the provider's address, so that a provider behind another address has no list price. Nothing
here uses the network: the package's updater is never started. The list is loaded when a vendor's model is looked
up, which takes a tenth of what a command takes to start.
"""

import importlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from steadyhand.types.model import Price, Provider, Rates, Tier

if TYPE_CHECKING:
    from genai_prices.types import MatchLogic, ModelInfo, TieredPrices
    from genai_prices.types import Provider as PriceList

FREE = Price(Rates(Decimal(0), Decimal(0), Decimal(0), Decimal(0)), "local")
"""What runs on one's own machine has no price per token."""

SOURCE = f"genai-prices {version('genai-prices')}"

_Listed: TypeAlias = "Decimal | TieredPrices | None"  # as the package writes one rate
_THOUSAND = Decimal(1_000)


def price(provider: Provider, name: str, at: datetime) -> Price | None:
    """The row in force at `at` (some vendors charge by the hour of the day); None when the price is unknown."""
    if provider.place == "local":
        return FREE
    listed = _listed(provider.base_url, name)
    return in_force(listed, at) if listed else None


def in_force(listed: "ModelInfo", at: datetime) -> Price | None:
    """The price of a model of a list at `at`; None where it is not by tokens.

    A vendor that publishes a rate for input alone sells no output: the model embeds or classifies. Sounds, images,
    searches and a vendor's slower or faster service have prices of their own, which are not in here.
    """
    row: dict[str, _Listed] = vars(listed.get_prices(at))
    if row.get("input_mtok") is None:
        return None
    tiered = [rate for rate in row.values() if rate is not None and not isinstance(rate, Decimal)]
    starts = {tier.start for rate in tiered for tier in rate.tiers}
    return Price(
        rates=_rates(row, 0),
        source=f"{SOURCE}, {listed.id}",
        tiers=tuple(Tier(start, _rates(row, start + 1)) for start in sorted(starts)),
        per_request=(_rate(row, "requests_kcount", 0) or Decimal(0)) / _THOUSAND,
    )


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


def listed_as(provider: Provider, name: str) -> str:
    """What the price list calls the model: `gpt-4o` for `gpt-4o-2024-08-06`; "" when it does not know it."""
    listed = _listed(provider.base_url, name)
    return listed.id if listed else ""


def made_by(provider: Provider, name: str) -> bool:
    """Is the name one that the vendor at the provider's address gives to models of its own?"""
    listed = _list(provider.base_url)
    return listed is not None and listed.model_match is not None and listed.model_match.is_match(name)


def names(provider: Provider) -> tuple[str, ...]:
    """Names the provider's models are called by, sorted; empty without a price list."""
    return _names(provider.base_url)


@cache
def _names(base_url: str) -> tuple[str, ...]:
    listed = _list(base_url)
    models = listed.models if listed else []
    spelled = {name for model in models for name in _spellings(model.match)}
    return tuple(sorted(spelled | {model.id for model in models if model.is_match(model.id)}))


@cache
def _price_lists() -> "list[PriceList]":
    found: list[PriceList] = importlib.import_module("genai_prices.data").providers
    return found


def _types() -> ModuleType:
    return importlib.import_module("genai_prices.types")


@cache
def _list(base_url: str) -> "PriceList | None":
    if not base_url:  # ours
        return None
    return next((found for found in _price_lists() if re.match(found.api_pattern, base_url)), None)


@lru_cache(maxsize=1024)
def _listed(base_url: str, name: str) -> "ModelInfo | None":
    found = _list(base_url)
    return found.find_model(name, all_providers=_price_lists()) if found else None


def _spellings(match: "MatchLogic") -> Iterator[str]:
    """The exact names a matching rule spells out; its patterns are passed over."""
    kinds = _types()
    if isinstance(match, kinds.ClauseEquals):
        yield match.equals
    elif isinstance(match, kinds.ClauseOr):
        for part in match.or_:
            yield from _spellings(part)


def _rates(row: Mapping[str, _Listed], input_tokens: int) -> Rates:
    """What a prompt of so many tokens is charged by. What has no rate of its own costs what it is a part of."""
    plain = _rate(row, "input_mtok", input_tokens) or Decimal(0)
    cached = _rate(row, "cache_read_mtok", input_tokens)
    written = _rate(row, "cache_write_mtok", input_tokens)
    return Rates(
        input=plain,
        output=_rate(row, "output_mtok", input_tokens) or Decimal(0),
        cached=plain if cached is None else cached,
        cache_write=plain if written is None else written,
        cache_write_1h=_rate(row, "cache_write_1h_mtok", input_tokens),
        reasoning=_rate(row, "output_reasoning_mtok", input_tokens),
    )


def _rate(row: Mapping[str, _Listed], key: str, input_tokens: int) -> Decimal | None:
    """One rate for a prompt of so many tokens: beyond the start of a tier, its rate holds for all of them."""
    rate = row.get(key)
    if rate is None or isinstance(rate, Decimal):
        return rate
    beyond = [tier.price for tier in rate.tiers if input_tokens > tier.start]
    return beyond[-1] if beyond else rate.base
