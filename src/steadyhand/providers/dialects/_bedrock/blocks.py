"""Parts of a conversation as Bedrock's content blocks. Source: Amazon Bedrock's API reference, 2026-10."""

import re
from collections.abc import Iterable, Mapping

from steadyhand.errors import ProviderRefused
from steadyhand.providers.dialects._anthropic.blocks import wire_id
from steadyhand.providers.dialects._arguments import arguments_of
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Media, Part, Reasoning, ToolCall, ToolResult
from steadyhand.types.text import Segment

CACHE_POINT: JsonObject = {"cachePoint": {"type": "default"}}

_IMAGES = ("png", "jpeg", "gif", "webp")

_DOCUMENTS: Mapping[str, str] = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}


def blocks(parts: Iterable[Part], marked: Part | None) -> list[Json]:
    """A block for each part; behind that of `marked` ends what the vendor keeps in its cache.

    Raises `ProviderRefused` for media that the vendor does not read.
    """
    found: list[Json] = []
    for part in parts:
        found.append(_block(part))
        if part is marked:
            found.append(CACHE_POINT)
    return found


def _block(part: Part) -> JsonObject:
    match part:
        case Segment():
            return {"text": part.text}
        case Media():
            return _media(part)
        case ToolCall():
            call: JsonObject = {"toolUseId": _id(part.id), "name": part.name, "input": arguments_of(part)}
            return {"toolUse": call}
        case ToolResult():
            return {"toolResult": _result(part)}
        case Reasoning():
            return {"reasoningContent": _thought(part)}


def _id(call_id: str) -> str:
    return wire_id(call_id)[:64]


def _media(media: Media) -> JsonObject:
    kind = media.media_type.partition("/")[2]
    if media.is_image and (kind in _IMAGES or media.url):
        return {"image": {"format": kind if kind in _IMAGES else _ending(media.url), "source": _source(media)}}
    if media.media_type in _DOCUMENTS:
        name = re.sub(r"[^a-zA-Z0-9 ()\[\]-]+", "-", " ".join(media.name.split())) or "document"
        document: JsonObject = {
            "format": _DOCUMENTS[media.media_type],
            "name": name[:200],
            "source": _source(media),
        }
        return {"document": document}
    raise ProviderRefused(
        f"expected an image, a PDF or an office document; found {media.media_type!r}",
        hint="name a model that reads this kind of file, or send its text",
    )


def _source(media: Media) -> JsonObject:
    if not media.url:
        return {"bytes": media.data}
    if media.url.startswith("s3://"):
        return {"s3Location": {"uri": media.url}}
    raise ProviderRefused(
        "expected an image or a document as its bytes; found an address, and Bedrock fetches only s3:// ones",
        hint="send the bytes in base64",
    )


def _ending(url: str) -> str:
    """The format of an image of which only the address is known."""
    ending = url.rpartition(".")[2].lower()
    return ending if ending in _IMAGES else "jpeg"


def _result(result: ToolResult) -> JsonObject:
    inner = [part for part in result.parts if not isinstance(part, Segment) or part.text.strip()]
    found: JsonObject = {"toolUseId": _id(result.call_id), "content": blocks(inner, None)}
    return {**found, "status": "error"} if result.is_error else found


def _thought(thought: Reasoning) -> JsonObject:
    if "data" in thought.opaque:
        return {"redactedContent": thought.opaque["data"]}
    return {"reasoningText": {"text": thought.text, "signature": thought.opaque["signature"]}}
