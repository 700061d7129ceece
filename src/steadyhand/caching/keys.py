"""Under which key an answer is kept: a SHA-256 over everything that decides it. Another value, another key."""

import hashlib
import json
from typing import TypeAlias

from steadyhand.caching.normal import normal
from steadyhand.types.feature import Feature
from steadyhand.types.json import Json, JsonObject, JsonSchema, fields

Key: TypeAlias = bytes
"""32 bytes."""

_FREE = frozenset(("type", "minLength", "maxLength", "title", "description"))
"""What the schema of a field may say when any text will do: an enum, a pattern or a format makes it a value."""

_NOT_ASKED = frozenset(("stream", "stream_options", "user"))
"""Fields of a request that do not decide its answer."""


def of_run(feature: Feature, values: JsonObject, *, scope: str, snapshot: str) -> Key:
    """The key of an answer of a feature.

    `scope` names whose answer it is, "" for everybody's; `snapshot` is the state of the knowledge base it was read
    from, "" without one. A feature that matches as `faq` reads its free texts as `normal` does.
    """
    is_faq = feature.cache is not None and feature.cache.match == "faq"
    asked = _normalised(values, feature.input_schema) if is_faq else values
    models = [*feature.models, feature.fallback_model]
    return _key(
        ["run", feature.name, feature.version, _sha(feature.prompt), models, scope, snapshot, is_faq, asked]
    )


def of_request(route: str, body: bytes, *, key_id: str) -> Key | None:
    """The key of an answer of the gateway to this key's request; None for a body that is no JSON object.

    `route` names the dialect, the models and how they are chosen, and what else decides the answer. Neither the
    order of the fields counts, nor whether the answer is streamed.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict):
        return None
    asked = {name: value for name, value in request.items() if name not in _NOT_ASKED}
    return _key(["request", route, key_id, asked])


def is_free_text(schema: Json) -> bool:
    """Is it the schema of a text that people write as they like?"""
    return isinstance(schema, dict) and schema.get("type") == "string" and not schema.keys() - _FREE


def _normalised(values: JsonObject, schema: JsonSchema) -> JsonObject:
    """The input with its free texts as the words that count."""
    known = fields(schema)
    return {
        name: list(normal(value)) if isinstance(value, str) and is_free_text(known.get(name)) else value
        for name, value in values.items()
    }


def _key(parts: list[object]) -> Key:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
