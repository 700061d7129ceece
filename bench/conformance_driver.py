"""Calls one recorded answer through the real client: catalogue entry, dialect, connection, decoder.

`call` is what a conformance scorer wants of a client: it is given a wire protocol and the address of one recorded
answer, and says what a reader of that answer would see. It raises for a recorded error.
"""

import json
from collections.abc import Mapping, Sequence

from steadyhand.providers.call import Completer
from steadyhand.providers.transport import Transport
from steadyhand.types.ids import ModelId
from steadyhand.types.json import Json
from steadyhand.types.message import Message
from steadyhand.types.model import Completion, CompletionRequest, Model, Provider
from steadyhand.types.ports import Vectors
from steadyhand.types.text import Segment

_DIALECTS: Mapping[str, str] = {
    "openai-chat": "openai",
    "openai-responses": "openai_responses",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "bedrock": "bedrock",
}
_BELOW_V1 = {"openai", "openai_responses", "anthropic"}  # their base URL ends there

_FRESH_ONLY = {"anthropic", "bedrock"}
"""Where the vendor's own `input_tokens` leave out what was read from or written to its prompt cache."""

_TIMEOUT_S = 15.0


async def call(protocol: str, base_url: str, model: str, stream: bool) -> dict[str, Json]:
    """What was read: `{"text", "tools": [[name, arguments]], "in", "out"}`."""
    completer = Completer(Transport(), _NoEmbedder())
    said = Segment("hi", "caller", "trusted", "public")
    request = CompletionRequest(messages=(Message("user", (said,)),), timeout_s=_TIMEOUT_S, max_output_tokens=64)
    try:
        found = await completer(_model(_DIALECTS[protocol], base_url, model), request, is_streamed=stream)
    finally:
        await completer.close()
    tools: list[Json] = [[each.name, _arguments(each.arguments)] for each in found.tool_calls]
    counted = _input_tokens(found, _DIALECTS[protocol])
    return {"text": found.text, "tools": tools, "in": counted, "out": found.usage.output_tokens}


def _model(dialect: str, base_url: str, name: str) -> Model:
    address = f"{base_url}/v1" if dialect in _BELOW_V1 else base_url
    provider = Provider(
        name="recorded",
        dialect=dialect,
        base_url=address,
        place="local",
        clearance="restricted",
        region="us-east-1",
    )
    return Model(id=ModelId(f"recorded:{name}"), provider=provider, name=name, price=None, context_tokens=None)


def _input_tokens(found: Completion, dialect: str) -> int:
    """Input tokens in the vendor's own words; ours count all that is billed as input."""
    usage = found.usage
    if dialect in _FRESH_ONLY:
        return usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    if dialect == "gemini":
        return usage.input_tokens - _read_by_tools(found)
    return usage.input_tokens


def _read_by_tools(found: Completion) -> int:
    """What Google's own tools put into the prompt, which its `promptTokenCount` leaves out."""
    counts = found.extra.get("usageMetadata")
    count = counts.get("toolUsePromptTokenCount") if isinstance(counts, dict) else 0
    return count if isinstance(count, int) else 0


def _arguments(text: str) -> Json:
    try:
        found: Json = json.loads(text) if text.strip() else {}
    except ValueError:
        return text
    return found


class _NoEmbedder:
    """Only built-in models embed, and none is asked here."""

    id = ""

    def __call__(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError(f"nothing to embed; found {len(texts)} texts")
