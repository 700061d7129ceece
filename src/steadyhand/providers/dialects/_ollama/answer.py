"""What an answer of Ollama, whole or in lines, says. Fields that nobody here knows are kept."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from steadyhand.errors import ParameterRefused, ProviderError, ProviderProtocol, ProviderUnavailable
from steadyhand.providers.dialects._status import failure
from steadyhand.types.json import JsonObject
from steadyhand.types.message import Delta, Reasoning, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta
from steadyhand.types.model import Completion, FinishReason, Usage

_LONGEST = 500
"""Characters of the server's message that are passed on."""

_MOST_TOKENS = 100_000_000  # of one call; more is a mistake

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
        try:
            fields = msgspec.json.decode(line)
            found = msgspec.convert(fields, _Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProviderProtocol(f"expected JSON of an Ollama answer; found {line[:100]!r} ({error})") from None
        if found.error:
            raise ProviderUnavailable(f"the server stopped answering: {_said(found.error)}")
        if found.message is None and not found.done:
            raise ProviderProtocol(f"expected a message in an Ollama answer; found {line[:100]!r}")
        self._began = self._began or "".join(filter(str.isdigit, found.created_at or ""))
        self._extra |= {name: value for name, value in fields.items() if name not in _KNOWN}
        self._last, self.is_done = found, found.done
        return list(self._read(found.message or _Message()))

    def completion(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when its last line is missing."""
        if not self.is_done:
            length = sum(map(len, self._texts))
            raise ProviderUnavailable(f"expected the end of the answer; it broke off after {length} characters")
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
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = body[:_LONGEST].decode(errors="replace")
    message = _said(found.get("error", found) if isinstance(found, dict) else found)
    error = failure(status, headers, message)
    if status == 400 and _THINKING.search(message):
        return ParameterRefused(str(error), hint=error.hint, parameter="think")
    return error


def _said(error: object) -> str:
    text = error if isinstance(error, str) else msgspec.json.encode(error).decode()
    return " ".join(text.split())[:_LONGEST]


def _usage(line: _Line) -> Usage:
    """Tokens as counted by the server; `Usage()` when it counted none, as for a prompt that it still knew."""
    prompt, output = line.prompt_eval_count, line.eval_count or 0
    if prompt is None or not (0 <= prompt <= _MOST_TOKENS and 0 <= output <= _MOST_TOKENS):
        return Usage()
    return Usage(input_tokens=prompt, output_tokens=output)
