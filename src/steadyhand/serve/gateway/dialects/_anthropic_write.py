"""A completion as a message, whole or in events."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from steadyhand.errors import ProviderProtocol, SteadyhandError
from steadyhand.serve.gateway.dialects import _faults
from steadyhand.serve.gateway.dialects._events import objects
from steadyhand.serve.gateway.dialects._parts import CARRIED
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta, Reasoning, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta
from steadyhand.types.model import Completion, FinishReason, Usage

_FINISH: Mapping[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "filter": "refusal",
    "tool": "tool_use",
    "other": "end_turn",
}
_OWN = frozenset({"signature", "data"})  # what Anthropic itself wants back with a thought
_encode = msgspec.json.Encoder().encode


def answer(completion: Completion, *, model: str, run_id: str, created: int) -> bytes:
    """The whole answer; the dialect has no place for `created`."""
    del created
    content: list[Json] = [*_blocks(completion)]
    return _encode(
        {
            **completion.extra,
            **_message(model, run_id, content, _usage(completion.usage)),
            "stop_reason": _FINISH[completion.finish],
        }
    )


class Writer:
    """`message_start`, then blocks that are opened and closed one after the other, and `message_stop`.

    The counts of tokens come with `message_delta`, because nobody knows them before. A reset is an event named
    `reset`, after which the answer begins anew with `message_start`.
    """

    def __init__(self, *, model: str, run_id: str, created: int, wants_usage: bool) -> None:
        del created, wants_usage
        self._start = _event("message_start", {"message": _message(model, run_id, [], _usage(Usage()))})
        self._is_void = False  # is `message_start` still to be said?
        self._index = -1
        self._kind = ""  # of the open block
        self._tool = -1  # the index of the call whose block is open

    def take_over(self, events: bytes) -> None:
        self._is_void = True
        for said in objects(events):
            match said:
                case {"type": "message_start"}:
                    self._is_void = False
                case {"type": "content_block_start", "index": int(index), "content_block": {"type": str(kind)}}:
                    self._index, self._kind = index, kind
                case {"type": "content_block_stop"}:
                    self._kind = ""

    def begin(self) -> bytes:
        self._is_void = False
        self._index = -1
        self._kind = ""
        self._tool = -1
        return self._start

    def delta(self, delta: Delta) -> bytes:
        begun = self.begin() if self._is_void else b""
        if isinstance(delta, TextDelta):
            return begun + self._piece("text", {"type": "text_delta", "text": delta.text})
        if isinstance(delta, ReasoningDelta):
            return begun + self._piece("thinking", {"type": "thinking_delta", "thinking": delta.text})
        return begun + self._call(delta)

    def end(self, completion: Completion) -> bytes:
        begun = self.begin() if self._is_void else b""
        stop: JsonObject = {"stop_reason": _FINISH[completion.finish], "stop_sequence": None}
        told = {**completion.extra, "delta": stop, "usage": _usage(completion.usage)}
        return begun + self._close() + _event("message_delta", told) + _event("message_stop", {})

    def reset(self) -> bytes:
        self._is_void = True
        return _event("reset", {})

    def fail(self, error: SteadyhandError) -> bytes:
        return b"event: error\ndata: " + _encode(_faults.anthropic(error)) + b"\n\n"

    def _call(self, delta: ToolCallDelta) -> bytes:
        """Raises `ProviderProtocol` for more of a call whose block is closed: the dialect cannot go back."""
        opened = b""
        if self._kind != "tool_use" or delta.index != self._tool:
            if delta.index <= self._tool:
                raise ProviderProtocol(f"expected one call after the other; found more of call {delta.index}")
            self._tool = delta.index
            opened = self._open("tool_use", {"id": delta.id, "name": delta.name, "input": {}})
        if not delta.arguments:
            return opened
        return opened + self._delta({"type": "input_json_delta", "partial_json": delta.arguments})

    def _piece(self, kind: Literal["text", "thinking"], delta: JsonObject) -> bytes:
        if self._kind == kind:
            return self._delta(delta)
        signed: JsonObject = {"signature": ""} if kind == "thinking" else {}
        return self._open(kind, {kind: "", **signed}) + self._delta(delta)

    def _open(self, kind: str, fields: JsonObject) -> bytes:
        closed = self._close()
        self._kind = kind
        self._index += 1
        block: JsonObject = {"type": kind, **fields}
        return closed + _event("content_block_start", {"index": self._index, "content_block": block})

    def _delta(self, delta: JsonObject) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _close(self) -> bytes:
        if not self._kind:
            return b""
        self._kind = ""
        return _event("content_block_stop", {"index": self._index})


def _event(kind: str, fields: JsonObject) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + _encode({"type": kind, **fields}) + b"\n\n"


def _message(model: str, run_id: str, content: list[Json], usage: JsonObject) -> JsonObject:
    return {
        "id": f"msg_{run_id}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _blocks(completion: Completion) -> Iterator[JsonObject]:
    for thought in completion.reasoning:
        yield _thought(thought)
    if completion.text:
        yield {"type": "text", "text": completion.text}
    for call in completion.tool_calls:
        yield _tool_use(call)


def _thought(thought: Reasoning) -> JsonObject:
    if "data" in thought.opaque:
        return {"type": "redacted_thinking", "data": thought.opaque["data"]}
    foreign: JsonObject = {name: value for name, value in thought.opaque.items() if name not in _OWN}
    signature = thought.opaque.get("signature", "")
    shown: JsonObject = {"type": "thinking", "thinking": thought.text, "signature": signature}
    return {**shown, CARRIED: foreign} if foreign else shown


def _tool_use(call: ToolCall) -> JsonObject:
    """A model may write arguments that are no JSON object; the dialect has no other place for them."""
    try:
        arguments: Json = msgspec.json.decode(call.arguments or "{}")
    except msgspec.DecodeError:
        arguments = None
    given: JsonObject = arguments if isinstance(arguments, dict) else {"arguments": call.arguments}
    shown: JsonObject = {"type": "tool_use", "id": call.id, "name": call.name, "input": given}
    return {**shown, CARRIED: dict(call.opaque)} if call.opaque else shown


def _usage(usage: Usage) -> JsonObject:
    """Anthropic counts what was read from and written to the cache beside the input, not inside."""
    fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    return {
        "input_tokens": max(0, fresh),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }
