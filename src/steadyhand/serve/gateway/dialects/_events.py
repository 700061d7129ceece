"""Server-sent events as a client of ours has got them."""

from collections.abc import Iterator

import msgspec

from steadyhand.types.json import Json, JsonObject

_decode = msgspec.json.Decoder().decode


def objects(events: bytes) -> Iterator[JsonObject]:
    """What whole events say, where it is a JSON object: comments and end marks say nothing."""
    for line in events.splitlines():
        if line.startswith(b"data:"):
            try:
                said: Json = _decode(line[5:])
            except msgspec.DecodeError:
                continue
            if isinstance(said, dict):
                yield said
