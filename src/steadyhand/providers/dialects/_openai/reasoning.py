"""Thoughts in the OpenAI chat dialect, which knows none: every vendor adds a field of its own.

| vendor                             | field of the message                                      |
|------------------------------------|-----------------------------------------------------------|
| DeepSeek, Z.ai, Moonshot, SGLang   | `reasoning_content`, text                                  |
| Groq, Cerebras, Together, vLLM     | `reasoning`, text                                          |
| OpenRouter                         | `reasoning`, and `reasoning_details` to give back unchanged |
| Mistral                            | parts of the type `thinking` in `content`, before the text |

Source: recorded answers of these vendors. Which field it was is kept in `Reasoning.opaque`, as
`{"field": ...}` or `{"reasoning_details": [...]}`.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Reasoning

_FIELDS = ("reasoning_content", "reasoning")
_GROWING = ("text", "summary")  # what the pieces of a detail have to be put together from


class Thoughtful(msgspec.Struct):
    """What a message may hold of thoughts. Types are checked later: no answer is lost for a strange thought."""

    content: str | list[dict[str, Any]] | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None

    @property
    def has_thoughts(self) -> bool:
        """May there be some? Asked for every piece of every stream."""
        return bool(
            self.reasoning_content or self.reasoning or self.reasoning_details or isinstance(self.content, list)
        )


class Thoughts:
    """Gathers the thoughts of one answer, whole or in pieces."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._field = ""
        self._details: list[dict[str, Json]] = []

    def take(self, message: Thoughtful) -> str:
        """The text of the thought in this message or piece of one; "" when there is none."""
        if isinstance(message.reasoning_details, list):
            self._add(message.reasoning_details)
        field, text = _found(message)
        if text:
            self._field = field
            self._texts.append(text)
        return text

    def finished(self) -> tuple[Reasoning, ...]:
        """The whole thought, with what its vendor wants back."""
        text = "".join(self._texts)
        if self._details:
            return (Reasoning(text, {"reasoning_details": [*self._details]}),)
        return (Reasoning(text, {"field": self._field}),) if text else ()

    def _add(self, details: list[Any]) -> None:
        """Join a detail to the last one when it goes on with it; those of one message are apart already."""
        last = self._details[-1] if self._details else {}
        for detail in details:
            if not isinstance(detail, dict):
                continue
            if _goes_on(last, detail):
                last |= {name: f"{last.get(name) or ''}{detail[name]}" for name in _GROWING if detail.get(name)}
                last |= {name: value for name, value in detail.items() if value and name not in _GROWING}
            else:
                self._details.append(dict(detail))


def given_back(thoughts: Iterable[Reasoning], text: str) -> JsonObject:
    """The fields of an assistant's message, whose visible text is `text`, that give its thoughts back.

    A thought goes into the field it came from; one of which nothing is known into the most common. What another
    dialect gave is left out.
    """
    out: JsonObject = {}
    for thought in thoughts:
        field = thought.opaque.get("field", "" if thought.opaque else "reasoning_content")
        if "reasoning_details" in thought.opaque:
            out["reasoning_details"] = thought.opaque["reasoning_details"]
        elif field == "content":
            thinking: Json = {"type": "thinking", "thinking": [{"type": "text", "text": thought.text}]}
            out["content"] = [thinking, {"type": "text", "text": text}] if text else [thinking]
        elif field in _FIELDS:
            out[str(field)] = thought.text
    return out


def _found(message: Thoughtful) -> tuple[str, str]:
    """The field with the thought, and its text. Some vendors send two fields with the same text."""
    for field, value in zip(_FIELDS, (message.reasoning_content, message.reasoning), strict=True):
        if isinstance(value, str) and value:
            return field, value
    if isinstance(message.content, list):
        thinking = [part.get("thinking") for part in message.content if part.get("type") == "thinking"]
        return "content", "".join(map(_text, thinking))
    if isinstance(message.reasoning_details, list):
        shown = [detail for detail in message.reasoning_details if isinstance(detail, dict)]
        return "", "".join(str(detail.get(name) or "") for detail in shown for name in _GROWING)
    return "", ""


def _text(thinking: object) -> str:
    if isinstance(thinking, list):
        return "".join(str(part.get("text") or "") for part in thinking if isinstance(part, dict))
    return thinking if isinstance(thinking, str) else ""


def _goes_on(last: dict[str, Json], detail: dict[str, Any]) -> bool:
    kind, index = detail.get("type"), detail.get("index")
    return kind in {"reasoning.text", "reasoning.summary"} and (last.get("type"), last.get("index")) == (
        kind,
        index,
    )
