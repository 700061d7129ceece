"""Embeddings in OpenAI's dialect. Source: OpenAI's API reference, 2026-10."""

import base64
from typing import Literal

import msgspec
import numpy as np

from steadyhand.errors import InvalidInput
from steadyhand.serve.gateway.dialects._fields import decoded
from steadyhand.types.json import Json
from steadyhand.types.model import EmbeddingRequest, Embeddings

TIMEOUT_S = 60.0


class Asked(msgspec.Struct):
    """A request. `input` is one text or several; lists of numbers are tokens, which are refused."""

    model: str
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None


_asked = msgspec.json.Decoder(Asked)


def read(body: bytes) -> tuple[Asked, EmbeddingRequest]:
    """The request as it came, and as providers take it. Raises `InvalidInput`."""
    asked = decoded(body, _asked)
    given = [asked.input] if isinstance(asked.input, str) else asked.input
    texts = tuple(text for text in given if isinstance(text, str))
    if not texts or len(texts) < len(given):
        raise InvalidInput(
            "input: expected a text or a list of texts; found none, or tokens",
            hint="tokens mean nothing to other models; LangChain sends texts with check_embedding_ctx_length=False",
        )
    return asked, EmbeddingRequest(texts, TIMEOUT_S, asked.dimensions)


def answer(embeddings: Embeddings, asked: Asked) -> bytes:
    """The body of the answer. Vectors in base64 are float32, little-endian."""
    is_packed = asked.encoding_format == "base64"
    tokens = embeddings.usage.input_tokens
    rows: list[Json] = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if is_packed else list(vector)}
        for index, vector in enumerate(embeddings.vectors)
    ]
    return msgspec.json.encode(
        {
            "object": "list",
            "data": rows,
            "model": asked.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _packed(vector: tuple[float, ...]) -> str:
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()
