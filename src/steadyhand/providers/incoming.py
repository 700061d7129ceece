"""Reads one HTTP/1.1 answer from bytes that are cut anywhere. No I/O; the parser is llhttp, by httptools."""

import httptools

from steadyhand.errors import ProviderProtocol
from steadyhand.providers.reply import Limits, too_large


class Incoming:
    """What has come of an answer. `place` names the server in messages.

    `raw_headers` are complete when `status` is not 0. `keeps_alive` holds once the answer is complete and nothing
    speaks against another over the same connection. `received_bytes` and `unread_bytes` include what frames the
    body.
    """

    __slots__ = (
        "_limits",
        "_parser",
        "_parts",
        "_place",
        "is_complete",
        "keeps_alive",
        "on_body",
        "raw_headers",
        "received_bytes",
        "status",
        "unread_bytes",
    )

    def __init__(self, place: str, limits: Limits) -> None:
        self.status = 0
        self.raw_headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self.keeps_alive = False
        self.received_bytes = 0
        self.unread_bytes = 0
        self._place = place
        self._limits = limits
        self._parts: list[bytes] = []
        self.on_body = self._parts.append
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    @property
    def has_body(self) -> bool:
        """Is there something of the body to be taken?"""
        return bool(self._parts)

    def feed(self, data: bytes) -> None:
        """Read on. Raises `ProviderProtocol` for what is no HTTP, or is larger than allowed."""
        assert self._parser is not None, "a complete answer is not read on"
        size = len(data)
        self.received_bytes += size
        self.unread_bytes += size
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.keeps_alive = False
            if not self.is_complete:
                raise ProviderProtocol(f"expected HTTP of {self._place}; found something else ({error})") from None
        if self.received_bytes > self._limits.head_bytes:
            self._require_bounds()
        if self.is_complete:
            self._parser = None  # which knows us: a circle would wait for the garbage collector

    def end(self) -> bool:
        """The connection has ended properly: is the answer complete, where nothing else marks its end?"""
        if self.status and not self.is_complete:
            headers = {name.lower(): value for name, value in self.raw_headers}
            coding = headers.get(b"transfer-encoding")
            self.is_complete = (
                not coding.lower().endswith(b"chunked") if coding else b"content-length" not in headers
            )
        return self.is_complete

    def take(self) -> bytes:
        """The body that has come since it was taken last."""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self.unread_bytes = 0
        return data

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError("more answers than requests")  # ends the parsing

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # a trailer says nothing that is needed
            self.raw_headers.append((name, value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            self.raw_headers.clear()  # "100 Continue" and its like count for nothing
        else:
            self.status = status

    def on_message_complete(self) -> None:
        if self.status:
            assert self._parser is not None
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive()

    def _require_bounds(self) -> None:
        if not self.status:
            limit = self._limits.head_bytes
            raise ProviderProtocol(f"expected headers of at most {limit} bytes; found larger ones")
        if self.received_bytes > self._limits.body_bytes:
            raise too_large(self._limits.body_bytes)
