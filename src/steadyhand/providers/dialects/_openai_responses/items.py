"""A conversation as the items that OpenAI responses want. Source: OpenAI's API reference, 2026-10."""

from collections.abc import Iterator

from steadyhand.providers.dialects._openai.messages import data_url, file_name, result_text
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Media, Message, Part, Reasoning, ToolCall, ToolResult
from steadyhand.types.text import Segment


def wire_items(messages: tuple[Message, ...], avoid: frozenset[str] = frozenset()) -> list[Json]:
    """The conversation, in order. `avoid` knows "reasoning", for servers that take none back."""
    return [
        item for message in messages for item in _items(message) if not ("reasoning" in avoid and _is_thought(item))
    ]


def _items(message: Message) -> Iterator[Json]:
    """What is said becomes messages; calls, results and thoughts are items of their own beside them."""
    said: list[Segment | Media] = []
    for part in message.parts:
        if isinstance(part, Segment | Media):
            said.append(part)
            continue
        if said:
            yield _said(message, said)
            said = []
        if item := _item(part):
            yield item
    if said or not message.parts:
        yield _said(message, said)


def _said(message: Message, parts: list[Segment | Media]) -> Json:
    """One string when all is text; the assistant and the system say nothing else."""
    if message.role != "user" or not any(isinstance(part, Media) for part in parts):
        text = "".join(part.text for part in parts if isinstance(part, Segment))
        return {"role": message.role, "content": text}
    return {"role": "user", "content": [_content(part) for part in parts]}


def _item(part: Part) -> JsonObject | None:
    if isinstance(part, ToolCall):
        call: JsonObject = {
            "type": "function_call",
            "call_id": part.id,
            "name": part.name,
            "arguments": part.arguments,
        }
        return call | {name: part.opaque[name] for name in ("namespace",) if name in part.opaque}
    if isinstance(part, ToolResult):
        return {"type": "function_call_output", "call_id": part.call_id, "output": _output(part)}
    if isinstance(part, Reasoning):
        return _thought(part)
    return None


def _output(result: ToolResult) -> Json:
    if not any(isinstance(part, Media) for part in result.parts):
        return result_text(result)
    failed: list[Json] = [{"type": "input_text", "text": "Error:"}] if result.is_error else []
    return failed + [_content(part) for part in result.parts]


def _thought(thought: Reasoning) -> JsonObject | None:
    """The item as it came. One without its content is known to nobody, since nothing is stored with the vendor."""
    item = thought.opaque
    is_ours = item.get("type") == "reasoning" and "id" in item
    return dict(item) if is_ours and (item.get("encrypted_content") or item.get("content")) else None


def _is_thought(item: Json) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning"


def _content(part: Segment | Media) -> Json:
    if isinstance(part, Segment):
        return {"type": "input_text", "text": part.text}
    if part.is_image:
        return {"type": "input_image", "image_url": data_url(part), "detail": "auto"}
    if part.url:
        return {"type": "input_file", "file_url": part.url}
    return {"type": "input_file", "filename": file_name(part), "file_data": data_url(part)}
