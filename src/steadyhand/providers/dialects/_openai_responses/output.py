"""What an answer of OpenAI responses says: a list of items, each a message, a call, a thought or a vendor's own."""

from collections.abc import Mapping
from typing import Any

import msgspec

from steadyhand.errors import ProviderUnavailable
from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._openai.faults import raise_for_reply
from steadyhand.providers.dialects._reading import decoded
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Reasoning, ToolCall
from steadyhand.types.model import Completion, FinishReason, Usage

WHAT = "JSON of a response"

_KNOWN = {"id", "object", "created_at", "completed_at", "status", "error", "incomplete_details", "model", "output",
          "usage"}  # fmt: skip
_ECHOED = {
    "background", "frequency_penalty", "instructions", "max_output_tokens", "max_tool_calls", "metadata",
    "parallel_tool_calls", "presence_penalty", "previous_response_id", "prompt_cache_key",
    "prompt_cache_retention", "reasoning", "safety_identifier", "store", "temperature", "text", "tool_choice",
    "tools", "top_logprobs", "top_p", "truncation", "user",
}  # fmt: skip
_PLACED = {"message", "function_call", "reasoning"}  # items that have a place in a completion
_INCOMPLETE: Mapping[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "filter"}


class _Content(msgspec.Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None


class _Kind(msgspec.Struct):
    type: str = ""


class Item(_Kind):
    """A message, a call or a thought; of all other items nothing but the type is known."""

    name: str | None = None
    call_id: str | None = None
    namespace: str | None = None
    arguments: Any = None
    content: list[_Content] | None = None
    summary: list[_Content] | None = None

    @property
    def texts(self) -> list[str]:
        return [part.text or "" for part in self.content or () if part.type == "output_text"]

    @property
    def is_refusal(self) -> bool:
        return any(part.refusal for part in self.content or ())

    @property
    def argument_text(self) -> str:
        """The arguments of a call as JSON text."""
        if isinstance(self.arguments, str):
            return self.arguments
        return msgspec.json.encode(self.arguments or {}).decode()

    @property
    def thought(self) -> str:
        """The summary of a thought, or the thought itself where the vendor shows it."""
        summary = "\n\n".join(part.text or "" for part in self.summary or ())
        return summary or "".join(part.text or "" for part in self.content or ())


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Counts(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class Response(msgspec.Struct):
    """A whole answer, or as much of it as there is yet."""

    id: str | None = None
    status: str | None = None
    model: str | None = None
    output: list[msgspec.Raw] | None = None
    usage: _Counts | None = None
    error: Any = None
    incomplete_details: _Incomplete | None = None


_response = msgspec.json.Decoder(Response)
_kind = msgspec.json.Decoder(_Kind)
_item = msgspec.json.Decoder(Item)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_response(body: bytes | msgspec.Raw) -> Response:
    """The answer. Raises `ProviderProtocol` for anything else."""
    return decoded(body, _response, WHAT)


def read_item(body: msgspec.Raw) -> Item:
    """The item; raises `ProviderProtocol`."""
    kind = decoded(body, _kind, WHAT)
    return decoded(body, _item, WHAT) if kind.type in _PLACED else Item(type=kind.type)


def unknown(body: bytes | msgspec.Raw) -> JsonObject:
    """The fields of an answer that nobody here knows, without those that repeat the request."""
    return {
        name: msgspec.json.decode(value)
        for name, value in _fields.decode(body).items()
        if name not in _KNOWN | _ECHOED and bytes(value) != b"null"
    }


def completed(response: Response, output: list[msgspec.Raw], extra: JsonObject) -> Completion:
    """The completion that these items of an answer make. Raises the error of an answer that failed.

    Items that have no place in a completion, such as searches of the vendor's, and refusals are kept in its
    `extra`, as `output`.
    """
    _raise_for_failure(response)
    items = [(read_item(raw), raw) for raw in output]
    calls = tuple(_call(item) for item, _ in items if item.type == "function_call")
    others: list[Json] = [
        msgspec.json.decode(raw) for item, raw in items if item.type not in _PLACED or item.is_refusal
    ]
    return Completion(
        text="".join(text for item, _ in items for text in item.texts),
        tool_calls=calls,
        reasoning=tuple(
            Reasoning(item.thought, msgspec.json.decode(raw)) for item, raw in items if item.type == "reasoning"
        ),
        usage=_usage(response.usage),
        finish=_finish(response, is_refusal=any(item.is_refusal for item, _ in items), has_calls=bool(calls)),
        model=response.model or "",
        id=response.id or "",
        extra=extra | ({"output": others} if others else {}),
    )


def _call(item: Item) -> ToolCall:
    opaque: JsonObject = {"namespace": item.namespace} if item.namespace else {}
    return ToolCall(item.call_id or "", item.name or "", item.argument_text, opaque)


def _raise_for_failure(response: Response) -> None:
    raise_for_reply(response.error)
    if response.status in {"failed", "cancelled"}:
        raise ProviderUnavailable(f"expected an answer; the provider's ended as {response.status!r}")


def _finish(response: Response, *, is_refusal: bool, has_calls: bool) -> FinishReason:
    if response.status == "incomplete":
        reason = response.incomplete_details.reason if response.incomplete_details else ""
        return _INCOMPLETE.get(reason or "", "other")
    if is_refusal:
        return "filter"
    if has_calls:
        return "tool"
    return "stop" if response.status == "completed" else "other"


def _usage(found: _Counts | None) -> Usage:
    """Tokens as counted by the vendor; `Usage()` when it counted none."""
    if found is None:
        return Usage()
    details = found.input_tokens_details or _InputDetails()
    return counted(
        found.input_tokens or 0,
        found.output_tokens or 0,
        cached=details.cached_tokens or 0,
        written=details.cache_write_tokens or 0,
        reasoning=(found.output_tokens_details or _OutputDetails()).reasoning_tokens or 0,
    )
