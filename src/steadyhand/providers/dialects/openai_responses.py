"""OpenAI responses, as OpenAI, Azure and the servers that speak its newer dialect do.

Source: OpenAI's API reference, 2026-10, and recorded answers of OpenAI and DeepSeek. Nothing is stored with the
vendor: the conversation is sent whole, and thoughts come back to it encrypted.
"""

from collections.abc import Mapping

from steadyhand.errors import ProviderProtocol, ProviderRefused
from steadyhand.providers.dialects._fields import given, joined
from steadyhand.providers.dialects._instruction import json_instruction
from steadyhand.providers.dialects._openai.faults import refused
from steadyhand.providers.dialects._openai.request import authorize, for_openai, function, shape
from steadyhand.providers.dialects._openai.vectors import (
    decode_embeddings,
    decode_listing,
    encode_embeddings,
    encode_listing,
)
from steadyhand.providers.dialects._openai_responses.items import wire_items
from steadyhand.providers.dialects._openai_responses.output import completed, read_response, unknown
from steadyhand.providers.dialects._openai_responses.stream import Stream
from steadyhand.providers.dialects._wire import EVENTS, JSON, post
from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.model import Completion, CompletionRequest, Model

__all__ = [
    "Stream",
    "authorize",
    "decode",
    "decode_embeddings",
    "decode_listing",
    "encode",
    "encode_embeddings",
    "encode_listing",
]

_OPTIONAL = {
    "temperature": "temperature",
    "top_p": "top_p",
    "reasoning_effort": "reasoning",
    "include": "include",
    "store": "store",
    "parallel_tool_calls": "parallel_tool_calls",
    "safety_identifier": "safety_identifier",
    "user": "user",
    "prompt_cache_key": "prompt_cache_key",
}
"""What can be left out, as a refusal names it, and the field it is in."""


def encode(
    request: CompletionRequest, model: Model, *, is_streamed: bool, avoid: frozenset[str] = frozenset()
) -> WireRequest:
    """The request as OpenAI responses want it, without the parameters in `avoid`.

    A schema that may not be sent as `text.format` is said in the prompt instead. There is no place for `seed`,
    `thinking_tokens` and the beginning of an answer. `extra` is put on top of it. Raises `ProviderRefused` for
    stop sequences, which the dialect does not know: the answer would run past them unsaid.
    """
    if request.stop:
        raise ProviderRefused(
            "expected a request without stop sequences; OpenAI responses know none",
            hint='use the same model through the dialect "openai"',
        )
    items = wire_items(request.messages, avoid)
    body: JsonObject = {"model": model.name, "input": items, "store": False}
    body |= given(max_output_tokens=request.max_output_tokens, temperature=request.temperature, top_p=request.top_p)
    body |= _reasoning(request)
    body |= _tools(request)
    if request.output_schema is not None and "response_format" in avoid:
        wanted: Json = {"role": "system", "content": json_instruction(request.output_schema)}
        body |= {"input": [wanted, *items], "text": {"format": {"type": "json_object"}}}
    elif "response_format" not in avoid:
        body |= _format(request)
    body |= for_openai(request, model, wire_items(request.messages[: request.stable_messages]))
    for name in avoid & _OPTIONAL.keys():
        body.pop(_OPTIONAL[name], None)
    body = joined(body, request.extra) | ({"stream": True} if is_streamed else {})
    return post("/responses", body, accept=EVENTS if is_streamed else JSON)


def decode(status: int, headers: Mapping[str, str], body: bytes) -> Completion:
    """The answer to a request that was not streamed. `headers` are in lower case; raises unless `status` is 2xx."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    response = read_response(body)
    if response.output is None and not response.error:
        raise ProviderProtocol(f"expected an answer with an output; found {body[:100]!r}")
    return completed(response, response.output or [], unknown(body))


def _reasoning(request: CompletionRequest) -> JsonObject:
    """How long to think. Only models that think take it; these are asked for their thoughts, to be given back."""
    if not request.effort:
        return {}
    asked: JsonObject = {"reasoning": {"effort": request.effort}}
    return asked if request.effort == "none" else asked | {"include": ["reasoning.encrypted_content"]}


def _tools(request: CompletionRequest) -> JsonObject:
    """The tools; not strict unless that was asked for, which is not what the vendor takes for granted."""
    if not request.tools:
        return {}
    tools: list[Json] = [{"type": "function", "strict": False, **function(tool)} for tool in request.tools]
    if (choice := request.tool_choice) is None:
        return {"tools": tools}
    named: Json = {"type": "function", "name": choice.name}
    return given(
        tools=tools,
        tool_choice=named if choice.mode == "tool" else choice.mode,
        parallel_tool_calls=choice.is_parallel,
    )


def _format(request: CompletionRequest) -> JsonObject:
    if request.output_schema is not None:
        return {"text": {"format": {"type": "json_schema", **shape(request, request.output_schema)}}}
    return {"text": {"format": {"type": "json_object"}}} if request.is_json else {}
