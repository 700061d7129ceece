"""A completion as a response, whole or in events."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from steadyhand.errors import ProviderProtocol, SteadyhandError
from steadyhand.serve.gateway.dialects import _faults
from steadyhand.serve.gateway.dialects._events import objects
from steadyhand.serve.gateway.dialects._responses_items import (
    CallItem,
    ForeignItem,
    Item,
    Status,
    TextItem,
    ThoughtItem,
    taken_over,
)
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta, TextDelta, ToolCallDelta
from steadyhand.types.model import Completion, FinishReason, Usage

_INCOMPLETE: Mapping[FinishReason, str] = {"length": "max_output_tokens", "filter": "content_filter"}
_encode = msgspec.json.Encoder().encode


def answer(completion: Completion, *, model: str, run_id: str, created: int) -> bytes:
    """The whole answer."""
    return _encode(_finished(_response(model, run_id, created), completion, [*_items(completion, run_id)]))


class Writer:
    """`response.created`, then items that are added, filled and done one after the other, and `response.completed`.

    A reset is an event named `reset`, after which the answer begins anew with `response.created`. The items of an
    answer that is taken over stay as their vendor made them, and the numbers of events go on behind its last.
    """

    def __init__(self, *, model: str, run_id: str, created: int, wants_usage: bool) -> None:
        del wants_usage
        self._run_id = run_id
        self._response = _response(model, run_id, created)
        self._number = 0
        self._is_void = False  # is `response.created` still to be said?
        self._items: list[Item] = []
        self._is_open = False  # is the last item?
        self._call = -1  # the index of the last call

    def take_over(self, events: bytes) -> None:
        self._is_void = True
        for said in objects(events):
            if isinstance(number := said.get("sequence_number"), int):
                self._number = number + 1
            match said:
                case {"type": "response.created", "response": dict(response)}:
                    self._is_void, self._response = False, response
                case {"type": "response.output_item.added", "item": dict(item)}:
                    self._items.append(taken_over(item))
                    self._is_open = True
                case {"type": "response.output_text.delta", "delta": str(piece)}:
                    if self._items and isinstance(self._items[-1], TextItem):
                        self._items[-1].more(piece)
                case {"type": "response.output_item.done", "item": dict(item)} if self._items:
                    self._items[-1] = ForeignItem(str(item.get("id", "")), item)
                    self._is_open = False

    def begin(self) -> bytes:
        self._is_void = self._is_open = False
        self._items = []
        self._call = -1
        created = self._event("response.created", {"response": self._response})
        return created + self._event("response.in_progress", {"response": self._response})

    def delta(self, delta: Delta) -> bytes:
        begun = self.begin() if self._is_void else b""
        if isinstance(delta, ToolCallDelta):
            opened = self._to_call(delta)
            piece = delta.arguments
        else:
            opened = self._to(TextItem if isinstance(delta, TextDelta) else ThoughtItem)
            piece = delta.text
        return begun + opened + (self._tell(*self._items[-1].more(piece)) if piece else b"")

    def end(self, completion: Completion) -> bytes:
        begun = self.begin() if self._is_void else b""
        _hand_over(completion, self._items)
        closed = self._close(_status(completion))
        finished = _finished(self._response, completion, self._items)
        return begun + closed + self._event(f"response.{finished['status']}", {"response": finished})

    def reset(self) -> bytes:
        self._is_void = True
        return self._event("reset", {})

    def fail(self, error: SteadyhandError) -> bytes:
        """As the reference has it, and once more in `error`, which is where OpenAI's own packages look."""
        said = _faults.openai(error)
        return self._event(
            "error", {"code": said["code"], "message": said["message"], "param": None, "error": said}
        )

    def _to(self, kind: type[TextItem] | type[ThoughtItem]) -> bytes:
        """Make an item of this kind the open one."""
        if self._is_open and isinstance(self._items[-1], kind):
            return b""
        return self._open(kind(f"{kind.PREFIX}_{self._run_id}_{len(self._items)}"))

    def _to_call(self, delta: ToolCallDelta) -> bytes:
        """Raises `ProviderProtocol` for more of a call whose item is done: the dialect cannot go back."""
        if self._is_open and isinstance(self._items[-1], CallItem) and delta.index == self._call:
            return b""
        if delta.index <= self._call:
            raise ProviderProtocol(f"expected one call after the other; found more of call {delta.index}")
        self._call = delta.index
        return self._open(CallItem(f"fc_{self._run_id}_{len(self._items)}", delta.id, delta.name))

    def _open(self, item: Item) -> bytes:
        closed = self._close("completed")
        self._items.append(item)
        self._is_open = True
        added = self._tell("output_item.added", {"item": item.shown("in_progress")})
        return closed + added + b"".join(self._tell(*told) for told in item.opening())

    def _close(self, status: Status) -> bytes:
        if not self._is_open:
            return b""
        item = self._items[-1]
        events = b"".join(self._tell(*told) for told in item.closing())
        events += self._tell("output_item.done", {"item": item.shown(status)})
        self._is_open = False
        return events

    def _tell(self, name: str, fields: JsonObject) -> bytes:
        """An event about the last item."""
        item = self._items[-1]
        about: JsonObject = {"output_index": len(self._items) - 1}
        if "item" not in fields:
            about["item_id"] = item.id
        return self._event(f"response.{name}", about | fields)

    def _event(self, kind: str, fields: JsonObject) -> bytes:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: " + kind.encode() + b"\ndata: " + _encode(data) + b"\n\n"


def _items(completion: Completion, run_id: str) -> Iterator[Item]:
    for index, thought in enumerate(completion.reasoning):
        pieces = [thought.text] if thought.text else []
        yield ThoughtItem(f"rs_{run_id}_{index}", pieces, dict(thought.opaque))
    if completion.text or not completion.tool_calls:
        yield TextItem(f"msg_{run_id}", [completion.text])
    for index, call in enumerate(completion.tool_calls):
        yield CallItem(f"fc_{run_id}_{index}", call.id, call.name, [call.arguments], dict(call.opaque))


def _hand_over(completion: Completion, items: Sequence[Item]) -> None:
    """Give the streamed items what their vendors want back, which the deltas had no place for."""
    thoughts = [item for item in items if isinstance(item, ThoughtItem)]
    calls = [item for item in items if isinstance(item, CallItem)]
    for thought, whole in zip(thoughts, completion.reasoning, strict=False):
        thought.opaque = dict(whole.opaque)
    for call, asked in zip(calls, completion.tool_calls, strict=False):
        call.opaque = dict(asked.opaque)


def _response(model: str, run_id: str, created: int) -> JsonObject:
    """A response that has not ended. Some packages insist on fields that say nothing here."""
    return {
        "id": f"resp_{run_id}",
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def _finished(response: JsonObject, completion: Completion, items: Sequence[Item]) -> JsonObject:
    status = _status(completion)
    output: list[Json] = [item.shown("completed") for item in items[:-1]]
    output += [item.shown(status) for item in items[-1:]]
    reason: JsonObject | None = {"reason": _INCOMPLETE[completion.finish]} if status == "incomplete" else None
    return {
        **completion.extra,
        **response,
        "status": status,
        "incomplete_details": reason,
        "output": output,
        "usage": _usage(completion.usage),
    }


def _status(completion: Completion) -> Status:
    return "incomplete" if completion.finish in _INCOMPLETE else "completed"


def _usage(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
