"""What an answer of Anthropic's says, come whole or in events. Source: Anthropic's API reference, 2026-10."""

from collections.abc import Mapping
from typing import Any

import msgspec

from steadyhand.providers.dialects._content_blocks import Blocks
from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._reading import UNREADABLE, converted
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta
from steadyhand.types.model import Completion, FinishReason, Usage

_FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "refusal": "filter",
}

_KNOWN = {"id", "type", "role", "model", "content", "stop_reason", "usage"}


class Piece(msgspec.Struct, gc=False):
    """The delta of a block."""

    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: dict[str, Any] | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str = ""
    name: str = ""
    input: Any = None
    citations: list[Any] | None = None


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _Written(msgspec.Struct):
    """What was written to the cache, by how long it is kept."""

    ephemeral_1h_input_tokens: int | None = None


class _Counts(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _Written | None = None
    output_tokens_details: _Details | None = None


WHAT = "JSON of a message"


class Answer:
    """An answer as it grows. Blocks are numbered; each is opened, added to and closed.

    What we have no word for is kept in `Completion.extra`: unknown fields by their names, those of the usage under
    `usage`; `citations`, in their order; under `content` the blocks of other kinds, such as the vendor's searches.
    """

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._open: dict[int, JsonObject] = {}
        self._pieces: dict[int, list[str]] = {}  # of the input of blocks of other kinds
        self._others: list[Json] = []
        self._citations: list[Json] = []
        self._fields: JsonObject = {}
        self._usage: JsonObject = {}

    @property
    def has_begun(self) -> bool:
        return bool(self._fields)

    @property
    def length(self) -> int:
        """Characters of the text so far."""
        return len(self._blocks.text)

    def tell(self, fields: JsonObject) -> None:
        """Fields of the message, its usage among them. They replace earlier ones, counts unless they are 0."""
        usage = fields.get("usage")
        if isinstance(usage, dict):
            self._usage |= {name: value for name, value in usage.items() if value}
        self._fields |= {name: value for name, value in fields.items() if value is not None}

    def open(self, index: int, content: JsonObject) -> Delta | None:
        """A block with what it begins with, or the whole of it. Raises `ProviderProtocol`."""
        block = converted(content, _Block, WHAT)
        self._open[index] = content
        if block.type == "tool_use":
            return self._blocks.call(index, block.id, block.name)
        if block.type in {"text", "thinking"}:
            self._citations += block.citations or []
            return self.add(index, Piece(text=block.text, thinking=block.thinking, signature=block.signature))
        if block.type == "redacted_thinking":
            self._blocks.keep(index, data=block.data or "")
        return None

    def add(self, index: int, piece: Piece) -> Delta | None:
        """A piece of an open block."""
        if piece.text is not None:
            return self._blocks.say(piece.text)
        if piece.partial_json is not None:
            self._pieces.setdefault(index, []).append(piece.partial_json)
            return self._blocks.argue(index, piece.partial_json)
        if piece.signature is not None:
            self._blocks.keep(index, signature=piece.signature)
        if piece.citation is not None:
            self._citations.append(piece.citation)
        return self._blocks.think(index, piece.thinking) if piece.thinking is not None else None

    def close(self, index: int) -> Delta | None:
        """The end of a block."""
        content = self._open.pop(index, {})
        if content.get("type") == "tool_use":
            return self._blocks.close(index, content.get("input"))
        if content and content.get("type") not in {"text", "thinking", "redacted_thinking"}:
            self._others.append(self._with_input(index, content))
        return None

    def completion(self) -> Completion:
        """The whole answer."""
        for index in tuple(self._open):
            self.close(index)
        reason = self._fields.get("stop_reason")
        return Completion(
            text=self._blocks.text,
            tool_calls=self._blocks.calls,
            reasoning=self._blocks.thoughts,
            usage=_usage(self._usage),
            finish=self._blocks.finish(_FINISH.get(str(reason), "other")),
            model=str(self._fields.get("model", "")),
            id=str(self._fields.get("id", "")),
            extra=self._extra(),
        )

    def _with_input(self, index: int, content: JsonObject) -> JsonObject:
        text = "".join(self._pieces.get(index, ()))
        try:
            return {**content, "input": msgspec.json.decode(text)} if text else content
        except UNREADABLE:
            return {**content, "input": text}

    def _extra(self) -> JsonObject:
        unknown = {name: value for name, value in self._fields.items() if name not in _KNOWN}
        usage = {name: value for name, value in self._usage.items() if name not in _Counts.__struct_fields__}
        kept: JsonObject = {"usage": usage, "citations": self._citations, "content": self._others}
        return unknown | {name: value for name, value in kept.items() if value}


def _usage(usage: JsonObject) -> Usage:
    """Tokens as counted by the vendor, whose `input_tokens` leave out those of the cache; `Usage()` without any."""
    found = converted(usage, _Counts, WHAT)
    cached, written = found.cache_read_input_tokens or 0, found.cache_creation_input_tokens or 0
    return counted(
        (found.input_tokens or 0) + cached + written,
        found.output_tokens or 0,
        cached=cached,
        written=written,
        written_1h=(found.cache_creation or _Written()).ephemeral_1h_input_tokens or 0,
        reasoning=(found.output_tokens_details or _Details()).thinking_tokens or 0,
    )
