"""The items of a response: what each looks like, and which events tell how it grows."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from steadyhand.errors import ProviderProtocol
from steadyhand.hints import excerpt
from steadyhand.serve.gateway.dialects._parts import CARRIED
from steadyhand.types.json import Json, JsonObject

Status = Literal["in_progress", "completed", "incomplete"]
Told = tuple[str, JsonObject]
"""An event's name behind `response.`, and its fields."""


class Item(Protocol):
    """One item while it is streamed. `opening` and `closing` stand around its deltas, `more` is one of them."""

    id: str

    def shown(self, status: Status) -> JsonObject: ...

    def opening(self) -> list[Told]: ...

    def more(self, piece: str) -> Told: ...

    def closing(self) -> list[Told]: ...


@dataclass(slots=True)
class TextItem:
    """The message."""

    PREFIX: ClassVar = "msg"
    id: str
    pieces: list[str] = field(default_factory=list)

    def shown(self, status: Status) -> JsonObject:
        content: list[Json] = [] if status == "in_progress" else [self._part()]
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": content}

    def opening(self) -> list[Told]:
        return [("content_part.added", {"content_index": 0, "part": self._part()})]

    def more(self, piece: str) -> Told:
        self.pieces.append(piece)
        return "output_text.delta", {"content_index": 0, "delta": piece, "logprobs": []}

    def closing(self) -> list[Told]:
        part = self._part()
        return [
            ("output_text.done", {"content_index": 0, "text": part["text"], "logprobs": []}),
            ("content_part.done", {"content_index": 0, "part": part}),
        ]

    def _part(self) -> JsonObject:
        return {"type": "output_text", "text": "".join(self.pieces), "annotations": [], "logprobs": []}


@dataclass(slots=True)
class ThoughtItem:
    """A model's thoughts, as the summary that the dialect has for them."""

    PREFIX: ClassVar = "rs"
    id: str
    pieces: list[str] = field(default_factory=list)
    opaque: JsonObject = field(default_factory=dict)

    def shown(self, status: Status) -> JsonObject:
        summary: list[Json] = [self._part()] if self.pieces and status != "in_progress" else []
        shown: JsonObject = {"id": self.id, "type": "reasoning", "status": status, "summary": summary}
        if self.opaque.get("type") == "reasoning":  # the item of a vendor that speaks this dialect
            return {**self.opaque, **shown, "id": self.opaque.get("id", self.id)}
        return {**shown, CARRIED: self.opaque} if self.opaque else shown

    def opening(self) -> list[Told]:
        empty: JsonObject = {"type": "summary_text", "text": ""}
        return [("reasoning_summary_part.added", {"summary_index": 0, "part": empty})]

    def more(self, piece: str) -> Told:
        self.pieces.append(piece)
        return "reasoning_summary_text.delta", {"summary_index": 0, "delta": piece}

    def closing(self) -> list[Told]:
        part = self._part()
        return [
            ("reasoning_summary_text.done", {"summary_index": 0, "text": part["text"]}),
            ("reasoning_summary_part.done", {"summary_index": 0, "part": part}),
        ]

    def _part(self) -> JsonObject:
        return {"type": "summary_text", "text": "".join(self.pieces)}


@dataclass(slots=True)
class CallItem:
    """A call of a function."""

    PREFIX: ClassVar = "fc"
    id: str
    call_id: str
    name: str
    pieces: list[str] = field(default_factory=list)
    opaque: JsonObject = field(default_factory=dict)

    def shown(self, status: Status) -> JsonObject:
        shown: JsonObject = {
            "id": self.id,
            "type": "function_call",
            "status": status,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": "".join(self.pieces),
        }
        return {**shown, CARRIED: self.opaque} if self.opaque else shown

    def opening(self) -> list[Told]:
        return []

    def more(self, piece: str) -> Told:
        self.pieces.append(piece)
        return "function_call_arguments.delta", {"delta": piece}

    def closing(self) -> list[Told]:
        return [("function_call_arguments.done", {"name": self.name, "arguments": "".join(self.pieces)})]


@dataclass(slots=True)
class ForeignItem:
    """An item as its vendor showed it: one that has ended, or of a kind that we do not make."""

    id: str
    fields: JsonObject

    def shown(self, status: Status) -> JsonObject:
        del status
        return self.fields

    def opening(self) -> list[Told]:
        return []

    def more(self, piece: str) -> Told:
        """Raises `ProviderProtocol`: nothing is added to it."""
        raise ProviderProtocol(f"expected nothing more of item {self.id}; found {excerpt(piece)!r}")

    def closing(self) -> list[Told]:
        return []


def taken_over(item: JsonObject) -> Item:
    """An item that a vendor has just added, as one that can be gone on with."""
    name = str(item.get("id", ""))
    return TextItem(name) if item.get("type") == "message" else ForeignItem(name, item)
