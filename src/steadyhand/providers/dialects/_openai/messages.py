"""A conversation as OpenAI chat completions want it. Source: OpenAI's API reference, 2026-10."""

import re
from collections.abc import Iterator
from hashlib import sha256

from steadyhand.providers.dialects._openai.reasoning import given_back
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Media, Message, Part, Reasoning, ToolCall, ToolResult
from steadyhand.types.text import Segment

_SHORT_ID = re.compile(r"[a-zA-Z0-9]{9}")


def wire_messages(messages: tuple[Message, ...], avoid: frozenset[str] = frozenset()) -> list[Json]:
    """The conversation, in order.

    `avoid` knows two things besides parameters: "reasoning", for servers that take none back, and "tool_call_id",
    for Mistral's models, which take ids of nine letters and digits only, also those that another vendor gave.
    """
    found: list[Json] = []
    for message in messages:
        if message.role == "user":
            found.extend(_user(message, avoid))
        elif message.role == "assistant":
            found.append(_assistant(message, avoid))
        else:
            found.append({"role": "system", "content": message.text})
    return found


def data_url(media: Media) -> str:
    """Where the media is: its own URL, or one that holds the data."""
    return media.url or f"data:{media.media_type};base64,{media.data}"


def file_name(media: Media) -> str:
    """The name of a document, which the vendor insists on."""
    return media.name or "document.pdf"


def result_text(result: ToolResult) -> str:
    """The text of a result; the dialect has no other way to say that the tool failed."""
    return f"Error: {result.text}" if result.is_error else result.text


def _user(message: Message, avoid: frozenset[str]) -> Iterator[Json]:
    """Results first, as they have to follow their calls; then the rest.

    A result takes text only: its media come with the rest, and it says so.
    """
    rest: list[Part] = []
    for part in message.parts:
        if not isinstance(part, ToolResult):
            rest.append(part)
            continue
        text = result_text(part)
        if media := [inner for inner in part.parts if isinstance(inner, Media)]:
            text += f"{text and chr(10)}(The files of this result are in the next message.)"
            label = f"Files of the result of {part.name or part.call_id}:"
            rest += [Segment(label, "tool", "untrusted", "public"), *media]
        yield {"role": "tool", "tool_call_id": _call_id(part.call_id, avoid), "content": text}
    if rest or not message.parts:
        yield {"role": "user", "content": _content(rest)}


def _content(parts: list[Part]) -> Json:
    """One string when all is text, because many servers take nothing else; a list where there are media."""
    if not any(isinstance(part, Media) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Segment))
    content: list[Json] = []
    for part in parts:
        if isinstance(part, Segment):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Media):
            content.append(_media(part))
    return content


def _media(media: Media) -> Json:
    if media.is_image:
        return {"type": "image_url", "image_url": {"url": data_url(media)}}
    return {"type": "file", "file": {"filename": file_name(media), "file_data": data_url(media)}}


def _assistant(message: Message, avoid: frozenset[str]) -> JsonObject:
    calls: list[Json] = [_call(part, avoid) for part in message.parts if isinstance(part, ToolCall)]
    thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
    out: JsonObject = {"role": "assistant", "content": message.text or (None if calls else "")}
    if calls:
        out["tool_calls"] = calls
    return out if "reasoning" in avoid else out | given_back(thoughts, message.text)


def _call(call: ToolCall, avoid: frozenset[str]) -> Json:
    function: JsonObject = {"name": call.name, "arguments": call.arguments}
    out: JsonObject = {"id": _call_id(call.id, avoid), "type": "function", "function": function}
    if "extra_content" in call.opaque:
        out["extra_content"] = call.opaque["extra_content"]
    return out


def _call_id(call_id: str, avoid: frozenset[str]) -> str:
    if "tool_call_id" not in avoid or _SHORT_ID.fullmatch(call_id):
        return call_id
    return sha256(call_id.encode()).hexdigest()[:9]
