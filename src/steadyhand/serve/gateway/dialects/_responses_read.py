"""A request for a response, understood."""

from collections.abc import Iterable

from steadyhand.errors import InvalidInput
from steadyhand.serve.gateway.dialects._fields import Fields, parsed, refuse
from steadyhand.serve.gateway.dialects._openai_read import FOR_OPENAI_ALONE, function_tool
from steadyhand.serve.gateway.dialects._parts import (
    Conversation,
    carried,
    effort,
    media,
    segment,
    tool_choice,
    unsupported,
)
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Media, Reasoning, Tool, ToolCall, ToolChoice, ToolResult
from steadyhand.types.model import CompletionRequest, Effort
from steadyhand.types.text import Origin, Segment

_HANDLED_ELSEWHERE = ("model", "stream", "stream_options")
_FOR_OPENAI_ALONE = ("include", "store", "truncation", "max_tool_calls", *FOR_OPENAI_ALONE)
STORED = ("previous_response_id", "conversation", "prompt", "background")


def read(body: bytes, timeout_s: float) -> CompletionRequest:
    """The request as the pipeline understands it. Raises `InvalidInput`, also for what would have to be stored."""
    fields = parsed(body)
    refuse_stored(name for name in STORED if fields.value(name))
    schema, name, is_json = _format(fields.inner("text"))
    users = fields.text("safety_identifier"), fields.text("user")
    return CompletionRequest(
        messages=_conversation(fields).messages(),
        timeout_s=timeout_s,
        output_schema=schema,
        output_name=name,
        is_json=is_json,
        tools=tuple(_tool(tool) for tool in fields.objects("tools")),
        tool_choice=_choice(fields),
        max_output_tokens=fields.whole("max_output_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        effort=_effort(fields.inner("reasoning")),
        user=users[0] or users[1],
        extra=fields.rest(*_HANDLED_ELSEWHERE, *_FOR_OPENAI_ALONE),  # last: all that is known was taken
    )


def refuse_stored(found: Iterable[str]) -> None:
    """Raise `InvalidInput` for a request with fields that need something stored.

    What a vendor stores belongs to the one account that all callers share, is seen by no guardrail when it is used
    again, and answers that come later cannot be billed.
    """
    for name in found:
        raise InvalidInput(
            f"{name}: expected none; the gateway stores no conversations and no prompts",
            hint="send the whole conversation in `input`",
        )


def _conversation(fields: Fields) -> Conversation:
    conversation = Conversation()
    instructions = fields.text("instructions")
    if instructions:
        conversation.add("system", segment(instructions, "caller", "instructions"))
    said = fields.value("input")
    if isinstance(said, str):
        conversation.add("user", segment(said, "caller", "input"))
    elif isinstance(said, list):
        for index, item in enumerate(said):
            _read_item(Fields(item, f"input[{index}]"), conversation)
    elif said is not None:
        refuse("input", "text or a list of items", said)
    return conversation


def _read_item(item: Fields, conversation: Conversation) -> None:
    kind = item.text("type") or "message"
    match kind:
        case "message":
            _read_message(item, conversation)
        case "function_call":
            call = ToolCall(item.required("call_id"), item.required("name"), item.text("arguments"), carried(item))
            conversation.add("assistant", call)
        case "function_call_output":
            call_id = item.required("call_id")
            given = tuple(_contents(item, "output", "tool"))
            conversation.add("user", ToolResult(call_id, given, conversation.tool(call_id)))
        case "reasoning":
            conversation.add("assistant", _thought(item))
        case _:
            expected = "a message, function_call, function_call_output or reasoning"
            raise unsupported(item.place, kind, expected)


def _read_message(item: Fields, conversation: Conversation) -> None:
    role = item.required("role")
    match role:
        case "system" | "developer":
            conversation.add("system", *_contents(item, "content", "caller"))
        case "user":
            conversation.add("user", *_contents(item, "content", "caller"))
        case "assistant":
            conversation.add("assistant", *_contents(item, "content", "model"))
        case _:
            refuse(item.at("role"), "one of system, developer, user, assistant", role)


def _thought(item: Fields) -> Reasoning:
    """Its summary, or its whole text where there is one, with what its vendor wants back: OpenAI wants the item."""
    itself: JsonObject = {"type": "reasoning", **item.rest()}
    whole = "".join(part.text("text") for part in item.objects("content"))
    summary = "\n\n".join(part.text("text") for part in item.objects("summary"))
    return Reasoning(whole or summary, carried(item) or itself)


def _contents(item: Fields, name: str, origin: Origin) -> list[Segment | Media]:
    value, place = item.value(name), item.at(name)
    if isinstance(value, str):
        return [segment(value, origin, place)]
    if not isinstance(value, list):
        refuse(place, "text or a list of parts", value)
    return [_content(Fields(part, f"{place}[{index}]"), origin) for index, part in enumerate(value)]


def _content(part: Fields, origin: Origin) -> Segment | Media:
    kind = part.text("type")
    match kind:
        case "input_text" | "output_text" | "text":
            return segment(part.text("text"), origin, part.at("text"))
        case "refusal":
            return segment(part.text("refusal"), origin, part.at("refusal"))
        case "input_image" if "image_url" in part:
            return media(part.required("image_url"), "image/*")
        case "input_file" if "file_url" in part:
            return Media("application/pdf", url=part.required("file_url"), name=part.text("filename"))
        case "input_file" if "file_data" in part:
            content, name = part.required("file_data"), part.text("filename")
            is_url = content.startswith("data:")
            return (
                media(content, "application/pdf", name) if is_url else Media("application/pdf", content, "", name)
            )
    raise unsupported(part.place, kind, "input_text, output_text, input_image or input_file with its data or URL")


def _tool(tool: Fields) -> Tool:
    kind = tool.text("type")
    if kind != "function":
        raise unsupported(tool.place, kind, "a tool of the type function")
    return function_tool(tool)


def _choice(fields: Fields) -> ToolChoice | None:
    chosen: Json = fields.value("tool_choice")
    is_parallel = fields.flag("parallel_tool_calls")
    if not isinstance(chosen, dict):
        return tool_choice(chosen if isinstance(chosen, str) else "", "", "tool_choice", is_parallel)
    return tool_choice("", Fields(chosen, "tool_choice").required("name"), "tool_choice", is_parallel)


def _format(text: Fields) -> tuple[JsonObject | None, str, bool]:
    """The schema of the answer, its name, and whether it has to be JSON at all."""
    shape = text.inner("format")
    kind = shape.text("type") or "text"
    if kind == "json_schema":
        return shape.inner("schema").rest(), shape.text("name") or "output", False
    if kind not in ("text", "json_object"):
        raise unsupported(shape.at("type"), kind, "text, json_object or json_schema")
    return None, "output", kind == "json_object"


def _effort(reasoning: Fields) -> Effort:
    return effort(reasoning.text("effort"), reasoning.at("effort"))
