"""OpenAI chat completions, as OpenAI's packages and most others speak it.

Source: OpenAI's API reference, 2026-10. What goes beyond it: `reasoning_content` holds a model's thoughts, as
DeepSeek began it; `extra_content` of a tool call or a thought is what its vendor wants back, as Gemini began it; an
event `reset` tells a client that asked for it to forget the answer so far.
"""

import msgspec

from steadyhand.errors import SteadyhandError
from steadyhand.pipeline.gateway.client import Head
from steadyhand.serve.gateway.dialects import _faults
from steadyhand.serve.gateway.dialects._fields import top
from steadyhand.serve.gateway.dialects._openai_read import read
from steadyhand.serve.gateway.dialects._openai_write import Writer, answer

__all__ = ["NAME", "PATH", "Writer", "answer", "failure", "head", "read", "status"]

NAME = "openai"
PATH = "/chat/completions"


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Head(msgspec.Struct, gc=False):
    model: str
    stream: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    stream_options: _StreamOptions | None = None


_HEAD = frozenset(_Head.__struct_fields__)
_head = msgspec.json.Decoder(_Head)


def head(body: bytes) -> Head:
    """Raises `InvalidInput`."""
    found = top(body, _head, _HEAD)
    limit = found.max_completion_tokens
    return Head(
        found.model,
        bool(found.stream),
        found.max_tokens if limit is None else limit,
        found.safety_identifier or found.user or "",
        found.stream_options is not None and bool(found.stream_options.include_usage),
        max(1, found.n or 1),
    )


def status(error: SteadyhandError) -> int:
    return _faults.fault(error).status


def failure(error: SteadyhandError) -> bytes:
    """The body of an error."""
    return msgspec.json.encode({"error": _faults.openai(error)})
