"""Amazon's binary event stream. Source: the Smithy specification, "Amazon Event Stream", 2026-10.

A message is a prelude (its length, the length of its headers, a checksum of the two), headers, a payload, and a
checksum of all that. Integers are big-endian, checksums CRC-32.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from steadyhand.errors import ProviderProtocol

Value = bool | int | str | bytes | datetime | UUID

_PRELUDE = Struct(">III")
_CHECKSUM = Struct(">I")
_LENGTH = Struct(">H")
_OVERHEAD = _PRELUDE.size + _CHECKSUM.size
_LONGEST = 24 * 2**20  # bytes of a message; the specification's limit
_LONGEST_HEADERS = 128 * 2**10

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _integer(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


_SIZED: Mapping[int, tuple[int, Callable[[bytes], Value]]] = {
    0: (0, lambda _: True),
    1: (0, lambda _: False),
    2: (1, _integer),
    3: (2, _integer),
    4: (4, _integer),
    5: (8, _integer),
    8: (8, lambda raw: _EPOCH + timedelta(milliseconds=_integer(raw))),
    9: (16, lambda raw: UUID(bytes=raw)),
}
"""Kinds of values that have one size, in bytes; 6 (bytes) and 7 (text) say theirs."""


class Message(NamedTuple):
    """One message. The names of headers that say what it is begin with a colon."""

    headers: Mapping[str, Value]
    payload: bytes


class Messages:
    """Turns bytes, cut anywhere, into whole messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = 0  # bytes until there is something to read

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes. Raises `ProviderProtocol` for a broken one, and for other bytes."""
        self._buffer += data
        if len(self._buffer) < self._needed:
            return []
        whole = bytes(self._buffer)
        found, start = [], 0
        while (length := _length(whole, start)) and start + length <= len(whole):
            found.append(_message(whole, start, length))
            start += length
        del self._buffer[:start]
        self._needed = length or _PRELUDE.size
        return found


def _length(data: bytes, start: int) -> int:
    """The length of the message that begins at `start`; 0 when its prelude is not whole yet."""
    if len(data) - start < _PRELUDE.size:
        return 0
    length, of_headers, checksum = _PRELUDE.unpack_from(data, start)
    if crc32(data[start : start + 8]) != checksum:
        raise ProviderProtocol("expected a message of Amazon's event stream; its first checksum does not hold")
    if not _OVERHEAD + of_headers <= length <= _LONGEST or of_headers > _LONGEST_HEADERS:
        raise ProviderProtocol(
            f"expected a message of at most {_LONGEST} bytes; found {length}, {of_headers} of headers"
        )
    return int(length)


def _message(data: bytes, start: int, length: int) -> Message:
    end = start + length - _CHECKSUM.size
    if crc32(data[start:end]) != _CHECKSUM.unpack_from(data, end)[0]:
        raise ProviderProtocol("expected a whole message of Amazon's event stream; its checksum does not hold")
    payload = start + _PRELUDE.size + _CHECKSUM.unpack_from(data, start + 4)[0]
    return Message(_headers(data[start + _PRELUDE.size : payload]), data[payload:end])


@lru_cache(maxsize=256)
def _headers(data: bytes) -> Mapping[str, Value]:
    """The headers; those of a stream's messages are few, and come again and again."""
    try:
        return dict(_each_header(data))
    except (IndexError, ValueError, OverflowError) as error:
        raise ProviderProtocol(
            f"expected headers of Amazon's event stream; found {data[:100]!r} ({error})"
        ) from None


def _each_header(data: bytes) -> Iterator[tuple[str, Value]]:
    at = 0
    while at < len(data):
        name, at = _taken(data, at + 1, data[at])
        kind = data[at]
        if kind in _SIZED:
            size, read = _SIZED[kind]
            raw, at = _taken(data, at + 1, size)
            yield name.decode(), read(raw)
        elif kind in {6, 7}:
            size_raw, at = _taken(data, at + 1, _LENGTH.size)
            raw, at = _taken(data, at, int.from_bytes(size_raw, "big"))
            yield name.decode(), raw if kind == 6 else raw.decode()
        else:
            raise ValueError(f"a value of kind {kind}")


def _taken(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(data):
        raise ValueError("cut off")
    return data[at : at + size], at + size
