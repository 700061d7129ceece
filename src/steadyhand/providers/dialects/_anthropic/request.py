"""A request for a message of Anthropic's. Source: Anthropic's API reference, 2026-10.

An answer is held to its schema by `output_config.format`; where that is refused (`output_format`) or cannot say the
schema, by a tool that must be called with the answer; by words where no tool may be forced (`tool_choice`), and
where the answer was begun or is thought about.
"""

from dataclasses import replace

from steadyhand.providers.dialects import _prompt_cache
from steadyhand.providers.dialects._alternating import Conversation, alternating
from steadyhand.providers.dialects._answer_tool import answer_tool
from steadyhand.providers.dialects._anthropic.blocks import blocks
from steadyhand.providers.dialects._anthropic.schema import lowered
from steadyhand.providers.dialects._anthropic.thinking import thinking, thinks
from steadyhand.providers.dialects._fields import joined
from steadyhand.providers.dialects._instruction import json_instruction
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Tool, ToolChoice
from steadyhand.types.model import CompletionRequest, Model

_MOST_TOKENS = 4_096  # of an answer, where neither the request nor the catalogue says it
_LEAST_TOP_P = 0.95  # beside thought


def body(request: CompletionRequest, model: Model, avoid: frozenset[str]) -> JsonObject:
    """The body, without the parameters in `avoid`; `extra` is put on top of it.

    `seed` has no place in this dialect. Stop sequences of white space only, which the vendor refuses, are left out.
    """
    conversation = alternating(request.messages, request.stable_messages)
    most = most_tokens(request, model)
    asked = joined(thinking(request, conversation, most, avoid), request.extra)
    is_thought = thinks(asked)
    held = _held(request, conversation, avoid)
    tool = None if held or is_thought or conversation.is_begun or "tool_choice" in avoid else answer_tool(request)
    is_told = (request.is_json or request.output_schema is not None) and not (held or tool)
    out: JsonObject = {"model": model.name, "max_tokens": most}
    words = json_instruction(request.output_schema) if is_told else ""
    out |= _content(conversation, words, _is_marked(request, model, avoid))
    out |= _tools(request, conversation, tool, avoid)
    out |= _sampling(request, avoid, is_thought=is_thought)
    if held:
        out["output_config"] = {"format": {"type": "json_schema", "schema": held}}
    if request.user and "metadata" not in avoid:
        out["metadata"] = {"user_id": request.user}
    return joined(out, asked)


def most_tokens(request: CompletionRequest, model: Model) -> int:
    """The limit that the vendor insists on; it refuses one above the model's own."""
    wanted = request.max_output_tokens or model.max_output_tokens or _MOST_TOKENS
    return min(wanted, model.max_output_tokens or wanted)


def _is_marked(request: CompletionRequest, model: Model, avoid: frozenset[str]) -> bool:
    return "cache_control" not in avoid and _prompt_cache.pays(request, model.name)


def _held(request: CompletionRequest, conversation: Conversation, avoid: frozenset[str]) -> JsonObject | None:
    """The schema that the model is held to while it writes; None where it cannot be, or there is none."""
    if request.output_schema is None or conversation.is_begun or "output_format" in avoid:
        return None
    return lowered(request.output_schema)


def _content(conversation: Conversation, words: str, is_marked: bool) -> JsonObject:
    marked = conversation.stable if is_marked else None
    system = blocks(conversation.system, marked)
    if words:
        system.append({"type": "text", "text": words})
    turns: list[Json] = [{"role": role, "content": blocks(parts, marked)} for role, parts in conversation.turns]
    return {"system": system, "messages": turns} if system else {"messages": turns}


def _tools(
    request: CompletionRequest, conversation: Conversation, answer: Tool | None, avoid: frozenset[str]
) -> JsonObject:
    """The tools, and the choice among them.

    Where none is offered, those called before are named, as the vendor insists, and none may be called.
    """
    offered = [_tool(tool, avoid) for tool in request.tools]
    choice = request.tool_choice or ToolChoice()
    if not offered:
        offered = [{"name": name, "input_schema": {"type": "object"}} for name in conversation.tool_names]
        choice = ToolChoice("none")
    if answer is not None:
        is_alone = choice.mode == "none"
        offered.append(_tool(answer, avoid))
        choice = ToolChoice("tool", answer.name, False) if is_alone else replace(choice, mode="required")
    if not offered:
        return {}
    is_default = choice == ToolChoice() or "tool_choice" in avoid
    return {"tools": [*offered]} if is_default else {"tools": [*offered], "tool_choice": _choice(choice)}


def _tool(tool: Tool, avoid: frozenset[str]) -> JsonObject:
    """Strict only where it was asked for and can be."""
    held = lowered(tool.parameters) if tool.is_strict and "strict" not in avoid else None
    out: JsonObject = {"name": tool.name, "input_schema": held or {"type": "object", **tool.parameters}}
    if tool.description:
        out["description"] = tool.description
    return {**out, "strict": True} if held else out


def _choice(choice: ToolChoice) -> JsonObject:
    kind = "any" if choice.mode == "required" else choice.mode
    out: JsonObject = {"type": kind, "name": choice.name} if kind == "tool" else {"type": kind}
    if choice.is_parallel is None or kind == "none":
        return out
    return {**out, "disable_parallel_tool_use": not choice.is_parallel}


def _sampling(request: CompletionRequest, avoid: frozenset[str], *, is_thought: bool) -> JsonObject:
    """Temperatures end at 1 here. Beside thought none may be said, and `top_p` only near 1."""
    out: JsonObject = {}
    if request.temperature is not None and not is_thought and "temperature" not in avoid:
        out["temperature"] = min(request.temperature, 1.0)
    top_p = request.top_p
    if top_p is not None and "top_p" not in avoid and (not is_thought or top_p >= _LEAST_TOP_P):
        out["top_p"] = top_p
    stop: list[Json] = [mark for mark in request.stop if mark.strip()]
    return {**out, "stop_sequences": stop} if stop else out
