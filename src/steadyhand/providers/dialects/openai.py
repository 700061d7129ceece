"""OpenAI chat completions, as OpenAI and the many that speak its dialect do.

Source: OpenAI's API reference, 2026-10, and recorded answers of the vendors named in the files beside this one.
"""

from collections.abc import Mapping

from steadyhand.errors import ProviderProtocol
from steadyhand.providers.dialects._fields import given, joined
from steadyhand.providers.dialects._instruction import json_instruction
from steadyhand.providers.dialects._openai.calls import whole_calls
from steadyhand.providers.dialects._openai.faults import raise_for_reply, refused
from steadyhand.providers.dialects._openai.messages import wire_messages
from steadyhand.providers.dialects._openai.reasoning import Thoughts
from steadyhand.providers.dialects._openai.reply import (
    Message,
    finish_reason,
    read,
    unknown,
    unknown_of_all,
    usage,
)
from steadyhand.providers.dialects._openai.request import authorize, for_openai, function, shape
from steadyhand.providers.dialects._openai.stream import Stream
from steadyhand.providers.dialects._openai.vectors import (
    decode_embeddings,
    decode_listing,
    encode_embeddings,
    encode_listing,
)
from steadyhand.providers.dialects._wire import EVENTS, JSON, post
from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import Json, JsonObject, JsonSchema
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


_OPTIONAL = frozenset(
    {
        "temperature", "top_p", "seed", "parallel_tool_calls", "reasoning_effort", "user", "safety_identifier",
        "prompt_cache_key",
    }
)  # fmt: skip


def encode(
    request: CompletionRequest, model: Model, *, is_streamed: bool, avoid: frozenset[str] = frozenset()
) -> WireRequest:
    """The request as OpenAI wants it, without the parameters in `avoid`.

    `max_tokens` becomes `max_completion_tokens` when it is avoided; a schema that may not be sent as
    `response_format` is said in the prompt, and the answer asked to be any JSON object. `thinking_tokens` has no
    place in this dialect. `extra` is put on top of it.
    """
    messages = wire_messages(request.messages, avoid)
    body: JsonObject = {"model": model.name, "messages": messages}
    limit = "max_completion_tokens" if "max_tokens" in avoid else "max_tokens"
    body |= given(**{limit: request.max_output_tokens}, temperature=request.temperature, top_p=request.top_p)
    body |= given(stop=list(request.stop), seed=request.seed, reasoning_effort=request.effort)
    body |= _tools(request)
    body |= for_openai(request, model, wire_messages(request.messages[: request.stable_messages]))
    for name in avoid & _OPTIONAL:
        body.pop(name, None)
    if request.output_schema is not None and "response_format" in avoid:
        body |= {"response_format": {"type": "json_object"}, "messages": _told(messages, request.output_schema)}
    elif "response_format" not in avoid:
        body |= _response_format(request)
    body |= _continued(request, model, messages)
    body = joined(body, request.extra)
    if is_streamed:
        body = joined(body, _streamed(avoid))
    return post("/chat/completions", body, accept=EVENTS if is_streamed else JSON)


def decode(status: int, headers: Mapping[str, str], body: bytes) -> Completion:
    """The answer to a request that was not streamed. `headers` are in lower case; raises unless `status` is 2xx."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    reply = read(body)
    raise_for_reply(reply.fault)
    if not reply.choices:
        extra = unknown(body)
        raise_for_reply(extra if "message" in extra else None)
        raise ProviderProtocol("expected an answer with a choice; found none")
    choice = reply.choices[0]
    raise_for_reply(choice.error)
    message = choice.message or Message()
    thoughts = Thoughts()
    thoughts.take(message)
    calls = whole_calls(message.tool_calls or [], reply.id or "")
    return Completion(
        text=message.text,
        tool_calls=calls,
        reasoning=thoughts.finished(),
        usage=usage(reply.counts),
        finish=finish_reason(choice.finish_reason, is_refusal=bool(message.refusal), has_calls=bool(calls)),
        model=reply.model or "",
        id=reply.id or "",
        extra=unknown_of_all(body),
    )


def skim(body: bytes) -> Completion | None:
    """Text, usage and finish of a plain answer, at half the cost of `decode`; None for one with more in it.

    For bytes that are forwarded as they came: then nobody needs the fields that we do not know. Raises
    `ProviderProtocol` for what is no answer.
    """
    reply = read(body)
    if reply.error or not reply.choices or reply.usage is None:
        return None
    choice = reply.choices[0]
    message = choice.message
    if choice.error or message is None or message.tool_calls or not isinstance(message.content, str):
        return None
    return Completion(
        text=message.content,
        usage=usage(reply.usage),
        finish=finish_reason(choice.finish_reason, is_refusal=bool(message.refusal), has_calls=False),
    )


def _tools(request: CompletionRequest) -> JsonObject:
    """The tools, and how they are to be chosen, which may only be said where there are some."""
    if not request.tools:
        return {}
    tools: list[Json] = [{"type": "function", "function": function(tool)} for tool in request.tools]
    if (choice := request.tool_choice) is None:
        return {"tools": tools}
    named: Json = {"type": "function", "function": {"name": choice.name}}
    return given(
        tools=tools,
        tool_choice=named if choice.mode == "tool" else choice.mode,
        parallel_tool_calls=choice.is_parallel,
    )


def _response_format(request: CompletionRequest) -> JsonObject:
    if request.output_schema is not None:
        return {"response_format": {"type": "json_schema", "json_schema": shape(request, request.output_schema)}}
    return {"response_format": {"type": "json_object"}} if request.is_json else {}


def _told(messages: list[Json], schema: JsonSchema) -> list[Json]:
    """The messages with the schema in the system message; some servers take only one, at the start."""
    wanted = json_instruction(schema)
    first = messages[0] if messages else None
    if isinstance(first, dict) and first["role"] == "system":
        return [{"role": "system", "content": f"{first['content']}\n\n{wanted}"}, *messages[1:]]
    return [{"role": "system", "content": wanted}, *messages]


def _continued(request: CompletionRequest, model: Model, messages: list[Json]) -> JsonObject:
    """What says that the answer goes on with the last message, which is then marked where the vendor wants it."""
    if not request.messages or request.messages[-1].role != "assistant":
        return {}
    last = messages[-1]
    if model.provider.prefill == "prefix" and isinstance(last, dict):
        last["prefix"] = True
    if model.provider.prefill == "vllm":
        return {"continue_final_message": True, "add_generation_prompt": False}
    return {}


def _streamed(avoid: frozenset[str]) -> JsonObject:
    """Tokens are counted at the end of the stream, whether the caller wants to know them or not."""
    return (
        {"stream": True}
        if "stream_options" in avoid
        else {"stream": True, "stream_options": {"include_usage": True}}
    )
