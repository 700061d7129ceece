"""Anthropic messages.

Source: Anthropic's API reference, 2026-10. What goes beyond it: `extra_content` of a tool call or a thought is
what another vendor wants back with it; an event `reset` tells a client that asked for it to forget the answer so
far, and a new `message_start` follows.
"""

import msgspec

from steadyhand.errors import BudgetExceeded, NoModel, SteadyhandError
from steadyhand.pipeline.gateway.client import Head
from steadyhand.serve.gateway.dialects import _faults
from steadyhand.serve.gateway.dialects._anthropic_read import read
from steadyhand.serve.gateway.dialects._anthropic_write import Writer, answer
from steadyhand.serve.gateway.dialects._fields import top

__all__ = ["NAME", "PATH", "Writer", "answer", "failure", "head", "read", "status"]

NAME = "anthropic"
PATH = "/messages"


class _Metadata(msgspec.Struct, gc=False):
    user_id: str | None = None


class _Head(msgspec.Struct, gc=False):
    model: str
    stream: bool | None = None
    max_tokens: int | None = None
    metadata: _Metadata | None = None


_HEAD = frozenset(_Head.__struct_fields__)
_head = msgspec.json.Decoder(_Head)


def head(body: bytes) -> Head:
    """Raises `InvalidInput`."""
    found = top(body, _head, _HEAD)
    end_user = found.metadata.user_id if found.metadata else None
    return Head(found.model, bool(found.stream), found.max_tokens, end_user or "")


def status(error: SteadyhandError) -> int:
    if isinstance(error, BudgetExceeded):
        return 402
    return 529 if isinstance(error, NoModel) else _faults.fault(error).status


def failure(error: SteadyhandError) -> bytes:
    """The body of an error."""
    return msgspec.json.encode(_faults.anthropic(error))
