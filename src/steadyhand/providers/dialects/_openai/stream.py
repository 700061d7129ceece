"""Reads a streamed answer of the OpenAI chat dialect."""

from contextlib import suppress

from steadyhand.errors import ProviderProtocol
from steadyhand.providers.dialects._faults import broken_off
from steadyhand.providers.dialects._openai.calls import Calls
from steadyhand.providers.dialects._openai.faults import raise_for_reply
from steadyhand.providers.dialects._openai.reasoning import Thoughts
from steadyhand.providers.dialects._openai.reply import (
    Choice,
    Counts,
    Message,
    Reply,
    finish_reason,
    read,
    refusal_as_unknown,
    unknown,
    usage,
)
from steadyhand.providers.dialects._sse import Events
from steadyhand.types.json import JsonObject
from steadyhand.types.message import Delta, ReasoningDelta, TextDelta
from steadyhand.types.model import Completion


class Stream:
    """Reads one streamed answer; `feed` raises for an error that a vendor sends after its status 200.

    Fields that nobody here knows are kept from the first chunk and from those at the end, not from every piece.
    """

    def __init__(self) -> None:
        self._events = Events()
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._thoughts = Thoughts()
        self._calls = Calls()
        self._counts: Counts | None = None
        self._id = ""
        self._model = ""
        self._has_begun = False
        self._finish = ""
        self._extra: JsonObject = {}
        self.is_done = False

    def feed(self, data: bytes) -> list[Delta]:
        """What `data` completes; it may be cut anywhere, also inside a character."""
        found: list[Delta] = []
        for event in self._events.feed(data):
            self._take(event, found)
        return found

    def finish(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when the stream broke off before its end."""
        with suppress(ProviderProtocol):  # half a line
            for event in self._events.rest():
                self._take(event, [])
        reasoning, calls = self._thoughts.finished(), self._calls.finished()
        if not self.is_done and not self._finish:
            raise broken_off(sum(map(len, self._texts)))
        if not (self._finish or self._texts or calls or reasoning):
            raise ProviderProtocol("expected an answer with a choice; found a stream without one")
        refusal = "".join(self._refusals)
        return Completion(
            text="".join(self._texts),
            tool_calls=calls,
            reasoning=reasoning,
            usage=usage(self._counts),
            finish=finish_reason(self._finish, is_refusal=bool(refusal), has_calls=bool(calls)),
            model=self._model,
            id=self._id,
            extra=self._extra | refusal_as_unknown(refusal),
        )

    def _take(self, event: bytes, found: list[Delta]) -> None:
        if self.is_done or (event[:1] != b"{" and self._is_mark(event)):
            return
        chunk = read(event)
        choices = chunk.choices
        if not choices or choices[0].finish_reason or chunk.error or chunk.x_groq or not self._has_begun:
            self._take_around(chunk, event)
        if chunk.usage:
            self._counts = chunk.usage
        for choice in choices or ():
            if not choice.index:  # others are second answers, which were not asked for
                self._take_choice(choice, found)

    def _is_mark(self, event: bytes) -> bool:
        """Is it the end, or nothing? Else it is JSON of a strange form."""
        mark = event.strip()
        self.is_done = mark == b"[DONE]"
        return self.is_done or not mark

    def _take_around(self, chunk: Reply, event: bytes) -> None:
        """What the first chunk and the last ones say of the whole answer."""
        raise_for_reply(chunk.fault)
        self._counts = chunk.counts or self._counts
        extra = unknown(event)
        if not chunk.choices and chunk.counts is None and "message" in extra:
            raise_for_reply(extra)
        self._has_begun = True
        self._extra |= extra
        self._id = self._id or chunk.id or ""
        self._model = self._model or chunk.model or ""

    def _take_choice(self, choice: Choice, found: list[Delta]) -> None:
        if choice.error:
            raise_for_reply(choice.error)
        if choice.finish_reason:
            self._finish = choice.finish_reason
        if choice.delta is not None:
            self._take_message(choice.delta, found)

    def _take_message(self, message: Message, found: list[Delta]) -> None:
        if message.has_thoughts and (thought := self._thoughts.take(message)):
            found.append(ReasoningDelta(thought))
        if text := message.text:
            self._texts.append(text)
            found.append(TextDelta(text))
        if message.refusal:
            self._refusals.append(message.refusal)
        if message.tool_calls:
            news = (self._calls.take(piece, self._id) for piece in message.tool_calls)
            found.extend(delta for delta in news if delta)
