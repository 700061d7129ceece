"""The client's own bytes for a vendor of the same dialect: untouched where nothing has to change."""

import msgspec

from steadyhand.pipeline.gateway.client import GatewayCall
from steadyhand.providers.ports import WireRequest
from steadyhand.types.model import Model, Provider

_Fields = dict[str, msgspec.Raw]
_fields = msgspec.json.Decoder(_Fields)

_WHOLE = {"content-type": "application/json", "accept": "application/json"}
_STREAM = {"content-type": "application/json", "accept": "text/event-stream"}


def speaks(provider: Provider, dialect: str) -> bool:
    """Does the provider take the bytes of this dialect?"""
    return provider.dialect == dialect or dialect in provider.also


def forwarded(call: GatewayCall, model: Model, *, is_streamed: bool) -> WireRequest:
    """What is sent. The body changes only where the vendor knows the model by another name, and where the client
    did not ask for the counts that its stream is billed by."""
    headers = _STREAM if is_streamed else _WHOLE
    if call.headers:
        headers = {**headers, **call.headers}
    changes: dict[str, object] = {}
    if model.name != call.head.model:
        changes["model"] = model.name
    if is_streamed and not call.head.wants_usage:
        changes["stream_options"] = {"include_usage": True}
    return WireRequest(call.dialect.PATH, headers, _changed(call.body, changes) if changes else call.body)


def _changed(body: bytes, changes: dict[str, object]) -> bytes:
    """The body with these fields at its top; the others stay as the client wrote them, byte by byte."""
    fields = _fields.decode(body)
    for name, value in changes.items():
        fields[name] = msgspec.Raw(msgspec.json.encode(value))
    return msgspec.json.encode(fields)
