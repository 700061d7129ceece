"""What an answer of Gemini, whole or in chunks, says. Unknown fields are kept, with the place they were at."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from steadyhand.providers.dialects._counts import counted
from steadyhand.providers.dialects._gemini.faults import raise_for_reply
from steadyhand.providers.dialects._reading import converted
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta, Reasoning, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta
from steadyhand.types.model import Completion, FinishReason, Usage

WHAT = "JSON of a Gemini answer"

_FINISH: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "LANGUAGE": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "MODEL_ARMOR": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
}

_KNOWN = {"candidates", "usageMetadata", "modelVersion", "responseId", "error"}
_KNOWN_OF_CANDIDATE = {"content", "finishReason", "index"}
_KNOWN_OF_USAGE = {
    "promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount",
}  # fmt: skip


class _Call(msgspec.Struct):
    name: str | None = None
    id: str | None = None
    args: dict[str, Any] | None = None


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None


class _Content(msgspec.Struct):
    parts: list[dict[str, Any]] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    index: int | None = 0


class _Counts(msgspec.Struct, rename="camel"):
    """Prompt tokens include cached ones; those that the vendor's own tools put into the prompt come on top."""

    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Reply(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: _Counts | None = None
    prompt_feedback: _Feedback | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None


class Answer:
    """Gathers the chunks of one answer. A whole answer is one chunk."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._is_blocked = False
        self._calls: list[ToolCall] = []
        self._reasoning: list[Reasoning] = []
        self._usage: dict[str, Json] = {}
        self._reason = ""
        self._model = ""
        self._id = ""
        self._extra: JsonObject = {}
        self._extra_of_candidate: JsonObject = {}

    def take(self, chunk: object) -> list[Delta]:
        """What a chunk, as decoded JSON, adds. Raises the error in it, `ProviderProtocol` for no chunk at all."""
        reply = converted(chunk, _Reply, WHAT)
        raise_for_reply(reply.error)
        assert isinstance(chunk, dict)  # nothing else becomes a struct
        self._model = self._model or reply.model_version or ""
        self._id = self._id or reply.response_id or ""
        self._usage |= chunk.get("usageMetadata") or {}
        self._extra |= {name: value for name, value in chunk.items() if name not in _KNOWN}
        if reply.prompt_feedback and reply.prompt_feedback.block_reason:
            self._is_blocked = True
        if not reply.candidates or reply.candidates[0].index:
            return []  # or a second answer, which was not asked for
        fields = chunk["candidates"][0].items()
        self._extra_of_candidate |= {name: value for name, value in fields if name not in _KNOWN_OF_CANDIDATE}
        return list(self._read(reply.candidates[0]))

    @property
    def length(self) -> int:
        """Characters of the text so far."""
        return sum(map(len, self._texts))

    @property
    def is_ended(self) -> bool:
        """Did the model end it, or the vendor block the prompt?"""
        return bool(self._reason) or self._is_blocked

    def completion(self) -> Completion:
        """The whole answer."""
        return Completion(
            text="".join(self._texts),
            tool_calls=tuple(self._calls),
            reasoning=tuple(self._reasoning),
            usage=_usage(converted(self._usage, _Counts, WHAT)),
            finish=self._finish,
            model=self._model,
            id=self._id,
            extra=self._unknown(),
        )

    @property
    def _finish(self) -> FinishReason:
        finish = "filter" if self._is_blocked else _FINISH.get(self._reason, "other")
        return "tool" if finish == "stop" and self._calls else finish

    def _read(self, candidate: _Candidate) -> Iterator[Delta]:
        for fields in (candidate.content and candidate.content.parts) or ():
            part = converted(fields, _Part, WHAT)
            if part.function_call is not None:
                yield self._called(part.function_call, part.thought_signature)
            elif part.text is None:
                self._reasoning.append(Reasoning("", {"part": fields}))
            elif part.thought:
                yield from self._thought(part.text, part.thought_signature)
            else:
                yield from self._said(part.text, part.thought_signature)
        self._reason = candidate.finish_reason or self._reason

    def _called(self, call: _Call, signature: str | None) -> Delta:
        """A call comes whole. One without an id, as Gemini 2 and Vertex make them, gets the answer's."""
        index = len(self._calls)
        made = f"call_{self._id}_{index}"
        arguments = msgspec.json.encode(call.args or {}).decode()
        found = ToolCall(call.id or made, call.name or "", arguments, _signed(signature))
        self._calls.append(found)
        return ToolCallDelta(index, found.id, found.name, arguments)

    def _thought(self, text: str, signature: str | None) -> Iterator[Delta]:
        last = self._reasoning[-1] if self._reasoning else None
        if last is not None and last.opaque == {"thought": True}:
            self._reasoning[-1] = Reasoning(last.text + text, {"thought": True, **_signed(signature)})
        else:
            self._reasoning.append(Reasoning(text, {"thought": True, **_signed(signature)}))
        if text:
            yield ReasoningDelta(text)

    def _said(self, text: str, signature: str | None) -> Iterator[Delta]:
        if signature:
            self._reasoning.append(Reasoning("", _signed(signature)))
        if text:
            self._texts.append(text)
            yield TextDelta(text)

    def _unknown(self) -> JsonObject:
        candidate = dict(self._extra_of_candidate)
        if self._reason and self._finish in {"filter", "other"}:
            candidate["finishReason"] = self._reason  # says more than ours
        usage = {name: value for name, value in self._usage.items() if name not in _KNOWN_OF_USAGE}
        own: JsonObject = {"candidates": [candidate]} if candidate else {}
        return {**self._extra, **own, **({"usageMetadata": usage} if usage else {})}


def _signed(signature: str | None) -> dict[str, Json]:
    return {"thoughtSignature": signature} if signature else {}


def _usage(found: _Counts) -> Usage:
    """Tokens as counted by the vendor; `Usage()` when it counted none, or what cannot be."""
    prompt = (found.prompt_token_count or 0) + (found.tool_use_prompt_token_count or 0)
    thoughts = found.thoughts_token_count or 0
    output = (found.candidates_token_count or 0) + thoughts
    if found.prompt_token_count is None:
        return Usage()
    return counted(prompt, output, cached=found.cached_content_token_count or 0, reasoning=thoughts)
