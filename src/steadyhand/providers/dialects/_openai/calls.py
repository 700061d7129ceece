"""Tool calls in the OpenAI chat dialect, put together from pieces.

Vendors differ: some count the calls (`index`), some do not, Gemini's server has counted every one as 0; ids and
names may come late, or again with every piece; arguments come as text or as an object.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from steadyhand.types.json import Json
from steadyhand.types.message import ToolCall, ToolCallDelta


class Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The arguments as JSON text, or the piece of it that came."""
        if isinstance(self.arguments, dict):
            return msgspec.json.encode(self.arguments).decode()
        return self.arguments or ""


class Piece(msgspec.Struct):
    """A call, or a piece of one. `extra_content` holds Gemini's signature of the thought behind it."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: dict[str, Any] | None = None


@dataclass(slots=True)
class _Call:
    """`given` is the id the vendor gave; `id` the one that was told, and stays."""

    index: int
    given: str = ""
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    opaque: dict[str, Json] = field(default_factory=dict)


class Calls:
    """Gathers the tool calls of one answer."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._counted: dict[int, _Call] = {}

    def take(self, piece: Piece, answer: str) -> ToolCallDelta | None:
        """What is news of a call. None until its name is known.

        A call that has no id then is given one, made from `answer`, the id of the whole answer.
        """
        function = piece.function or Function()
        call = self._find(piece, function.name) or self._begun(piece)
        call.given = call.given or piece.id or ""
        call.name = call.name or function.name or ""
        if piece.extra_content:
            call.opaque["extra_content"] = piece.extra_content
        if function.text:
            call.arguments.append(function.text)
        if call.id:
            return ToolCallDelta(call.index, "", "", function.text) if function.text else None
        if not call.name:
            return None
        call.id = call.given or f"call_{answer}_{call.index}"
        return ToolCallDelta(call.index, call.id, call.name, "".join(call.arguments))

    def finished(self) -> tuple[ToolCall, ...]:
        """The calls in the order in which they began."""
        return tuple(
            ToolCall(call.id or call.given, call.name, "".join(call.arguments), call.opaque) for call in self._calls
        )

    def _find(self, piece: Piece, name: str | None) -> _Call | None:
        """The call that the piece belongs to; None when a new one begins, which only one with a name can do."""
        if piece.index is not None:
            call = self._counted.get(piece.index)
        else:
            call = next((call for call in self._calls if piece.id and call.given == piece.id), None)
            call = call or (self._calls[-1] if self._calls else None)
        if call is None or not name or not call.name:
            return call
        is_other = bool(piece.id and call.given and piece.id != call.given)
        is_uncounted = piece.index is None and not piece.id
        return None if is_other or is_uncounted else call

    def _begun(self, piece: Piece) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        if piece.index is not None:
            self._counted[piece.index] = call
        return call


def whole_calls(pieces: list[Piece], answer: str) -> tuple[ToolCall, ...]:
    """The calls of an answer that came in one piece: each entry is one, whatever its index says."""
    calls = Calls()
    for index, piece in enumerate(pieces):
        piece.index = index
        calls.take(piece, answer)
    return calls.finished()
