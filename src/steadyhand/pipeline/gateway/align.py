"""Goes on with an answer that broke off, on another model, without a repeated or a lost character.

The client has `sent`. What the next model says is laid against it: a model that begins anew has to say `sent`
again, and only what follows it is passed on; a model that was given `sent` to continue may do so, or may begin anew
all the same, which shows in its first words.
"""

from typing import Literal

from steadyhand.errors import StreamBroken


class Diverged(StreamBroken):
    """The next model says something else than what the client was sent."""


class Aligner:
    """`continues`: the model was asked to continue `sent`, whose trailing white space it was not shown.

    `feed` gives the text to pass on, `end` what is left once the model has said all. Both raise `Diverged`.
    """

    def __init__(self, sent: str, *, continues: bool) -> None:
        self._sent = sent
        self._continues = continues
        self._gap = sent[len(sent.rstrip()) :] if continues else ""
        self.heard = ""
        self._state: Literal["open", "through"] = "open" if sent else "through"

    def feed(self, text: str) -> str:
        """What of the model's next words the client has not had yet."""
        if self._state == "through":
            return text
        self.heard += text
        if len(self.heard) < len(self._sent) and self._sent.startswith(self.heard):
            return ""  # an echo so far
        self._state = "through"
        if self.heard.startswith(self._sent):
            return self.heard[len(self._sent) :]
        return self._continued()

    def end(self) -> str:
        """What was held back as a possible echo. A model that began anew has to have come as far as the client."""
        if self._state == "through":
            return ""
        self._state = "through"
        return self._continued()

    def _continued(self) -> str:
        if not self._continues:
            raise Diverged(
                f"the next model answers differently after {self._common()} characters that agree",
                hint="let clients accept a reset, or name models that continue an answer",
            )
        return self.heard.removeprefix(self._gap)

    def _common(self) -> int:
        pairs = zip(self._sent, self.heard, strict=False)
        return next((at for at, (one, other) in enumerate(pairs) if one != other), len(self.heard))
