"""What an answer of Bedrock's says, come whole or in events. Source: Amazon Bedrock's API reference, 2026-10."""

from collections.abc import Mapping
from typing import Any

import msgspec

from steadyhand.providers.dialects._content_blocks import Blocks
from steadyhand.providers.dialects._counts import counted
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta
from steadyhand.types.model import Completion, FinishReason, Usage

_FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
}

_KNOWN = {"output", "stopReason", "usage", "metrics", "role", "p"}
"""Fields that have their place, or none: `p` pads events, `metrics` are the vendor's clock."""

_COUNTED = {
    "inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens", "cacheWriteInputTokens",
    "cacheReadInputTokenCount", "cacheWriteInputTokenCount",
}  # fmt: skip


class _ReasoningText(msgspec.Struct):
    text: str | None = None
    signature: str | None = None


class Reasoning(msgspec.Struct):
    """A thought: whole in `reasoning_text`, in pieces beside it."""

    reasoning_text: _ReasoningText | None = msgspec.field(default=None, name="reasoningText")
    text: str | None = None
    signature: str | None = None
    redacted: str | None = msgspec.field(default=None, name="redactedContent")


class ToolUse(msgspec.Struct):
    """A call; its input is an object where it came whole, a text where it comes in pieces."""

    id: str = msgspec.field(default="", name="toolUseId")
    name: str = ""
    input: Any = None


class Content(msgspec.Struct, gc=False):
    """A block, or a piece of one."""

    text: str | None = None
    tool: ToolUse | None = msgspec.field(default=None, name="toolUse")
    reasoning: Reasoning | None = msgspec.field(default=None, name="reasoningContent")


class Counts(msgspec.Struct, rename="camel"):
    """Tokens; those read from the cache and written to it are counted beside the input."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None


class Answer:
    """An answer as it grows, block by block.

    What we have no word for is kept in `Completion.extra`: unknown fields by their names, those of the usage under
    `usage`, and under `content` the blocks, or pieces of blocks, of other kinds, such as citations.
    """

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._others: list[Json] = []
        self._extra: JsonObject = {}
        self._usage = Usage()
        self.stop_reason: str | None = None

    @property
    def length(self) -> int:
        """Characters of the text so far."""
        return len(self._blocks.text)

    def tell(self, fields: Mapping[str, Any], counts: Counts | None = None) -> None:
        """Fields beside the content, and the count of tokens."""
        if counts is not None:
            self._usage = _usage(counts)
        self._extra |= {name: value for name, value in fields.items() if name not in _KNOWN and value is not None}
        usage = fields.get("usage") or {}
        if uncounted := {name: value for name, value in usage.items() if name not in _COUNTED and value}:
            self._extra["usage"] = uncounted

    def open(self, index: int, block: Content) -> Delta | None:
        """A block that begins, with as much of it as came."""
        if block.tool is not None:
            return self._blocks.call(index, block.tool.id, block.tool.name)
        return self.add(index, block)

    def add(self, index: int, piece: Content) -> Delta | None:
        """A piece of a block."""
        if piece.text is not None:
            return self._blocks.say(piece.text)
        if piece.tool is not None:
            return self._blocks.argue(index, piece.tool.input) if isinstance(piece.tool.input, str) else None
        return self._think(index, piece.reasoning) if piece.reasoning is not None else None

    def keep(self, other: Json) -> None:
        """A block, or a piece of one, that we have no word for."""
        self._others.append(other)

    def close(self, index: int, whole: Json = None) -> Delta | None:
        """The end of a block; `whole` is the input of a call that did not come in pieces."""
        return self._blocks.close(index, whole)

    def completion(self) -> Completion:
        """The whole answer."""
        return Completion(
            text=self._blocks.text,
            tool_calls=self._blocks.calls,
            reasoning=self._blocks.thoughts,
            usage=self._usage,
            finish=self._blocks.finish(_FINISH.get(self.stop_reason or "", "other")),
            extra=self._extra | ({"content": self._others} if self._others else {}),
        )

    def _think(self, index: int, piece: Reasoning) -> Delta | None:
        whole = piece.reasoning_text or _ReasoningText()
        if signature := piece.signature or whole.signature:
            self._blocks.keep(index, signature=signature)
        if piece.redacted:
            self._blocks.keep(index, data=piece.redacted)
        text = piece.text or whole.text
        return self._blocks.think(index, text) if text else None


def _usage(found: Counts) -> Usage:
    """Tokens as counted by the vendor; `Usage()` when it counted none, or what cannot be."""
    cached, written = found.cache_read_input_tokens or 0, found.cache_write_input_tokens or 0
    return counted(
        (found.input_tokens or 0) + cached + written,
        found.output_tokens or 0,
        cached=cached,
        written=written,
    )
