"""Parts of a conversation as Anthropic's content blocks. Source: Anthropic's API reference, 2026-10."""

import re
from base64 import b64decode
from collections.abc import Iterable

from steadyhand.errors import ProviderRefused
from steadyhand.providers.dialects._arguments import arguments_of
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Media, Part, Reasoning, ToolCall, ToolResult
from steadyhand.types.text import Segment


def blocks(parts: Iterable[Part], marked: Part | None) -> list[Json]:
    """A block for each part; the one of `marked` ends what the vendor keeps in its cache.

    Raises `ProviderRefused` for media that the vendor does not read.
    """
    found: list[Json] = []
    for part in parts:
        own = _block(part)
        if part is marked:
            own["cache_control"] = {"type": "ephemeral"}
        found.append(own)
    return found


def wire_id(call_id: str) -> str:
    """The id of a call in the letters that Anthropic and Amazon allow; other vendors' ids hold more."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id)


def _block(part: Part) -> JsonObject:
    match part:
        case Segment():
            return {"type": "text", "text": part.text}
        case Media():
            return _media(part)
        case ToolCall():
            return {"type": "tool_use", "id": wire_id(part.id), "name": part.name, "input": arguments_of(part)}
        case ToolResult():
            return _result(part)
        case Reasoning():
            return _thought(part)


def _media(media: Media) -> JsonObject:
    if media.is_image:
        return {"type": "image", "source": _source(media)}
    if media.media_type == "application/pdf":
        block: JsonObject = {"type": "document", "source": _source(media)}
    elif media.media_type == "text/plain" and media.data:
        text = b64decode(media.data).decode(errors="replace")
        block = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}}
    else:
        raise ProviderRefused(
            f"expected an image, a PDF or plain text; found {media.media_type!r}",
            hint="name a model that reads this kind of file, or send its text",
        )
    return {**block, "title": media.name} if media.name else block


def _source(media: Media) -> JsonObject:
    if media.url:
        return {"type": "url", "url": media.url}
    return {"type": "base64", "media_type": media.media_type, "data": media.data}


def _result(result: ToolResult) -> JsonObject:
    inner = [part for part in result.parts if not isinstance(part, Segment) or part.text.strip()]
    block: JsonObject = {"type": "tool_result", "tool_use_id": wire_id(result.call_id)}
    block["content"] = blocks(inner, None)
    return {**block, "is_error": True} if result.is_error else block


def _thought(thought: Reasoning) -> JsonObject:
    if "data" in thought.opaque:
        return {"type": "redacted_thinking", "data": thought.opaque["data"]}
    return {"type": "thinking", "thinking": thought.text, "signature": thought.opaque["signature"]}
