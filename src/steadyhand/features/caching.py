"""`[cache]` of a contract: what goes with it, and what becomes of it."""

from collections.abc import Iterator

from steadyhand.caching.keys import is_free_text
from steadyhand.features.contract import CacheTable, Contract
from steadyhand.features.flaw import Flaw
from steadyhand.features.spans import seconds
from steadyhand.types.feature import Cache
from steadyhand.types.json import JsonSchema, fields


def flaws(contract: Contract, input_schema: JsonSchema) -> Iterator[Flaw]:
    """Keys that do not go with a cache."""
    if contract.cache is None:
        return
    known = fields(input_schema)
    if contract.cache.match == "faq" and known and not any(map(is_free_text, known.values())):
        hint = 'use match = "exact", or add a text field'
        yield Flaw(("cache", "match"), "cache.match: expected a text field of the input for faq; found none", hint)
    models = contract.models
    for key, table in (("experiment", models.experiment), ("flag", models.flag)):
        if table is not None:
            message = f"cache: does not go with models.{key}: the answers of one model would be given for another's"
            yield Flaw(("cache",), message, f"leave out [cache] or models.{key}")


def cache(table: CacheTable | None) -> Cache | None:
    return Cache(table.match, seconds(table.ttl)) if table else None
