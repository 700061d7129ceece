"""The names of models, in one body that clients of OpenAI and of Anthropic both understand."""

import msgspec

from steadyhand.errors import NotFound
from steadyhand.hints import did_you_mean
from steadyhand.types.json import Json, JsonObject

_EPOCH = "1970-01-01T00:00:00Z"  # nobody knows when a name came to be, and both dialects insist on a time


def listing(names: list[str]) -> bytes:
    """Everything there is, on one page."""
    rows: list[Json] = [_row(name) for name in names]
    first, last = (names[0], names[-1]) if names else (None, None)
    return msgspec.json.encode(
        {"object": "list", "data": rows, "has_more": False, "first_id": first, "last_id": last}
    )


def row(name: str, names: list[str]) -> bytes:
    """One name. Raises `NotFound` for one that is not there."""
    if name not in names:
        hint = did_you_mean(name, names) or "GET /v1/models lists the names there are"
        raise NotFound(f"there is no model {name!r} for this key", hint=hint)
    return msgspec.json.encode(_row(name))


def _row(name: str) -> JsonObject:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "steadyhand",
        "type": "model",
        "display_name": name,
        "created_at": _EPOCH,
    }
