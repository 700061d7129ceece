"""A chat completion's request, understood."""

from steadyhand.serve.gateway.dialects._fields import Fields, parsed, refuse
from steadyhand.serve.gateway.dialects._parts import (
    CARRIED,
    DETAILS,
    Conversation,
    carried,
    effort,
    media,
    segment,
    tool_choice,
    unsupported,
)
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Media, Part, Reasoning, Tool, ToolCall, ToolChoice, ToolResult
from steadyhand.types.model import CompletionRequest
from steadyhand.types.text import Origin, Segment

_HANDLED_ELSEWHERE = ("model", "stream", "stream_options")
FOR_OPENAI_ALONE = (
    "metadata",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "store",
)
"""How OpenAI keeps and bills a request: no other vendor knows these fields, and no answer depends on them."""


def read(body: bytes, timeout_s: float) -> CompletionRequest:
    """The request as the pipeline understands it. Raises `InvalidInput`, also for more than one answer (`n`)."""
    fields = parsed(body)
    if fields.whole("n") not in (None, 1):
        refuse("n", "1", "more")
    conversation = Conversation()
    for turn in fields.objects("messages"):
        _read_turn(turn, conversation)
    tools = tuple(_tool(tool) for tool in fields.objects("tools"))
    legacy = tuple(_function(function) for function in fields.objects("functions"))
    schema, name, is_json = _format(fields.inner("response_format"))
    limits = fields.whole("max_completion_tokens"), fields.whole("max_tokens")
    users = fields.text("safety_identifier"), fields.text("user")
    return CompletionRequest(
        messages=conversation.messages(),
        timeout_s=timeout_s,
        output_schema=schema,
        output_name=name,
        is_json=is_json,
        tools=tools + legacy,
        tool_choice=_choice(fields),
        max_output_tokens=limits[1] if limits[0] is None else limits[0],
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        stop=_stop(fields.value("stop")),
        seed=fields.whole("seed"),
        effort=effort(fields.text("reasoning_effort"), "reasoning_effort"),
        user=users[0] or users[1],
        extra=fields.rest(*_HANDLED_ELSEWHERE, *FOR_OPENAI_ALONE),  # last: all that is known was taken
    )


def function_tool(function: Fields) -> Tool:
    """A function with its name, description and parameters."""
    return Tool(
        function.required("name"),
        function.text("description"),
        function.inner("parameters").rest(),
        bool(function.flag("strict")),
    )


def contents(fields: Fields, name: str, origin: Origin) -> list[Segment | Media]:
    """A text, or a list of parts: texts, images, files, sound."""
    value = fields.value(name)
    place = fields.at(name)
    if isinstance(value, str):
        return [segment(value, origin, place)]
    if value is None:
        return []
    if not isinstance(value, list):
        refuse(place, "text or a list of parts", value)
    return [_content(Fields(part, f"{place}[{index}]"), origin) for index, part in enumerate(value)]


def _read_turn(turn: Fields, conversation: Conversation) -> None:
    role = turn.required("role")
    match role:
        case "system" | "developer":
            conversation.add("system", *contents(turn, "content", "caller"))
        case "user":
            conversation.add("user", *contents(turn, "content", "caller"))
        case "assistant":
            conversation.add("assistant", *_said(turn))
        case "tool" | "function":
            name = turn.text("name")
            call_id = turn.text("tool_call_id") or name
            given = tuple(contents(turn, "content", "tool"))
            conversation.add("user", ToolResult(call_id, given, name or conversation.tool(call_id)))
        case _:
            refuse(turn.at("role"), "one of system, developer, user, assistant, tool", role)


def _said(turn: Fields) -> list[Part]:
    """The parts of an assistant's turn, in the order in which they came to be."""
    parts: list[Part] = [*_thoughts(turn)]
    parts += contents(turn, "content", "model")
    refusal = turn.text("refusal")
    if refusal:
        parts.append(segment(refusal, "model", turn.at("refusal")))
    for call in turn.objects("tool_calls"):
        if "function" not in call:
            raise unsupported(call.place, call.text("type") or "nothing", "the call of a function")
        function = call.inner("function")
        opaque = carried(call)
        parts.append(ToolCall(call.required("id"), function.required("name"), function.text("arguments"), opaque))
    if "function_call" in turn:
        function = turn.inner("function_call")
        name = function.required("name")
        parts.append(ToolCall(name, name, function.text("arguments")))
    return parts


def _thoughts(turn: Fields) -> list[Reasoning]:
    """The thoughts as we gave them, with what their vendor wants back, else as text."""
    text = turn.text("reasoning_content") or turn.text("reasoning")
    ours = [
        Reasoning(thought.text("text"), thought.inner("opaque").rest())
        for thought in turn.inner(CARRIED).objects("thoughts")
    ]
    details = turn.value(DETAILS)
    if ours or not (text or details):
        return ours
    return [Reasoning(text, {DETAILS: details} if details else {})]


def _content(part: Fields, origin: Origin) -> Segment | Media:
    kind = part.text("type") or "text"
    match kind:
        case "text" | "refusal":
            return segment(part.text(kind), origin, part.at(kind))
        case "image_url":
            return media(part.inner("image_url").required("url"), "image/*")
        case "input_audio":
            sound = part.inner("input_audio")
            return Media(f"audio/{sound.required('format')}", data=sound.required("data"))
        case "file" if "file_data" in (file := part.inner("file")):
            return _file(file)
    raise unsupported(part.place, kind, "text, image_url, input_audio or a file with file_data")


def _file(file: Fields) -> Media:
    content, name = file.required("file_data"), file.text("filename")
    if content.startswith("data:"):
        return media(content, "application/pdf", name)
    return Media("application/pdf", data=content, name=name)


def _tool(tool: Fields) -> Tool:
    kind = tool.text("type") or "function"
    if kind != "function":
        raise unsupported(tool.place, kind, "a tool of the type function")
    return function_tool(tool.inner("function"))


def _function(function: Fields) -> Tool:
    return function_tool(function)


def _choice(fields: Fields) -> ToolChoice | None:
    legacy = fields.value("function_call")
    chosen: Json = fields.value("tool_choice")
    if chosen is None and legacy is not None:
        chosen = {"function": legacy} if isinstance(legacy, dict) else legacy
    is_parallel = fields.flag("parallel_tool_calls")
    if not isinstance(chosen, dict):
        return tool_choice(chosen if isinstance(chosen, str) else "", "", "tool_choice", is_parallel)
    name = Fields(chosen, "tool_choice").inner("function").required("name")
    return tool_choice("", name, "tool_choice", is_parallel)


def _format(wanted: Fields) -> tuple[JsonObject | None, str, bool]:
    """The schema of the answer, its name, and whether it has to be JSON at all."""
    kind = wanted.text("type") or "text"
    if kind == "json_schema":
        shape = wanted.inner("json_schema")
        return shape.inner("schema").rest(), shape.text("name") or "output", False
    if kind not in ("text", "json_object"):
        raise unsupported(wanted.at("type"), kind, "text, json_object or json_schema")
    return None, "output", kind == "json_object"


def _stop(found: Json) -> tuple[str, ...]:
    marks = [found] if isinstance(found, str) else found or []
    if not isinstance(marks, list):
        refuse("stop", "text or a list of texts", found)
    return tuple(mark if isinstance(mark, str) else refuse("stop", "texts", mark) for mark in marks)
