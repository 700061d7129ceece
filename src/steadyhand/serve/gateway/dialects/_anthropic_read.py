"""A request for a message, understood."""

from collections.abc import Iterator

import msgspec

from steadyhand.serve.gateway.dialects._fields import Fields, parsed, refuse
from steadyhand.serve.gateway.dialects._parts import (
    Conversation,
    carried,
    effort,
    segment,
    tool_choice,
    unsupported,
)
from steadyhand.types.json import JsonObject
from steadyhand.types.message import Media, Part, Reasoning, Tool, ToolCall, ToolChoice, ToolResult
from steadyhand.types.model import CompletionRequest, Effort
from steadyhand.types.text import Origin, Segment

_HANDLED_ELSEWHERE = ("model", "stream")
_FOR_ANTHROPIC_ALONE = ("diagnostics", "service_tier", "speed")  # how it bills and serves; no answer depends on it
_CACHED = "cache_control"


def read(body: bytes, timeout_s: float) -> CompletionRequest:
    """The request as the pipeline understands it. Raises `InvalidInput`."""
    fields = parsed(body)
    conversation = Conversation()
    stable = _read_turns(fields, conversation)
    thinking, level = _thinking(fields.inner("thinking"))
    schema, wanted = _output(fields)
    return CompletionRequest(
        messages=conversation.messages(),
        timeout_s=timeout_s,
        output_schema=schema,
        tools=tuple(_tool(tool) for tool in fields.objects("tools")),
        tool_choice=_choice(fields.inner("tool_choice")),
        max_output_tokens=fields.whole("max_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        stop=_stop(fields),
        effort=wanted or level,
        thinking_tokens=thinking,
        user=fields.inner("metadata").text("user_id"),
        stable_messages=stable,
        extra=fields.rest(*_HANDLED_ELSEWHERE, *_FOR_ANTHROPIC_ALONE),  # last: all that is known was taken
    )


def _read_turns(fields: Fields, conversation: Conversation) -> int:
    """Read the conversation; how many leading messages its last cache mark covers."""
    stable = 0
    blocks, is_marked = _blocks(fields, "system")
    if blocks:
        conversation.add("system", *(_content(block, "caller") for block in blocks))
        stable = len(conversation) if is_marked else 0
    for turn in fields.objects("messages"):
        role = turn.required("role")
        blocks, is_marked = _blocks(turn, "content")
        match role:
            case "user":
                conversation.add("user", *(_given(block, conversation) for block in blocks))
            case "assistant":
                conversation.add("assistant", *(_said(block) for block in blocks))
            case "system":
                conversation.add("system", *(_content(block, "caller") for block in blocks))
            case _:
                refuse(turn.at("role"), "user or assistant", role)
        stable = len(conversation) if is_marked else stable
    return len(conversation) if fields.value(_CACHED) else stable


def _blocks(fields: Fields, name: str) -> tuple[list[Fields], bool]:
    """The blocks of a content, and whether one of them is marked for the cache. A text counts as one block."""
    value = fields.value(name)
    place = fields.at(name)
    if value is None or value == "":
        return [], False
    if isinstance(value, str):
        return [Fields({"type": "text", "text": value}, place)], False
    if not isinstance(value, list):
        refuse(place, "text or a list of blocks", value)
    blocks = [Fields(block, f"{place}[{index}]") for index, block in enumerate(value)]
    return blocks, any(_CACHED in block for block in blocks)


def _given(block: Fields, conversation: Conversation) -> Part:
    """A block of the user's turn."""
    kind = block.text("type")
    if kind != "tool_result":
        return _content(block, "caller", kind)
    call_id = block.required("tool_use_id")
    parts = tuple(_content(inner, "tool") for inner in _blocks(block, "content")[0])
    return ToolResult(call_id, parts, conversation.tool(call_id), bool(block.flag("is_error")))


def _said(block: Fields) -> Part:
    """A block of the assistant's turn."""
    kind = block.text("type")
    match kind:
        case "tool_use":
            arguments = msgspec.json.encode(block.inner("input").rest()).decode()
            return ToolCall(block.required("id"), block.required("name"), arguments, carried(block))
        case "thinking":
            signature = block.text("signature")
            opaque: JsonObject = {"signature": signature} if signature else {}
            return Reasoning(block.text("thinking"), opaque | carried(block))
        case "redacted_thinking":
            return Reasoning("", {"data": block.required("data")})
    return _content(block, "model", kind)


def _content(block: Fields, origin: Origin, kind: str = "") -> Segment | Media:
    """A text, an image or a document. `kind` is the block's type, where it was taken already."""
    kind = kind or block.text("type")
    if kind == "text":
        return segment(block.text("text"), origin, block.at("text"))
    if kind not in ("image", "document"):
        raise unsupported(block.place, kind, "text, image, document, tool_use, tool_result or thinking")
    source, name = block.inner("source"), block.text("title")
    stands_for = "image/*" if kind == "image" else "application/pdf"
    match source.text("type"):
        case "base64":
            return Media(source.text("media_type") or stands_for, data=source.required("data"), name=name)
        case "url":
            return Media(stands_for, url=source.required("url"), name=name)
        case "text":
            return segment(source.required("data"), origin, source.at("data"))
        case "content":
            return segment("\n".join(_texts(source)), origin, source.at("content"))
        case other:
            raise unsupported(source.at("type"), other, "base64, url, text or content")


def _texts(source: Fields) -> Iterator[str]:
    for block in _blocks(source, "content")[0]:
        part = _content(block, "caller")
        if isinstance(part, Media):
            raise unsupported(block.place, "image", "text: images inside of documents stand beside them")
        yield part.text


def _tool(tool: Fields) -> Tool:
    kind = tool.text("type") or "custom"
    if kind != "custom":
        raise unsupported(tool.place, kind, "a tool of the type custom")
    return Tool(
        tool.required("name"),
        tool.text("description"),
        tool.inner("input_schema").rest(),
        bool(tool.flag("strict")),
    )


def _choice(chosen: Fields) -> ToolChoice | None:
    mode, is_serial = chosen.text("type"), chosen.flag("disable_parallel_tool_use")
    name = chosen.required("name") if mode == "tool" else ""
    return tool_choice(mode, name, chosen.at("type"), None if is_serial is None else not is_serial)


def _thinking(wanted: Fields) -> tuple[int | None, Effort]:
    """The most tokens of thought, or that there should be none."""
    if wanted.text("type") == "disabled":
        return None, "none"
    return wanted.whole("budget_tokens"), ""


def _output(fields: Fields) -> tuple[JsonObject | None, Effort]:
    """The schema of the answer and the effort, where `output_config` says them, or the older `output_format`."""
    config = fields.inner("output_config")
    shape = config.inner("format") if "format" in config else fields.inner("output_format")
    level = effort(config.text("effort"), config.at("effort"))
    if "schema" not in shape:
        return None, level
    return shape.inner("schema").rest(), level


def _stop(fields: Fields) -> tuple[str, ...]:
    marks = fields.value("stop_sequences") or []
    if not isinstance(marks, list):
        refuse("stop_sequences", "a list of texts", marks)
    return tuple(mark if isinstance(mark, str) else refuse("stop_sequences", "texts", mark) for mark in marks)
