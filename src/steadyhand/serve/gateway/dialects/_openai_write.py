"""A completion as a chat completion, whole or in chunks."""

from collections.abc import Mapping, Sequence

import msgspec

from steadyhand.errors import SteadyhandError
from steadyhand.serve.gateway.dialects import _faults
from steadyhand.serve.gateway.dialects._events import objects
from steadyhand.serve.gateway.dialects._parts import CARRIED, DETAILS
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta, Reasoning, ReasoningDelta, TextDelta, ToolCall
from steadyhand.types.model import Completion, FinishReason, Usage

_FINISH: Mapping[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "filter": "content_filter",
    "tool": "tool_calls",
    "other": "stop",
}
_END = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode


def answer(completion: Completion, *, model: str, run_id: str, created: int) -> bytes:
    """The whole answer."""
    message: JsonObject = {"role": "assistant", "content": completion.text or None, "refusal": None}
    message |= _thoughts(completion.reasoning)
    if completion.tool_calls:
        message["tool_calls"] = [_call(call) for call in completion.tool_calls]
    elif not completion.text:
        message["content"] = ""
    choice: JsonObject = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _FINISH[completion.finish],
    }
    return _encode(
        {
            **completion.extra,
            "id": f"chatcmpl-{run_id}",
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [choice],
            "usage": _usage(completion.usage),
        }
    )


class Writer:
    """The role first, then what comes, the finish reason, the usage where it is wanted, and the end mark.

    A reset is an event named `reset`, after which the answer begins anew with its role. What is taken over needs
    nothing but its role, if that has not been said: every chunk stands for itself.
    """

    def __init__(self, *, model: str, run_id: str, created: int, wants_usage: bool) -> None:
        self._wants_usage = wants_usage
        self._base: JsonObject = {
            "id": f"chatcmpl-{run_id}",
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._before = b"data: " + _encode(self._base)[:-1] + b',"choices":[{"index":0,"delta":'
        self._after = b',"finish_reason":null}]' + (b',"usage":null' if wants_usage else b"") + b"}\n\n"
        self._is_void = False  # is the role still to be said?

    def take_over(self, events: bytes) -> None:
        self._is_void = not any(said.get("choices") for said in objects(events))

    def begin(self) -> bytes:
        self._is_void = False
        return self._chunk(b'{"role":"assistant","content":""}')

    def delta(self, delta: Delta) -> bytes:
        begun = self.begin() if self._is_void else b""
        if isinstance(delta, TextDelta):
            return begun + self._chunk(b'{"content":' + _encode(delta.text) + b"}")
        if isinstance(delta, ReasoningDelta):
            return begun + self._chunk(b'{"reasoning_content":' + _encode(delta.text) + b"}")
        call: JsonObject = {"index": delta.index}
        if delta.id:
            call |= {"id": delta.id, "type": "function"}
        function: JsonObject = {"name": delta.name} if delta.name else {}
        call["function"] = {**function, "arguments": delta.arguments}
        return begun + self._chunk(_encode({"tool_calls": [call]}))

    def end(self, completion: Completion) -> bytes:
        begun = self.begin() if self._is_void else b""
        last = {"index": 0, "delta": _owed(completion), "finish_reason": _FINISH[completion.finish]}
        events = begun + _event({**completion.extra, **self._base, "choices": [last]})
        if self._wants_usage:
            events += _event({**self._base, "choices": [], "usage": _usage(completion.usage)})
        return events + _END

    def reset(self) -> bytes:
        self._is_void = True
        return b"event: reset\n" + _event({**self._base, "object": "steadyhand.reset", "choices": []})

    def fail(self, error: SteadyhandError) -> bytes:
        return _event({"error": _faults.openai(error)})

    def _chunk(self, delta: bytes) -> bytes:
        return self._before + delta + self._after


def _event(data: Mapping[str, object]) -> bytes:
    return b"data: " + _encode(data) + b"\n\n"


def _call(call: ToolCall) -> JsonObject:
    shown: JsonObject = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    return {**shown, CARRIED: dict(call.opaque)} if call.opaque else shown


def _thoughts(reasoning: Sequence[Reasoning]) -> JsonObject:
    text = "".join(thought.text for thought in reasoning)
    return ({"reasoning_content": text} if text else {}) | _carried(reasoning)


def _carried(reasoning: Sequence[Reasoning]) -> JsonObject:
    """What vendors want back with the thoughts of this turn: in the dialect's own words, where it has some."""
    for thought in reasoning:
        if DETAILS in thought.opaque:
            return {DETAILS: thought.opaque[DETAILS]}
    if not any(thought.opaque.keys() - {"field"} for thought in reasoning):
        return {}
    thoughts: list[Json] = [{"text": thought.text, "opaque": dict(thought.opaque)} for thought in reasoning]
    return {CARRIED: {"thoughts": thoughts}}


def _owed(completion: Completion) -> JsonObject:
    """What the deltas had no place for."""
    calls: list[Json] = [
        {"index": index, CARRIED: dict(call.opaque)}
        for index, call in enumerate(completion.tool_calls)
        if call.opaque
    ]
    return ({"tool_calls": calls} if calls else {}) | _carried(completion.reasoning)


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
