"""Embeddings by models that Bedrock invokes: Cohere's, many texts at once, and Titan's, one text at a time.

Source: Amazon Bedrock's guide to inference parameters, 2026-10.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from steadyhand.errors import ProviderProtocol, ProviderRefused
from steadyhand.providers.dialects._bedrock.faults import refused
from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._reading import converted, decoded
from steadyhand.providers.dialects._wire import post
from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import JsonObject
from steadyhand.types.model import EmbeddingRequest, Embeddings, Model

_WHAT = "a list of vectors"

_Vectors = list[tuple[float, ...]]


class _ByType(msgspec.Struct):
    float: _Vectors | None = None


class _Reply(msgspec.Struct):
    embeddings: Any = None
    embedding: tuple[float, ...] | None = None
    tokens: int | None = msgspec.field(default=None, name="inputTextTokenCount")


_reply = msgspec.json.Decoder(_Reply)


def encode_embeddings(request: EmbeddingRequest, model: Model) -> WireRequest:
    """The request for one vector for each text. Raises `ProviderRefused` for models of other families."""
    if "cohere.embed" in model.name:
        body = _for_cohere(request)
    elif "amazon.titan-embed" in model.name:
        body = _for_titan(request)
    else:
        raise ProviderRefused(
            f"expected a model that embeds; found {model.name!r}",
            hint="name one of cohere.embed-* or amazon.titan-embed-*",
        )
    return post(f"/model/{quote(model.name, safe='')}/invoke", body)


def decode_embeddings(status: int, headers: Mapping[str, str], body: bytes) -> Embeddings:
    """The vectors, in the order of the texts. `headers` are in lower case: one of them counts the tokens."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    found = decoded(body, _reply, _WHAT)
    vectors = _vectors(found)
    if not vectors:
        raise ProviderProtocol(f"expected {_WHAT}; found {body[:100]!r}")
    said = headers.get("x-amzn-bedrock-input-token-count", "")
    return Embeddings(tuple(vectors), counted(int(said) if said.isdecimal() else found.tokens or 0))


def _for_cohere(request: EmbeddingRequest) -> JsonObject:
    kind = "search_query" if request.purpose == "query" else "search_document"
    body: JsonObject = {"texts": list(request.texts), "input_type": kind}
    return body if request.dimensions is None else {**body, "output_dimension": request.dimensions}


def _for_titan(request: EmbeddingRequest) -> JsonObject:
    if len(request.texts) != 1:
        raise ProviderRefused(
            f"expected one text, as Titan embeds no more at once; found {len(request.texts)}",
            hint="send one text in each request, or name one of cohere.embed-*",
        )
    body: JsonObject = {"inputText": request.texts[0]}
    return body if request.dimensions is None else {**body, "dimensions": request.dimensions}


def _vectors(found: _Reply) -> _Vectors:
    if found.embedding is not None:
        return [found.embedding]
    if isinstance(found.embeddings, dict):
        return converted(found.embeddings, _ByType, _WHAT).float or []
    return converted(found.embeddings or [], _Vectors, _WHAT)
