"""How many tokens a text, or all of a request, may have, where nobody has counted them."""

from collections.abc import Iterable

from steadyhand.types.message import Media, Message, Part, Reasoning, Tool, ToolCall, ToolResult
from steadyhand.types.model import CompletionRequest
from steadyhand.types.text import Segment

_BYTES_PER_TOKEN = 3
"""Prose has 3.5-5 UTF-8 bytes per token with the vocabularies in use, code and figures 2.5-3.5."""

_PER_TEXT = 8
"""Role, separators and the like around every message."""

_OF_MEDIA = 1_500
"""About what an image of ordinary size, or a page, counts."""


def estimate(texts: Iterable[str]) -> int:
    """Tokens of the texts together, rather too many than too few: good for a bound, not for an invoice."""
    return sum(-(-len(text.encode()) // _BYTES_PER_TOKEN) + _PER_TEXT for text in texts)


def of_bytes(size: int) -> int:
    """Tokens of so many bytes of a request's JSON, rather too many than too few."""
    return size // _BYTES_PER_TOKEN


def of_request(request: CompletionRequest) -> int:
    """All that a model reads before it answers: its tools and its messages."""
    return of_tools(request.tools) + of_messages(request.messages)


def of_messages(messages: Iterable[Message]) -> int:
    """With calls of tools, what these gave, and thoughts that are given back."""
    return sum(_of_part(part) for message in messages for part in message.parts)


def of_tools(tools: Iterable[Tool]) -> int:
    return sum(estimate([tool.name, tool.description, str(tool.parameters)]) for tool in tools)


def _of_part(part: Part) -> int:
    match part:
        case Segment() | Reasoning():
            return estimate([part.text])
        case ToolCall():
            return estimate([part.name, part.arguments])
        case ToolResult():
            return sum(map(_of_part, part.parts))
        case Media():
            return _OF_MEDIA
