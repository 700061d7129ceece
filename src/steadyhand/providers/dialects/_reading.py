"""Reads what vendors send as JSON, in the one voice in which they are told that it is something else."""

from typing import TypeVar

import msgspec

from steadyhand.errors import ProviderProtocol

Shape = TypeVar("Shape")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes that are not in its shape, or are nested without end."""


def decoded(body: bytes | msgspec.Raw, decoder: "msgspec.json.Decoder[Shape]", what: str) -> Shape:
    """The body in the decoder's shape. Raises `ProviderProtocol`, which calls what was expected `what`."""
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        raise unreadable(what, bytes(body), error) from None


def converted(value: object, shape: type[Shape], what: str) -> Shape:
    """JSON that was decoded, in a shape of ours. Raises like `decoded`."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise unreadable(what, str(value).encode(errors="replace"), error) from None


def unreadable(what: str, body: bytes, error: Exception) -> ProviderProtocol:
    """What to raise for a body that is not `what`."""
    return ProviderProtocol(f"expected {what}; found {body[:100]!r} ({error})")
