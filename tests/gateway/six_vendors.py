"""Vendors of all six dialects on one real HTTP server: what they understood of a request, and their fixed answers.

The first request of a conversation is answered with a word and a call of a tool, one with the tool's result with a
text, and one that says "Go on and on" with a text that is cut at its limit.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from struct import pack
from typing import Any
from zlib import crc32

from aiohttp import web

IMAGE = "aW1hZ2U="
CALL = ("call_1", "weather", {"city": "Bern"})
LOOK, RAIN, CUT = "I look.", "It rains in Bern.", "On and on and"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
INPUT, CACHED, OUTPUT = 20, 4, 9

Turn = tuple[Any, ...]
"""("system", text), ("user", text), ("image", type, data), ("assistant", text), ("call", id, name, arguments),
("result", id, text), or ("tool", name, schema)."""


@dataclass
class Answer:
    """`finish` is stop, tool or length."""

    text: str
    finish: str


def answer_to(turns: list[Turn]) -> Answer:
    if turns[-1][0] == "result":
        return Answer(RAIN, "stop")
    return Answer(CUT, "length") if "on and on" in str(turns) else Answer(LOOK, "tool")


# ---- OpenAI chat


def chat_turns(body: dict[str, Any]) -> Iterator[Turn]:
    for message in body["messages"]:
        role, content = message["role"], message["content"]
        if role == "tool":
            yield "result", message["tool_call_id"], "".join(texts(content))
            continue
        for part in parts(content):
            if part["type"] == "image_url":
                yield image_at(part["image_url"]["url"])
            else:
                yield role, part["text"]
        for call in message.get("tool_calls") or ():
            yield "call", call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])
    for tool in body.get("tools", ()):
        yield "tool", tool["function"]["name"], tool["function"]["parameters"]


CHAT_FINISH = {"stop": "stop", "tool": "tool_calls", "length": "length"}
CHAT_USAGE = {
    "prompt_tokens": INPUT,
    "completion_tokens": OUTPUT,
    "total_tokens": INPUT + OUTPUT,
    "prompt_tokens_details": {"cached_tokens": CACHED},
}


def chat(answer: Answer, *, is_streamed: bool) -> bytes:
    base = {"id": "c", "created": 1, "model": "m"}
    call = {"id": CALL[0], "type": "function", "function": {"name": CALL[1], "arguments": json.dumps(CALL[2])}}
    finish = CHAT_FINISH[answer.finish]
    if not is_streamed:
        message = {"role": "assistant", "content": answer.text}
        if answer.finish == "tool":
            message["tool_calls"] = [call]  # type: ignore[assignment]
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return json.dumps({**base, "object": "chat.completion", "choices": [choice], "usage": CHAT_USAGE}).encode()
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        *({"content": it} for it in halves(answer.text)),
    ]
    if answer.finish == "tool":
        begun, rest = halves(json.dumps(CALL[2]))
        deltas.append({"tool_calls": [{**call, "index": 0, "function": {"name": CALL[1], "arguments": begun}}]})
        deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": rest}}]})
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": it, "finish_reason": None}]} for it in deltas
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    chunks.append({"choices": [], "usage": CHAT_USAGE})
    return sse(*({**base, "object": "chat.completion.chunk", **chunk} for chunk in chunks)) + b"data: [DONE]\n\n"


# ---- OpenAI responses


def response_turns(body: dict[str, Any]) -> Iterator[Turn]:
    if body.get("instructions"):
        yield "system", body["instructions"]
    given = body["input"]
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        match item.get("type", "message"):
            case "function_call":
                yield "call", item["call_id"], item["name"], json.loads(item["arguments"])
            case "function_call_output":
                yield "result", item["call_id"], "".join(texts(item["output"]))
            case "message":
                role = "system" if item["role"] == "developer" else item["role"]
                for part in parts(item["content"]):
                    yield image_at(part["image_url"]) if part["type"] == "input_image" else (role, part["text"])
    for tool in body.get("tools", ()):
        yield "tool", tool["name"], tool["parameters"]


RESPONSE_USAGE = {
    "input_tokens": INPUT,
    "input_tokens_details": {"cached_tokens": CACHED},
    "output_tokens": OUTPUT,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": INPUT + OUTPUT,
}


def response(answer: Answer, *, is_streamed: bool) -> bytes:
    def message(status: str, *content: dict[str, Any]) -> dict[str, Any]:
        return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": [*content]}

    def call(status: str, arguments: str) -> dict[str, Any]:
        asked = {"call_id": CALL[0], "name": CALL[1], "arguments": arguments}
        return {"id": "fc_1", "type": "function_call", "status": status, **asked}

    part = {"type": "output_text", "text": answer.text, "annotations": []}
    items = [message("completed", part)]
    if answer.finish == "tool":
        items.append(call("completed", json.dumps(CALL[2])))
    base = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [], "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True,
        "temperature": None, "tool_choice": "auto", "tools": [], "top_p": None,
    }  # fmt: skip
    status = "incomplete" if answer.finish == "length" else "completed"
    reason = {"reason": "max_output_tokens"} if answer.finish == "length" else None
    whole = {**base, "status": status, "incomplete_details": reason, "output": items, "usage": RESPONSE_USAGE}
    if not is_streamed:
        return json.dumps(whole).encode()
    text = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "created", "response": {**base, "status": "in_progress"}},
        {"type": "output_item.added", "output_index": 0, "item": message("in_progress")},
        {"type": "content_part.added", **text, "part": {**part, "text": ""}},
        *({"type": "output_text.delta", **text, "delta": it, "logprobs": []} for it in halves(answer.text)),
        {"type": "output_text.done", **text, "text": answer.text, "logprobs": []},
        {"type": "content_part.done", **text, "part": part},
        {"type": "output_item.done", "output_index": 0, "item": items[0]},
    ]
    if answer.finish == "tool":
        asked, arguments = {"output_index": 1, "item_id": "fc_1"}, json.dumps(CALL[2])
        events += [
            {"type": "output_item.added", "output_index": 1, "item": call("in_progress", "")},
            *({"type": "function_call_arguments.delta", **asked, "delta": it} for it in halves(arguments)),
            {"type": "function_call_arguments.done", **asked, "name": CALL[1], "arguments": arguments},
            {"type": "output_item.done", "output_index": 1, "item": items[1]},
        ]
    events.append({"type": status, "response": whole})
    return sse(*({**it, "type": f"response.{it['type']}", "sequence_number": at} for at, it in enumerate(events)))


# ---- Anthropic messages


def message_turns(body: dict[str, Any]) -> Iterator[Turn]:
    for text in texts(body.get("system") or []):
        yield "system", text
    for message in body["messages"]:
        for part in parts(message["content"]):
            match part["type"]:
                case "text":
                    yield message["role"], part["text"]
                case "image":
                    yield "image", part["source"]["media_type"], part["source"]["data"]
                case "tool_use":
                    yield "call", part["id"], part["name"], part["input"]
                case "tool_result":
                    yield "result", part["tool_use_id"], "".join(texts(part["content"]))
    for tool in body.get("tools", ()):
        yield "tool", tool["name"], tool["input_schema"]


STOP_REASONS = {"stop": "end_turn", "tool": "tool_use", "length": "max_tokens"}


def message(answer: Answer, *, is_streamed: bool) -> bytes:
    usage = {"input_tokens": INPUT - CACHED, "cache_read_input_tokens": CACHED, "output_tokens": OUTPUT}
    base = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    stop = {"stop_reason": STOP_REASONS[answer.finish], "stop_sequence": None}
    use = {"type": "tool_use", "id": CALL[0], "name": CALL[1]}
    if not is_streamed:
        content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}]
        content += [{**use, "input": CALL[2]}] if answer.finish == "tool" else []
        return json.dumps({**base, **stop, "content": content, "usage": usage}).encode()
    begun = {**base, "stop_reason": None, "content": [], "usage": {**usage, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    events += block(
        0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": it} for it in halves(answer.text))
    )
    if answer.finish == "tool":
        pieces = halves(json.dumps(CALL[2]))
        events += block(
            1, {**use, "input": {}}, *({"type": "input_json_delta", "partial_json": it} for it in pieces)
        )
    events.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": OUTPUT}})
    return sse(*events, {"type": "message_stop"})


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


# ---- Gemini


def gemini_turns(body: dict[str, Any]) -> Iterator[Turn]:
    for part in body.get("systemInstruction", {}).get("parts", ()):
        yield "system", part["text"]
    for content in body["contents"]:
        for part in content["parts"]:
            match part:
                case {"functionCall": called}:
                    yield "call", called["id"], called["name"], called["args"]
                case {"functionResponse": given}:
                    yield "result", given["id"], given["response"]["output"]
                case {"inlineData": found}:
                    yield "image", found["mimeType"], found["data"]
                case {"text": text}:
                    yield "assistant" if content["role"] == "model" else "user", text
    for tools in body.get("tools", ()):
        for tool in tools["functionDeclarations"]:
            yield "tool", tool["name"], tool["parametersJsonSchema"]


GEMINI_USAGE = {
    "promptTokenCount": INPUT,
    "candidatesTokenCount": OUTPUT,
    "totalTokenCount": INPUT + OUTPUT,
    "cachedContentTokenCount": CACHED,
}


def gemini(answer: Answer, *, is_streamed: bool) -> bytes:
    finish = "MAX_TOKENS" if answer.finish == "length" else "STOP"
    called = {"functionCall": {"id": CALL[0], "name": CALL[1], "args": CALL[2]}}
    calls = [called] if answer.finish == "tool" else []

    def said(parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **more}
        return {"candidates": [candidate], "usageMetadata": GEMINI_USAGE, "modelVersion": "m"}

    if not is_streamed:
        return json.dumps(said([{"text": answer.text}, *calls], finishReason=finish)).encode()
    pieces = [said([{"text": it}]) for it in halves(answer.text)]
    return sse(*pieces, said([*calls, {"text": ""}], finishReason=finish))


# ---- Bedrock converse


def bedrock_turns(body: dict[str, Any]) -> Iterator[Turn]:
    for part in body.get("system", ()):
        yield "system", part["text"]
    for message in body["messages"]:
        for part in message["content"]:
            match part:
                case {"text": text}:
                    yield message["role"], text
                case {"image": found}:
                    yield "image", f"image/{found['format']}", found["source"]["bytes"]
                case {"toolUse": called}:
                    yield "call", called["toolUseId"], called["name"], called["input"]
                case {"toolResult": given}:
                    yield "result", given["toolUseId"], "".join(it["text"] for it in given["content"])
    for tool in body.get("toolConfig", {}).get("tools", ()):
        yield "tool", tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"]["json"]


def bedrock(answer: Answer, *, is_streamed: bool) -> bytes:
    usage = {"inputTokens": INPUT - CACHED, "outputTokens": OUTPUT, "totalTokens": INPUT + OUTPUT}
    usage["cacheReadInputTokens"] = CACHED
    reason = STOP_REASONS[answer.finish]
    use = {"toolUseId": CALL[0], "name": CALL[1]}
    if not is_streamed:
        content: list[dict[str, Any]] = [{"text": answer.text}]
        content += [{"toolUse": {**use, "input": CALL[2]}}] if answer.finish == "tool" else []
        output = {"message": {"role": "assistant", "content": content}}
        return json.dumps({"output": output, "stopReason": reason, "usage": usage}).encode()
    frames = [frame("messageStart", role="assistant")]
    frames += [frame("contentBlockDelta", contentBlockIndex=0, delta={"text": it}) for it in halves(answer.text)]
    frames.append(frame("contentBlockStop", contentBlockIndex=0))
    if answer.finish == "tool":
        frames.append(frame("contentBlockStart", contentBlockIndex=1, start={"toolUse": use}))
        frames += [
            frame("contentBlockDelta", contentBlockIndex=1, delta={"toolUse": {"input": it}})
            for it in halves(json.dumps(CALL[2]))
        ]
        frames.append(frame("contentBlockStop", contentBlockIndex=1))
    frames += [frame("messageStop", stopReason=reason), frame("metadata", usage=usage)]
    return b"".join(frames)


def frame(kind: str, **fields: Any) -> bytes:
    """A message of Amazon's event stream. Source: the event stream encoding of the AWS SDKs."""
    headers = b"".join(
        pack(">B", len(name)) + name.encode() + b"\x07" + pack(">H", len(value)) + value.encode()
        for name, value in ((":event-type", kind), (":message-type", "event"))
    )
    payload = json.dumps(fields).encode()
    prelude = pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + pack(">I", crc32(prelude)) + headers + payload
    return whole + pack(">I", crc32(whole))


# ---- Ollama


def ollama_turns(body: dict[str, Any]) -> Iterator[Turn]:
    for message in body["messages"]:
        if message["role"] == "tool":
            yield "result", message["tool_call_id"], message["content"]
            continue
        if message["content"]:
            yield message["role"], message["content"]
        for data in message.get("images", ()):
            yield "image", "image/png", data
        for call in message.get("tool_calls", ()):
            yield "call", call["id"], call["function"]["name"], call["function"]["arguments"]
    for tool in body.get("tools", ()):
        yield "tool", tool["function"]["name"], tool["function"]["parameters"]


def ollama(answer: Answer, *, is_streamed: bool) -> bytes:
    base = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}
    calls = (
        [{"id": CALL[0], "function": {"name": CALL[1], "arguments": CALL[2]}}] if answer.finish == "tool" else []
    )
    end = {
        "done": True,
        "done_reason": "length" if answer.finish == "length" else "stop",
        "prompt_eval_count": INPUT,
        "eval_count": OUTPUT,
    }
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if not is_streamed:
        return json.dumps({**base, "message": {**message, "tool_calls": calls}, **end}).encode()
    lines = [{**base, "message": {**message, "content": it}, "done": False} for it in halves(answer.text)]
    if calls:
        lines.append({**base, "message": {**message, "content": "", "tool_calls": calls}, "done": False})
    lines.append({**base, "message": {**message, "content": ""}, **end})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


# ---- the server


@dataclass(frozen=True)
class Wire:
    """`path` is the beginning of a path, and `media_type` that of a stream."""

    path: str
    turns: Callable[[dict[str, Any]], Iterator[Turn]]
    write: Callable[..., bytes]
    media_type: str = "text/event-stream"


WIRES = {
    "openai": Wire("/chat/completions", chat_turns, chat),
    "openai_responses": Wire("/responses", response_turns, response),
    "anthropic": Wire("/messages", message_turns, message),
    "gemini": Wire("/models/", gemini_turns, gemini),
    "bedrock": Wire("/model/", bedrock_turns, bedrock, "application/vnd.amazon.eventstream"),
    "ollama": Wire("/api/chat", ollama_turns, ollama, "application/x-ndjson"),
}
COUNTS_CACHED = frozenset(WIRES) - {"ollama"}
"""Vendors that say what was read from their prompt cache."""


@dataclass
class Six:
    """`answers_whole`: although a stream is asked for."""

    base_url: str = ""
    answers_whole: bool = False
    bodies: list[dict[str, Any]] = field(default_factory=list)
    turns: list[list[Turn]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        path = request.path_qs
        wire = next(it for it in WIRES.values() if path.startswith(it.path))
        body = json.loads(await request.read())
        turns = list(wire.turns(body))
        self.bodies.append(body)
        self.turns.append(turns)
        is_streamed = (bool(body.get("stream")) or "stream" in path) and not self.answers_whole
        said = [turn for turn in turns if turn[0] != "tool"]
        content = wire.write(answer_to(said), is_streamed=is_streamed)
        return web.Response(body=content, content_type=wire.media_type if is_streamed else "application/json")


@asynccontextmanager
async def six_vendors() -> AsyncIterator[Six]:
    six = Six()
    app = web.Application()
    app.router.add_post("/{path:.*}", six.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    six.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield six
    await runner.cleanup()


def parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content or []


def texts(content: Any) -> list[str]:
    return [part["text"] for part in parts(content)]


def image_at(url: str) -> Turn:
    head, _, data = url.partition(";base64,")
    return "image", head.removeprefix("data:"), data


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def sse(*events: dict[str, Any]) -> bytes:
    named = ((f"event: {event['type']}\n" if "type" in event else "", json.dumps(event)) for event in events)
    return "".join(f"{name}data: {data}\n\n" for name, data in named).encode()
