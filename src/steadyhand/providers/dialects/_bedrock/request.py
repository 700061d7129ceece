"""A request to Bedrock's converse. Source: Amazon Bedrock's API reference, 2026-10.

An answer is held to its schema by a tool that must be called with it; where no tool may be forced (`toolChoice`),
none is taken (`tools`), or the answer was begun or is thought about, by words.
"""

from dataclasses import replace

from steadyhand.providers.dialects import _prompt_cache
from steadyhand.providers.dialects._alternating import Conversation, alternating
from steadyhand.providers.dialects._answer_tool import answer_tool
from steadyhand.providers.dialects._anthropic.request import most_tokens
from steadyhand.providers.dialects._anthropic.thinking import thinking, thinks
from steadyhand.providers.dialects._bedrock.blocks import blocks
from steadyhand.providers.dialects._fields import joined
from steadyhand.providers.dialects._instruction import json_instruction
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Tool, ToolChoice
from steadyhand.types.model import CompletionRequest, Model

_OWN = {
    "additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "outputConfig",
    "performanceConfig", "promptVariables", "requestMetadata", "serviceTier", "system", "toolConfig",
    "inferenceConfig",
}  # fmt: skip
"""Fields of a caller's that converse itself knows. All others are the model's."""

_CACHING = ("anthropic", "nova")  # makers or families of models that take cache points


def body(request: CompletionRequest, model: Model, avoid: frozenset[str]) -> JsonObject:
    """The body, without the parameters in `avoid`; `extra` is put on top of it.

    Thought is asked for in Anthropic's way, of its models only; other makers' ways differ, and are left to `extra`.
    `seed` and `user` have no place in this dialect. Stop sequences of white space only are left out.
    """
    conversation = alternating(request.messages, request.stable_messages)
    for_model = _for_model(request, model, conversation, avoid)
    is_thought = thinks(for_model)
    can_force = not is_thought and not conversation.is_begun and not avoid & {"toolChoice", "tools"}
    tool = answer_tool(request) if can_force else None
    is_told = (request.is_json or request.output_schema is not None) and tool is None
    words = json_instruction(request.output_schema) if is_told else ""
    out = _content(conversation, words, _is_marked(request, model, avoid))
    if sampling := _sampling(request, model, avoid, is_thought=is_thought):
        out["inferenceConfig"] = sampling
    if "tools" not in avoid and (tools := _tools(request, conversation, tool, avoid)):
        out["toolConfig"] = tools
    if for_model:
        out["additionalModelRequestFields"] = for_model
    return joined(out, {name: value for name, value in request.extra.items() if name in _OWN})


def _for_model(
    request: CompletionRequest, model: Model, conversation: Conversation, avoid: frozenset[str]
) -> JsonObject:
    """Fields that Bedrock hands to the model."""
    most = most_tokens(request, model)
    ours = thinking(request, conversation, most, avoid) if "anthropic" in model.name else {}
    return joined(ours, {name: value for name, value in request.extra.items() if name not in _OWN})


def _is_marked(request: CompletionRequest, model: Model, avoid: frozenset[str]) -> bool:
    is_taken = "cachePoint" not in avoid and any(part in model.name for part in _CACHING)
    return is_taken and _prompt_cache.pays(request, model.name)


def _content(conversation: Conversation, words: str, is_marked: bool) -> JsonObject:
    marked = conversation.stable if is_marked else None
    system = blocks(conversation.system, marked)
    if words:
        system.append({"text": words})
    turns: list[Json] = [{"role": role, "content": blocks(parts, marked)} for role, parts in conversation.turns]
    return {"system": system, "messages": turns} if system else {"messages": turns}


def _sampling(request: CompletionRequest, model: Model, avoid: frozenset[str], *, is_thought: bool) -> JsonObject:
    """Temperatures end at 1 here. Beside thought none may be said."""
    out: JsonObject = {}
    if request.max_output_tokens is not None or is_thought:
        out["maxTokens"] = most_tokens(request, model)
    if request.temperature is not None and not is_thought:
        out["temperature"] = min(request.temperature, 1.0)
    if request.top_p is not None and not is_thought:
        out["topP"] = request.top_p
    if stop := [mark for mark in request.stop if mark.strip()]:
        out["stopSequences"] = [*stop]
    return {name: value for name, value in out.items() if name not in avoid}


def _tools(
    request: CompletionRequest, conversation: Conversation, answer: Tool | None, avoid: frozenset[str]
) -> JsonObject:
    """The tools, and the choice among them.

    Bedrock insists on the tools that were called before, also where none is offered, and cannot forbid to call
    them: where nothing was called and nothing may be, none is sent.
    """
    offered = list(request.tools) or [Tool(name, "", {}) for name in conversation.tool_names]
    choice = request.tool_choice or ToolChoice()
    is_idle = not request.tools or choice.mode == "none"
    if is_idle and not conversation.tool_names:
        offered = []
    if answer is not None:
        offered.append(answer)
        choice = ToolChoice("tool", answer.name) if is_idle else replace(choice, mode="required")
    if not offered:
        return {}
    out: JsonObject = {"tools": [_tool(tool) for tool in offered]}
    chosen = _choice(choice, is_alone=len(offered) == 1)
    return {**out, "toolChoice": chosen} if chosen and "toolChoice" not in avoid else out


def _tool(tool: Tool) -> JsonObject:
    told: JsonObject = {"description": tool.description} if tool.description else {}
    return {"toolSpec": {"name": tool.name, **told, "inputSchema": {"json": {"type": "object", **tool.parameters}}}}


def _choice(choice: ToolChoice, *, is_alone: bool) -> JsonObject | None:
    """`any` says the same as the name of the only tool, and more models know it."""
    if choice.mode == "required" or (choice.mode == "tool" and is_alone):
        return {"any": {}}
    return {"tool": {"name": choice.name}} if choice.mode == "tool" else None
