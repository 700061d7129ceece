"""The content of an answer that comes in numbered blocks, as it grows: text, thoughts and calls of tools.

A call of the tool that stands for the answer (`_answer_tool.py`) is read as text.
"""

import msgspec

from steadyhand.providers.dialects._answer_tool import is_answer_tool
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Delta, Reasoning, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta
from steadyhand.types.model import FinishReason


class _Thought:
    __slots__ = ("data", "pieces", "signature")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.signature = ""
        self.data = ""

    def finished(self) -> Reasoning:
        opaque: JsonObject = {"data": self.data} if self.data else {}
        if self.signature:
            opaque["signature"] = self.signature
        return Reasoning("".join(self.pieces), opaque)


class _Call:
    __slots__ = ("id", "name", "number", "pieces")

    def __init__(self, number: int, call_id: str, name: str) -> None:
        self.number = number  # among the calls; below 0 for the answer itself
        self.id = call_id
        self.name = name
        self.pieces: list[str] = []


class Blocks:
    """What each method takes in, it gives back as the delta to pass on; None where there is nothing to pass on."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._thoughts: dict[int, _Thought] = {}
        self._calls: dict[int, _Call] = {}
        self._has_answered = False  # by the tool that stands for the answer

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        asked = [call for call in self._calls.values() if call.number >= 0]
        return tuple(ToolCall(call.id, call.name, "".join(call.pieces) or "{}") for call in asked)

    @property
    def thoughts(self) -> tuple[Reasoning, ...]:
        found = [thought.finished() for thought in self._thoughts.values()]
        return tuple(thought for thought in found if thought.text or thought.opaque)

    def finish(self, told: FinishReason) -> FinishReason:
        """Why the answer ended, `told` by the vendor: calling the tool that stands for the answer is no call."""
        return "stop" if told == "tool" and self._has_answered and not self.calls else told

    def say(self, piece: str) -> Delta | None:
        """A piece of the answer's text."""
        if not piece:
            return None
        self._texts.append(piece)
        return TextDelta(piece)

    def think(self, index: int, piece: str) -> Delta | None:
        """A piece of a thought."""
        self._thought(index).pieces.append(piece)
        return ReasoningDelta(piece) if piece else None

    def keep(self, index: int, *, signature: str = "", data: str = "") -> None:
        """A piece of what the vendor wants back with a thought: its signature, or all that is shown of it."""
        thought = self._thought(index)
        thought.signature += signature
        thought.data += data

    def call(self, index: int, call_id: str, name: str) -> Delta | None:
        """The beginning of a call."""
        if is_answer_tool(name):
            self._has_answered = True
            self._calls[index] = _Call(-1, call_id, name)
            return None
        number = sum(call.number >= 0 for call in self._calls.values())
        self._calls[index] = _Call(number, call_id, name)
        return ToolCallDelta(number, call_id, name, "")

    def argue(self, index: int, piece: str) -> Delta | None:
        """A piece of the arguments of a call; nothing where block `index` is no call."""
        call = self._calls.get(index)
        if call is None or not piece:
            return None
        call.pieces.append(piece)
        return self.say(piece) if call.number < 0 else ToolCallDelta(call.number, "", "", piece)

    def close(self, index: int, whole: Json = None) -> Delta | None:
        """The end of a block. Arguments that did not come in pieces are `whole`, or an empty object."""
        call = self._calls.get(index)
        if call is None or call.pieces:
            return None
        return self.argue(index, msgspec.json.encode({} if whole is None else whole).decode())

    def _thought(self, index: int) -> _Thought:
        return self._thoughts.setdefault(index, _Thought())
