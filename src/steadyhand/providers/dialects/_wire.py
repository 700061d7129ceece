"""Requests as every dialect sends them: JSON to a path, and a key in a header."""

from collections.abc import Mapping

import msgspec

from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import JsonObject
from steadyhand.types.model import Provider

JSON = "application/json"
EVENTS = "text/event-stream"


_NONE: Mapping[str, str] = {}


def post(path: str, body: JsonObject, *, accept: str = JSON, headers: Mapping[str, str] = _NONE) -> WireRequest:
    """A body for `path`; `accept` is the kind of answer that is wanted."""
    return WireRequest(path, {"content-type": JSON, "accept": accept, **headers}, msgspec.json.encode(body))


def get(path: str, *, headers: Mapping[str, str] = _NONE) -> WireRequest:
    """A question for what lies at `path`."""
    return WireRequest(path, {"accept": JSON, **headers}, b"", method="GET")


def key_header(provider: Provider, key: str, usual: str = "authorization") -> Mapping[str, str]:
    """The header that carries the key, `usual` unless the provider names one. `authorization` wants a bearer."""
    name = provider.key_header or usual
    return {name: f"Bearer {key}" if name.lower() == "authorization" else key}
