"""What was said in a gateway call: who said which words, read from the request as the ledger keeps it.

For people who look at a run. It reads any dialect loosely and refuses nothing; what is no text stands in brackets.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class Turn(NamedTuple):
    """`speaker` is the word of the dialect: system, user, assistant, tool …"""

    speaker: str
    text: str


def turns(prompt: str) -> tuple[Turn, ...]:
    """The turns of a chat completion, a response, a message or an embedding, in order; none of other texts."""
    request = _read(prompt)
    if isinstance(request, list):  # the texts that were to be embedded
        return tuple(Turn("text", text) for text in request if isinstance(text, str))
    return tuple(_of_request(request)) if isinstance(request, dict) else ()


def asked_model(prompt: str) -> str:
    """The name by which the client asked for a model; "" where it cannot be told."""
    request = _read(prompt)
    model = request.get("model") if isinstance(request, dict) else None
    return model if isinstance(model, str) else ""


def _read(prompt: str) -> object:
    try:
        return json.loads(prompt)
    except (ValueError, RecursionError):
        return None


def _of_request(request: dict[str, Any]) -> Iterator[Turn]:
    for name in ("system", "instructions"):
        if text := _text(request.get(name)):
            yield Turn("system", text)
    said = request.get("messages", request.get("input"))
    if isinstance(said, str):
        yield Turn("user", said)
    for message in said if isinstance(said, list) else ():
        if isinstance(message, dict):
            text = "\n".join(filter(None, (_text(message.get("content")), *_calls(message))))
            yield Turn(str(message.get("role") or message.get("type") or "user"), text)


def _calls(message: dict[str, Any]) -> Iterator[str]:
    """Of tools, which two dialects keep beside the content."""
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        yield _text(call)
    if "content" not in message:
        yield _text(message)


def _text(content: object) -> str:
    match content:
        case str():
            said = content
        case list():
            said = "\n".join(filter(None, map(_text, content)))
        case {"text": str(text)}:
            said = text
        case {"function": {"name": str(name), "arguments": given}} | {"name": str(name), "arguments": given}:
            said = f"[calls {name} {given}]"
        case {"type": "tool_use", "name": str(name), "input": given}:
            said = f"[calls {name} {json.dumps(given, ensure_ascii=False)}]"
        case {"content": inner} | {"output": inner}:
            said = _text(inner)
        case {"type": str(kind)}:
            said = f"[{kind}]"
        case _:
            said = ""
    return said
