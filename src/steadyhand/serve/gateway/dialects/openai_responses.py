"""OpenAI responses.

Source: OpenAI's API reference, 2026-10. Nothing is stored: a conversation comes whole with every request. What goes
beyond the reference: `extra_content` of a function call or a thought is what another vendor wants back with it; an
event `reset` tells a client that asked for it to forget the answer so far, and a new `response.created` follows.
"""

from typing import Any

import msgspec

from steadyhand.errors import SteadyhandError
from steadyhand.pipeline.gateway.client import Head
from steadyhand.serve.gateway.dialects import _faults
from steadyhand.serve.gateway.dialects._fields import top
from steadyhand.serve.gateway.dialects._responses_read import STORED, read, refuse_stored
from steadyhand.serve.gateway.dialects._responses_write import Writer, answer

__all__ = ["NAME", "PATH", "Writer", "answer", "failure", "head", "read", "status"]

NAME = "openai_responses"
PATH = "/responses"


class _Head(msgspec.Struct, gc=False):
    model: str
    stream: bool | None = None
    max_output_tokens: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    previous_response_id: Any = None
    conversation: Any = None
    prompt: Any = None
    background: Any = None


_HEAD = frozenset(_Head.__struct_fields__)
_head = msgspec.json.Decoder(_Head)


def head(body: bytes) -> Head:
    """Raises `InvalidInput`."""
    found = top(body, _head, _HEAD)
    if found.previous_response_id or found.conversation or found.prompt or found.background:
        refuse_stored(name for name in STORED if getattr(found, name))
    return Head(
        found.model, bool(found.stream), found.max_output_tokens, found.safety_identifier or found.user or ""
    )


def status(error: SteadyhandError) -> int:
    return _faults.fault(error).status


def failure(error: SteadyhandError) -> bytes:
    """The body of an error."""
    return msgspec.json.encode({"error": _faults.openai(error)})
