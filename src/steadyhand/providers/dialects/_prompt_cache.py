"""When it pays to mark the stable beginning of a prompt for a vendor's cache.

Source: Anthropic's and Amazon's guides to prompt caching, 2026-10. What is written to the cache costs a quarter
more than plain input, what is read from it a tenth. A beginning is cached from 1,024 tokens on, for Haiku models
from 2,048; some models want up to 4,096, and pass over a mark that comes earlier at no cost.
"""

from steadyhand.catalog import tokens
from steadyhand.types.message import Media, Part, Tool, ToolCall, ToolResult
from steadyhand.types.model import CompletionRequest
from steadyhand.types.text import Segment

_LEAST_TOKENS = 1_024
_LEAST_TOKENS_OF_HAIKU = 2_048
_TOKENS_OF_MEDIA = 1_500  # about what an image of ordinary size, or a page, counts


def pays(request: CompletionRequest, model_name: str) -> bool:
    """Is the stable beginning, with the tools that come before it, long enough to be cached?"""
    stable = request.messages[: request.stable_messages]
    least = _LEAST_TOKENS_OF_HAIKU if "haiku" in model_name.lower() else _LEAST_TOKENS
    length = sum(map(_of_tool, request.tools)) + sum(_of_part(part) for message in stable for part in message.parts)
    return bool(stable) and length >= least


def _of_tool(tool: Tool) -> int:
    return tokens.estimate([tool.name, tool.description, str(tool.parameters)])


def _of_part(part: Part) -> int:
    match part:
        case Segment():
            return tokens.estimate([part.text])
        case ToolCall():
            return tokens.estimate([part.name, part.arguments])
        case ToolResult():
            return sum(map(_of_part, part.parts))
        case Media():
            return _TOKENS_OF_MEDIA
    return 0
