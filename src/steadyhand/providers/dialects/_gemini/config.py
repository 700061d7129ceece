"""How Gemini is to write: length, sampling, form and thought. Source: Gemini API's reference, 2026-10."""

from collections.abc import Mapping

from steadyhand.providers.dialects._fields import given
from steadyhand.providers.dialects._gemini.schema import lowered
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.model import CompletionRequest, Effort

_LEVELS: Mapping[Effort, str] = {
    "none": "minimal",  # as little as there is
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
}
_BUDGETS: Mapping[Effort, int] = {"none": 0, "minimal": 512, "low": 1_024, "medium": 8_192, "high": 24_576}
"""Tokens of thought, as Google's own OpenAI-compatible server gives them."""


def generation_config(request: CompletionRequest, avoid: frozenset[str], *, is_older: bool) -> JsonObject:
    """The fields that were asked for; none where nothing was. `is_older` models count thoughts in tokens."""
    said = given(
        maxOutputTokens=request.max_output_tokens,
        temperature=request.temperature,
        topP=request.top_p,
        seed=request.seed,
        stopSequences=list(request.stop),
        thinkingConfig=None if "thinking" in avoid else _thinking(request, is_older=is_older),
    )
    if "response_format" not in avoid and (request.is_json or request.output_schema is not None):
        said["responseMimeType"] = "application/json"
    if "response_format" not in avoid and request.output_schema is not None:
        said["responseJsonSchema"] = lowered(request.output_schema)
    return said


def _thinking(request: CompletionRequest, *, is_older: bool) -> Json:
    """How long to think, and to show the thoughts; None leaves both to the vendor."""
    if request.thinking_tokens is not None:
        return {"thinkingBudget": request.thinking_tokens, "includeThoughts": request.thinking_tokens > 0}
    if not request.effort:
        return None
    is_shown = request.effort != "none"
    if is_older:
        return {"thinkingBudget": _BUDGETS[request.effort], "includeThoughts": is_shown}
    return {"thinkingLevel": _LEVELS[request.effort], "includeThoughts": is_shown}
