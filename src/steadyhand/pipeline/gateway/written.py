"""Writes what a model says in the client's dialect, behind what the client has of the answer."""

from collections.abc import Callable

from steadyhand.pipeline.gateway.align import Aligner, Diverged
from steadyhand.pipeline.gateway.booking import Part
from steadyhand.pipeline.gateway.visit import Visit
from steadyhand.types.message import Delta, ReasoningDelta, TextDelta
from steadyhand.types.model import Completion


class Written:
    """What one model says. `continues`: it was given what the client has, to go on with it.

    Where the answer cannot go on, a client that accepts it is told to forget what it has; for any other `Diverged`
    is raised.
    """

    def __init__(self, visit: Visit, *, continues: bool) -> None:
        self._visit = visit
        self._writer = visit.writes()
        self._aligner = Aligner("" if visit.is_stuck else visit.sent, continues=continues)
        self._has_begun = False
        self._has_called = False
        self._came: list[str] = []
        self._said: list[str] = []  # of the text, what was passed on

    def take(self, delta: Delta) -> bytes:
        """What of it the client has not had. Thoughts before a text that it has are not told again."""
        visit, begun = self._visit, self._begun()
        self._came.append(delta.content)
        if isinstance(delta, TextDelta):
            visit.is_stuck = self._has_called
            return begun + self._text(lambda: self._aligner.feed(delta.text))
        if isinstance(delta, ReasoningDelta):
            if visit.sent:
                return begun
            visit.is_stuck = True
            return begun + self._writer.delta(delta)
        before = self._text(self._aligner.end)
        visit.is_stuck = self._has_called = True
        return begun + before + self._writer.delta(delta)

    def finish(self, completion: Completion) -> tuple[bytes, bytes, Completion]:
        """What is left, what ends the answer, and the answer with what the client had before."""
        left = self._begun() + self._text(self._aligner.end)
        whole = self._visit.together(completion, "".join(self._said))
        return left, self._writer.end(whole), whole

    def part(self) -> Part:
        """What has come, if it is not all."""
        return Part(tuple(self._came), "".join(self._said))

    def _begun(self) -> bytes:
        """What stands before the first piece of this model."""
        if self._has_begun:
            return b""
        self._has_begun = True
        if not self._visit.has_begun:
            return self._writer.begin()
        return self._void() if self._visit.is_stuck else b""

    def _text(self, read: Callable[[], str]) -> bytes:
        void = b""
        try:
            text = read()
        except Diverged:
            if not self._visit.call.accepts_reset:
                raise
            void, text = self._void(), self._aligner.heard
        if not text:
            return void
        self._said.append(text)
        return void + self._writer.delta(TextDelta(text))

    def _void(self) -> bytes:
        self._visit.sent, self._visit.is_stuck = "", False
        return self._writer.reset()
