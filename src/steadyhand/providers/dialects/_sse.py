"""Server-sent events, as far as model vendors use them. Source: the HTML standard, section 9.2.

Lines end with LF or CRLF (a lone CR, which the standard allows, is used by no vendor). Only `data` is read;
comments, which some vendors send to keep a connection open, are passed over.
"""


class Events:
    """Turns bytes, cut anywhere, into the `data` of whole events."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The data of every event that `data` completes."""
        if not self._line and not self._data and (events := _plain(data)):
            return events
        if b"\n" not in data:
            self._line += data
            return []
        if self._line:
            data = bytes(self._line) + data
        *lines, rest = data.split(b"\n")
        self._line = bytearray(rest)
        return self._read(lines)

    def rest(self) -> list[bytes]:
        """The data of an event whose last line or empty line is missing because the stream ended."""
        lines, self._line = [bytes(self._line), b""], bytearray()
        return self._read(lines)

    def _read(self, lines: list[bytes]) -> list[bytes]:
        events, data = [], self._data
        for whole in lines:
            line = whole[:-1] if whole[-1:] == b"\r" else whole
            if line[:5] == b"data:":
                data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line and data:
                events.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
        return events


def _plain(data: bytes) -> list[bytes]:
    """The events, found fast, of bytes that are whole events of one `data` line each, as most are; else none."""
    if data[:6] != b"data: " or data[-2:] != b"\n\n" or b"\r" in data:
        return []
    events = data[6:-2].split(b"\n\ndata: ")
    return events if data.count(b"\n") == 2 * len(events) else []
