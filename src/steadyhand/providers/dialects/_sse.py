"""Server-sent events, as far as model vendors use them. Source: the HTML standard, section 9.2.

Lines end with LF or CRLF (a lone CR, which the standard allows, is used by no vendor). Only `data` is read;
comments, which some vendors send to keep a connection open, are passed over.
"""

from collections.abc import Iterator


class Events:
    """Turns bytes, cut anywhere, into the `data` of whole events."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data of every event that `data` completes."""
        if b"\n" not in data:
            self._line += data
            return
        first, *lines = data.split(b"\n")
        self._line += first
        lines.insert(0, bytes(self._line))
        self._line = bytearray(lines.pop())
        for line in lines:
            yield from self._read(line.removesuffix(b"\r"))

    def rest(self) -> Iterator[bytes]:
        """The data of an event whose last line or empty line is missing because the stream ended."""
        yield from self._read(bytes(self._line))
        yield from self._read(b"")

    def _read(self, line: bytes) -> Iterator[bytes]:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line and self._data:
            event = b"\n".join(self._data)
            self._data = []
            yield event
