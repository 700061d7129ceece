"""Embeddings, and the list of models, as OpenAI and the many that speak its dialects have them.

Source: OpenAI's API reference, 2026-10, and recorded answers of Voyage.
"""

import base64
import binascii
import sys
from array import array
from collections.abc import Mapping

import msgspec

from steadyhand.errors import ProviderProtocol
from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._openai.faults import refused
from steadyhand.providers.dialects._openai.reply import Counts
from steadyhand.providers.dialects._reading import decoded
from steadyhand.providers.dialects._wire import get, post
from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import JsonObject
from steadyhand.types.model import EmbeddingRequest, Embeddings, Model


class _Vector(msgspec.Struct):
    embedding: tuple[float, ...] | str  # or base64 of 32-bit floats, little end first
    index: int = 0


class _Vectors(msgspec.Struct):
    data: list[_Vector]
    usage: Counts | None = None
    model: str | None = None


class _Entry(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Entry]


_vectors = msgspec.json.Decoder(_Vectors)
_listing = msgspec.json.Decoder(_Listing)


def encode_embeddings(request: EmbeddingRequest, model: Model) -> WireRequest:
    """The request for one vector for each text. The dialect has no word for `purpose`."""
    body: JsonObject = {"model": model.name, "input": list(request.texts), "encoding_format": "float"}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return post("/embeddings", body)


def decode_embeddings(status: int, headers: Mapping[str, str], body: bytes) -> Embeddings:
    """The vectors, in the order of the texts, as numbers or in base64. Raises like `decode`."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    found = decoded(body, _vectors, "a list of vectors")
    in_order = sorted(found.data, key=lambda vector: vector.index)
    counts = found.usage or Counts()
    tokens = counts.prompt_tokens if counts.prompt_tokens is not None else counts.total_tokens
    return Embeddings(
        vectors=tuple(_numbers(vector.embedding) for vector in in_order),
        usage=counted(tokens or 0),
        model=found.model or "",
    )


def encode_listing() -> WireRequest:
    """The request for the names of the models there are."""
    return get("/models")


def decode_listing(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """Names of the models, in the server's order. Raises like `decode`, also for JSON that is no list of models."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    return tuple(entry.id for entry in decoded(body, _listing, "a list of models").data)


def _numbers(vector: tuple[float, ...] | str) -> tuple[float, ...]:
    if not isinstance(vector, str):
        return vector
    try:
        numbers = array("f", base64.b64decode(vector, validate=True))
    except (binascii.Error, ValueError):
        raise ProviderProtocol(f"expected a vector in base64; found {vector[:100]!r}") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return tuple(numbers)
