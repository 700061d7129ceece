"""A conversation as Gemini wants it: `systemInstruction` and `contents`. Source: Gemini API's reference, 2026-10.

Signatures of thoughts go back on the part they came with. In `opaque`, `thoughtSignature` is one; `thought` marks
a thought that Gemini showed; `part` is a part that has no word of ours. What other vendors left in `opaque` is not
sent.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from steadyhand.providers.dialects._arguments import arguments_of, object_in
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Media, Message, Part, Reasoning, ToolCall, ToolResult
from steadyhand.types.text import Segment

_UNSIGNED = b64encode(b"skip_thought_signature_validator").decode()
"""What Gemini takes in place of the signature of a call that another model made; from its guide to signatures."""


def system_instruction(messages: Iterable[Message]) -> JsonObject | None:
    """Every system message, in order; None when there is none."""
    parts: list[Json] = [{"text": each.text} for each in messages if each.role == "system" and each.text]
    return {"parts": parts} if parts else None


def with_instruction(system: JsonObject | None, text: str) -> JsonObject:
    """The system instruction with this text at its end."""
    parts = system["parts"] if system else []
    assert isinstance(parts, list)
    return {"parts": [*parts, {"text": text}]}


def contents(messages: Iterable[Message], *, takes_media_of_tools: bool) -> list[Json]:
    """The turns. Neighbours of one role become one turn, as the answers to parallel calls have to come together.

    `takes_media_of_tools`: may media lie inside a tool's result? Where they may not, they come behind it.
    """
    turns = [message for message in messages if message.role != "system"]
    names = {part.id: part.name for turn in turns for part in turn.parts if isinstance(part, ToolCall)}
    found: list[Json] = []
    for role, group in groupby(turns, key=lambda turn: turn.role):
        parts = [part for message in group for part in message.parts]
        if role == "assistant":
            wire = _said_by_model(parts)
        else:
            wire = [each for part in parts for each in _said_to_model(part, names, takes_media_of_tools)]
        if wire:
            found.append({"role": "model" if role == "assistant" else "user", "parts": [*wire]})
    return found


def _said_to_model(part: Part, names: Mapping[str, str], takes_media_of_tools: bool) -> Iterator[JsonObject]:
    if isinstance(part, ToolResult):
        yield from _result(part, names.get(part.call_id, part.call_id), takes_media_of_tools)
    elif isinstance(part, Media):
        yield _media(part)
    elif isinstance(part, Segment) and part.text:
        yield {"text": part.text}


def _result(result: ToolResult, name: str, takes_media_of_tools: bool) -> Iterator[JsonObject]:
    media: list[Json] = [_media(part) for part in result.parts if isinstance(part, Media)]
    response: JsonObject = {"id": result.call_id, "name": result.name or name, "response": _response(result)}
    if media and takes_media_of_tools:
        response["parts"] = media
    yield {"functionResponse": response}
    if not takes_media_of_tools:
        yield from (part for part in media if isinstance(part, dict))


def _response(result: ToolResult) -> JsonObject:
    """An object, which Gemini insists on: the tool's own, or its text under the name that Gemini knows."""
    if result.is_error:
        return {"error": result.text}
    return object_in(result.text) or {"output": result.text}


def _said_by_model(parts: Iterable[Part]) -> list[JsonObject]:
    wire: list[JsonObject] = []
    signature: Json = ""  # of the visible text
    for part in parts:
        if isinstance(part, Reasoning):
            if said := _thought(part):
                wire.append(said)
            else:
                signature = part.opaque.get("thoughtSignature") or signature
        elif isinstance(part, ToolCall):
            wire.append(_call(part))
        elif isinstance(part, Media):
            wire.append(_media(part))
        elif isinstance(part, Segment) and part.text:
            wire.append({"text": part.text})
    _sign(wire, signature)
    return wire


def _thought(thought: Reasoning) -> JsonObject | None:
    """A thought of Gemini's, or a part kept for it; None for a mere signature and for other vendors' thoughts."""
    kept = thought.opaque.get("part")
    if isinstance(kept, dict):
        return kept
    if thought.opaque.get("thought") is not True:
        return None
    return {"text": thought.text, **thought.opaque}


def _call(call: ToolCall) -> JsonObject:
    signature = call.opaque.get("thoughtSignature")
    signed: JsonObject = {"thoughtSignature": signature} if signature else {}
    return {"functionCall": {"id": call.id, "name": call.name, "args": arguments_of(call)}, **signed}


def _sign(wire: list[JsonObject], signature: Json) -> None:
    """Put the text's signature where it was; have calls without any pass, as the first of a turn must have one."""
    if signature:
        texts = [part for part in wire if "text" in part and "thought" not in part]
        if not texts:
            texts = [{"text": ""}]
            wire += texts
        texts[-1]["thoughtSignature"] = signature
    calls = [part for part in wire if "functionCall" in part]
    if calls and not any("thoughtSignature" in call for call in calls):
        calls[0]["thoughtSignature"] = _UNSIGNED


def _media(media: Media) -> JsonObject:
    if media.data:
        return {"inlineData": {"mimeType": media.media_type, "data": media.data}}
    is_known = not media.media_type.endswith("/*")
    kind: JsonObject = {"mimeType": media.media_type} if is_known else {}
    return {"fileData": {**kind, "fileUri": media.url}}
