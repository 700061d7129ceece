"""How long a Claude model may think, in the words of Anthropic's API.

Source: Anthropic's guide to extended thinking, 2026-10. An effort is a share of the most tokens that may be
written, as OpenRouter documents it for models that want a number: a tenth for `minimal`, a fifth, a half, and four
fifths for `high`. Models that refuse a number (`budget_tokens`) decide for themselves,
guided by `output_config.effort`.
"""

from collections.abc import Mapping

from steadyhand.providers.dialects._alternating import Conversation
from steadyhand.types.json import JsonObject
from steadyhand.types.message import Reasoning, ToolCall
from steadyhand.types.model import CompletionRequest, Effort

_LEAST_TOKENS = 1_024  # of thought; fewer are refused

_SHARE: Mapping[Effort, float] = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8}
_EFFORT: Mapping[Effort, str] = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}


def thinking(
    request: CompletionRequest, conversation: Conversation, most_tokens: int, avoid: frozenset[str]
) -> JsonObject:
    """The fields that ask for thought, or against it; none where nothing was said or the vendor takes none.

    It takes none before an answer that was begun, with a tool that must be called, where `most_tokens` leave no
    room, and behind a call of a tool whose thoughts are lost because another vendor made it.
    """
    if "thinking" in avoid or "thinking" in request.extra:
        return {}
    if request.effort == "none" or request.thinking_tokens == 0:
        return {"thinking": {"type": "disabled"}}
    is_wanted = bool(request.effort or request.thinking_tokens)
    is_forced = request.tool_choice is not None and request.tool_choice.mode in {"required", "tool"}
    if not is_wanted or is_forced or conversation.is_begun:
        return {}
    if "budget_tokens" in avoid:
        return _adaptive(request.effort, avoid)
    if most_tokens <= _LEAST_TOKENS or _has_lost_thoughts(conversation):
        return {}
    wanted = request.thinking_tokens or int(most_tokens * _SHARE[request.effort])
    budget = min(max(wanted, _LEAST_TOKENS), most_tokens - 1)
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def thinks(body: Mapping[str, object]) -> bool:
    """Does this request ask for thought?"""
    asked = body.get("thinking")
    return isinstance(asked, dict) and asked.get("type") != "disabled"


def _adaptive(effort: Effort, avoid: frozenset[str]) -> JsonObject:
    fields: JsonObject = {"thinking": {"type": "adaptive"}}
    if effort in _EFFORT and "effort" not in avoid:
        fields["output_config"] = {"effort": _EFFORT[effort]}
    return fields


def _has_lost_thoughts(conversation: Conversation) -> bool:
    """Do results come back for calls without the thought that has to lead them?"""
    for role, parts in reversed(conversation.turns):
        if role == "assistant":
            return any(isinstance(part, ToolCall) for part in parts) and not isinstance(parts[0], Reasoning)
    return False
