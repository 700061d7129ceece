"""A conversation as vendors take it that want the turns of user and assistant to alternate.

- The system's texts are taken out, in their order; where nothing else was said, they become the user's turn.
- Neighbours of one role become one turn. Results of tools come first in it, as they must follow their calls.
- Texts that lie side by side in a message are one text; blank ones, which vendors refuse, are left out.
- Thoughts go back only with what their vendor signed them with: `opaque` holds a `signature`, or the `data` of a
  thought that was not shown. Claude's are the same at Anthropic and at Amazon. Thoughts of others are left out.
- Where the last turn is the assistant's, the answer continues it. White space at its end, which vendors refuse, is
  left out: the model continues the text before it and may write that white space again. Whoever joins the two
  compares what begins the answer with what ended the text, so that no character is lost or doubled.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from steadyhand.types.message import Message, Part, Reasoning, Role, ToolCall, ToolResult
from steadyhand.types.text import Segment


@dataclass(frozen=True, slots=True)
class Conversation:
    """`stable` is the last part, by identity, that stays the same from call to call; None when nothing does."""

    system: list[Part]
    turns: list[tuple[Role, list[Part]]]
    stable: Part | None

    @property
    def is_begun(self) -> bool:
        """Is the answer to continue what the assistant said last?"""
        return bool(self.turns) and self.turns[-1][0] == "assistant"

    @property
    def tool_names(self) -> list[str]:
        """The tools that were called, each once."""
        parts = [part for _, turn in self.turns for part in turn]
        return list(dict.fromkeys(part.name for part in parts if isinstance(part, ToolCall)))


def alternating(messages: tuple[Message, ...], stable_messages: int) -> Conversation:
    """The conversation; its first `stable_messages` messages are the same from call to call."""
    said = [(message.role, _parts(message.parts)) for message in messages]
    system = [part for role, parts in said if role == "system" for part in parts if isinstance(part, Segment)]
    stable = _last_stable(said, stable_messages)
    turns: list[tuple[Role, list[Part]]] = []
    spoken = [(role, parts) for role, parts in said if role != "system" and parts]
    for role, group in groupby(spoken, key=lambda each: each[0]):
        parts = [part for _, each in group for part in each]
        turns.append((role, sorted(parts, key=lambda part: not isinstance(part, ToolResult))))
    turns = _stripped(turns)
    if not turns:
        return Conversation([], [("user", [*system])] if system else [], stable)
    return Conversation([*system], turns, stable)


def _parts(parts: Iterable[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Segment) and found and isinstance(found[-1], Segment):
            found[-1] = replace(found[-1], text=found[-1].text + part.text)
        elif not isinstance(part, Reasoning) or part.opaque.keys() & {"signature", "data"}:
            found.append(part)
    return [part for part in found if not isinstance(part, Segment) or part.text.strip()]


def _last_stable(said: list[tuple[Role, list[Part]]], stable_messages: int) -> Part | None:
    """The last part of the stable messages that may carry a mark.

    The system's messages go first: one that comes later and changes leaves only those before it stable.
    """
    is_steady = all(role != "system" for role, _ in said[stable_messages:])
    marked = [
        part
        for role, parts in said[:stable_messages]
        for part in parts
        if (is_steady or role == "system") and not isinstance(part, Reasoning)
    ]
    return marked[-1] if marked else None


def _stripped(turns: list[tuple[Role, list[Part]]]) -> list[tuple[Role, list[Part]]]:
    """The turns without white space at the end of what the assistant began."""
    if not turns or turns[-1][0] != "assistant":
        return turns
    *before, (role, parts) = turns
    last = parts[-1]
    if isinstance(last, Segment):
        parts = [*parts[:-1], replace(last, text=last.text.rstrip())]
    return [*before, (role, parts)]
