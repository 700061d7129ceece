"""Reads a streamed answer of OpenAI responses."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from steadyhand.errors import ProviderProtocol
from steadyhand.providers.dialects._faults import broken_off
from steadyhand.providers.dialects._openai.faults import raise_for_reply
from steadyhand.providers.dialects._openai_responses.output import (
    WHAT,
    Item,
    completed,
    read_item,
    read_response,
    unknown,
)
from steadyhand.providers.dialects._reading import decoded
from steadyhand.providers.dialects._sse import Events
from steadyhand.types.message import Delta, ReasoningDelta, TextDelta, ToolCallDelta
from steadyhand.types.model import Completion


class _Event(msgspec.Struct):
    type: str = ""
    delta: Any = None
    output_index: int | None = None
    summary_index: int | None = None
    item: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()
    error: Any = None
    code: Any = None
    message: Any = None

    @property
    def piece(self) -> str:
        """What this event adds; events that add no text may mean something else by `delta`."""
        return self.delta if isinstance(self.delta, str) else ""


@dataclass(slots=True)
class _Call:
    """The place of a call among the calls, and how many characters of its arguments were told."""

    index: int
    told: int


_event = msgspec.json.Decoder(_Event)


class Stream:
    """Reads one streamed answer; `feed` raises for an error that a vendor sends after its status 200.

    The last event repeats the whole answer, and the completion is read from it; where a server leaves the items out
    there, from the items as they ended.
    """

    def __init__(self) -> None:
        self._events = Events()
        self._calls: dict[int, _Call] = {}
        self._ended: list[msgspec.Raw] = []
        self._response: msgspec.Raw | None = None
        self._length = 0
        self.is_done = False

    def feed(self, data: bytes) -> list[Delta]:
        """What `data` completes; it may be cut anywhere, also inside a character."""
        found: list[Delta] = []
        for event in self._events.feed(data):
            self._take(event, found)
        return found

    def finish(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when the stream broke off before its end."""
        with suppress(ProviderProtocol):  # half a line
            for event in self._events.rest():
                self._take(event, [])
        if self._response is None:
            raise broken_off(self._length)
        response = read_response(self._response)
        return completed(response, response.output or self._ended, unknown(self._response))

    def _take(self, data: bytes, found: list[Delta]) -> None:
        if self.is_done or data[:1] != b"{":  # some servers add the end mark of chat completions, or nothing
            return
        event = decoded(data, _event, WHAT)
        if event.error or event.type == "error":
            raise_for_reply(event.error or {"code": event.code, "message": event.message or "no message"})
        if take := _TAKE.get(event.type):
            take(self, event, found)

    def _text(self, event: _Event, found: list[Delta]) -> None:
        if text := event.piece:
            self._length += len(text)
            found.append(TextDelta(text))

    def _thought(self, event: _Event, found: list[Delta]) -> None:
        if text := event.piece:
            found.append(ReasoningDelta(text))

    def _next_summary(self, event: _Event, found: list[Delta]) -> None:
        if event.summary_index:
            found.append(ReasoningDelta("\n\n"))

    def _begin_item(self, event: _Event, found: list[Delta]) -> None:
        item = read_item(event.item)
        if item.type == "function_call" and item.name and item.call_id:
            self._tell(event, item, item.arguments if isinstance(item.arguments, str) else "", found)

    def _arguments(self, event: _Event, found: list[Delta]) -> None:
        call = self._calls.get(event.output_index or 0)
        if call and (arguments := event.piece):
            call.told += len(arguments)
            found.append(ToolCallDelta(call.index, "", "", arguments))

    def _end_item(self, event: _Event, found: list[Delta]) -> None:
        """Keep the item, and tell what was not told of a call."""
        self._ended.append(event.item)
        item = read_item(event.item)
        if item.type != "function_call":
            return
        call = self._calls.get(event.output_index or 0)
        if call is None:
            self._tell(event, item, item.argument_text, found)
        elif rest := item.argument_text[call.told :]:
            found.append(ToolCallDelta(call.index, "", "", rest))

    def _tell(self, event: _Event, item: Item, arguments: str, found: list[Delta]) -> None:
        call = self._calls[event.output_index or 0] = _Call(len(self._calls), len(arguments))
        found.append(ToolCallDelta(call.index, item.call_id or "", item.name or "", arguments))

    def _end(self, event: _Event, found: list[Delta]) -> None:
        del found
        self._response = event.response
        self.is_done = True
        raise_for_reply(read_response(event.response).error)


_TAKE: Mapping[str, Callable[[Stream, _Event, list[Delta]], None]] = {
    "response.output_text.delta": Stream._text,
    "response.reasoning_summary_text.delta": Stream._thought,
    "response.reasoning_text.delta": Stream._thought,
    "response.reasoning_summary_part.added": Stream._next_summary,
    "response.output_item.added": Stream._begin_item,
    "response.function_call_arguments.delta": Stream._arguments,
    "response.output_item.done": Stream._end_item,
    "response.completed": Stream._end,
    "response.incomplete": Stream._end,
    "response.failed": Stream._end,
}
