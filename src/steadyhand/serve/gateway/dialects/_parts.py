"""Parts of a conversation, as all dialects of clients say them."""

from collections.abc import Iterable, Mapping
from typing import Literal

from steadyhand.errors import InvalidInput
from steadyhand.serve.gateway.dialects._fields import Fields
from steadyhand.types.json import Json
from steadyhand.types.message import Media, Message, Part, Role, ToolCall, ToolChoice, ToolResult
from steadyhand.types.model import Effort
from steadyhand.types.text import Origin, Segment

CARRIED = "extra_content"
"""The field of a tool call or a thought that brings a vendor what it wants back; clients return it untouched."""

DETAILS = "reasoning_details"
"""The same for thoughts, as OpenRouter and those who follow it began it."""

_EFFORTS: Mapping[str, Effort] = {
    "none": "none",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
_CHOICES: Mapping[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}


def segment(text: str, origin: Origin, path: str) -> Segment:
    """A text of a client: whoever wrote it, nobody vouches for it."""
    return Segment(text, origin, "untrusted", "internal", path)


def media(url: str, media_type: str, name: str = "") -> Media:
    """What lies behind a URL, which may hold the bytes itself: `data:image/png;base64,…`."""
    if not url.startswith("data:"):
        return Media(media_type, url=url, name=name)
    head, _, content = url[5:].partition(",")
    return Media(head.partition(";")[0] or media_type, data=content, name=name)


def effort(level: str, place: str) -> Effort:
    """The levels of all vendors; those above `high` are `high`."""
    if level and level not in _EFFORTS:
        raise InvalidInput(f"{place}: expected one of {', '.join(_EFFORTS)}; found {level!r}")
    return _EFFORTS.get(level, "")


def tool_choice(mode: str, name: str, place: str, is_parallel: bool | None) -> ToolChoice | None:
    """`mode` is a word of any vendor, "" when nothing was said; `name` is the tool that must be called."""
    if name:
        return ToolChoice("tool", name, is_parallel)
    if not mode:
        return None if is_parallel is None else ToolChoice(is_parallel=is_parallel)
    if mode not in _CHOICES:
        raise InvalidInput(f"{place}: expected one of {', '.join(_CHOICES)} or a tool; found {mode!r}")
    return ToolChoice(_CHOICES[mode], is_parallel=is_parallel)


def carried(fields: Fields) -> dict[str, Json]:
    """What a vendor wants back."""
    return fields.inner(CARRIED).rest()


def unsupported(place: str, found: str, expected: str) -> InvalidInput:
    """The refusal of a kind of part, tool or item that other vendors could not be told of."""
    return InvalidInput(
        f"{place}: expected {expected}; found {found!r}",
        hint="what only its own vendor keeps or runs, such as uploaded files and hosted tools, is not offered here",
    )


class Conversation:
    """Messages as they are read."""

    def __init__(self) -> None:
        self._turns: list[tuple[Role, list[Part]]] = []
        self._tools: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, role: Role, *parts: Part) -> None:
        """The next turn. What tools gave, and what an assistant did beside its text, joins the turn before.

        Most vendors want the results of parallel calls in one turn, and a call in the turn of the text before it.
        """
        for part in parts:
            if isinstance(part, ToolCall):
                self._tools[part.id] = part.name
        if self._turns and self._belongs(role, parts):
            self._turns[-1][1].extend(parts)
        else:
            self._turns.append((role, list(parts)))

    def tool(self, call_id: str) -> str:
        """The name of the tool that was called with this id; "" when it is not known."""
        return self._tools.get(call_id, "")

    def messages(self) -> tuple[Message, ...]:
        return tuple(Message(role, tuple(parts)) for role, parts in self._turns)

    def _belongs(self, role: Role, parts: tuple[Part, ...]) -> bool:
        last, said = self._turns[-1]
        if role != last or role == "system":
            return False
        if role == "user":
            return all(isinstance(part, ToolResult) for part in (*said, *parts))
        return not (_has_text(said) and _has_text(parts))


def _has_text(parts: Iterable[Part]) -> bool:
    return any(isinstance(part, Segment) for part in parts)
