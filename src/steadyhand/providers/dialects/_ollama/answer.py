"""What an answer of Ollama, whole or in lines, says. Fields that nobody here knows are kept."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from steadyhand.errors import ProviderError, ProviderProtocol
from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._faults import broken_off, error_of, failure, message_of, of_parameter, stopped
from steadyhand.providers.dialects._reading import converted, decoded
from steadyhand.types.json import JsonObject
from steadyhand.types.message import Delta, Reasoning, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta
from steadyhand.types.model import Completion, FinishReason, Usage

_FINISH: Mapping[str, FinishReason] = {"stop": "stop", "length": "length"}

_KNOWN = {"model", "message", "done", "done_reason", "prompt_eval_count", "eval_count", "error"}

_THINKING = re.compile(r"does not support thinking|\bthink value\b")


class _Function(msgspec.Struct):
    name: str = ""
    arguments: dict[str, Any] | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Line(msgspec.Struct):
    model: str | None = None
    created_at: str | None = None
    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None


_fields = msgspec.json.Decoder(dict[str, Any])


class Answer:
    """Gathers the lines of one answer. A whole answer is one line."""

    def __init__(self) -> None:
        self.is_done = False
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[ToolCall] = []
        self._last = _Line()
        self._began = ""  # when, in digits
        self._extra: JsonObject = {}

    def take(self, line: bytes) -> list[Delta]:
        """What a line adds. Raises the error in it, `ProviderProtocol` for what is no line of an answer."""
        fields = decoded(line, _fields, "JSON of an Ollama answer")
        found = converted(fields, _Line, "JSON of an Ollama answer")
        if found.error:
            raise stopped(message_of(found.error))
        if found.message is None and not found.done:
            raise ProviderProtocol(f"expected a message in an Ollama answer; found {line[:100]!r}")
        self._began = self._began or "".join(filter(str.isdigit, found.created_at or ""))
        self._extra |= {name: value for name, value in fields.items() if name not in _KNOWN}
        self._last, self.is_done = found, found.done
        return list(self._read(found.message or _Message()))

    def completion(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when its last line is missing."""
        if not self.is_done:
            raise broken_off(sum(map(len, self._texts)))
        thought = "".join(self._thoughts)
        finish = _FINISH.get(self._last.done_reason or "stop", "other")
        return Completion(
            text="".join(self._texts),
            tool_calls=tuple(self._calls),
            reasoning=(Reasoning(thought, {"thinking": True}),) if thought else (),
            usage=_usage(self._last),
            finish="tool" if self._calls and finish == "stop" else finish,
            model=self._last.model or "",
            extra=self._extra,
        )

    def _read(self, message: _Message) -> Iterator[Delta]:
        if message.thinking:
            self._thoughts.append(message.thinking)
            yield ReasoningDelta(message.thinking)
        if message.content:
            self._texts.append(message.content)
            yield TextDelta(message.content)
        for call in message.tool_calls or ():
            yield self._called(call)

    def _called(self, call: _Call) -> Delta:
        """A call comes whole. One without an id, as older servers make them, gets the time of the answer."""
        index, function = len(self._calls), call.function or _Function()
        arguments = msgspec.json.encode(function.arguments or {}).decode()
        found = ToolCall(call.id or f"call_{self._began}_{index}", function.name, arguments)
        self._calls.append(found)
        return ToolCallDelta(index, found.id, found.name, arguments)


def refused(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error for an answer whose status is not 2xx."""
    message = message_of(error_of(body))
    is_thinking = status == 400 and _THINKING.search(message) is not None
    return of_parameter(failure(status, headers, message), "think" if is_thinking else "")


def _usage(line: _Line) -> Usage:
    """Tokens as counted by the server; `Usage()` when it counted none, as for a prompt that it still knew."""
    prompt = line.prompt_eval_count
    return Usage() if prompt is None else counted(prompt, line.eval_count or 0)
