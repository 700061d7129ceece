"""The properties of an Outlook message, of its recipients and of its attachments. Source: MS-OXMSG, MS-OXPROPS."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import islice

import olefile

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._decode import of_code_page
from steadyhand.knowledge.readers._encodings import guessed

SUBJECT, MESSAGE_CLASS, MESSAGE_ID = 0x0037, 0x001A, 0x1035
BODY, HTML, RTF = 0x1000, 0x1013, 0x1009
SENDER_NAME, SENDER_ADDRESS, SENDER_SMTP, REPRESENTED_SMTP = 0x0C1A, 0x0C1F, 0x5D01, 0x5D02
SUBMITTED, DELIVERED = 0x0039, 0x0E06
NAME, ADDRESS, SMTP_ADDRESS, RECIPIENT_TYPE = 0x3001, 0x3003, 0x39FE, 0x0C15
FILE_NAME, SHORT_FILE_NAME, FILE_DATA, IS_HIDDEN = 0x3707, 0x3704, 0x3701, 0x7FFE
TO, CC = 1, 2
_CODE_PAGE, _INTERNET_CODE_PAGE = 0x3FFD, 0x3FDE

_UTF16, _STRING8, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_LIST = "__properties_version1.0"
_MESSAGE_HEAD, _INNER_MESSAGE_HEAD, _HEAD = 32, 24, 8  # bytes before the list's first entry
_ENTRY = struct.Struct("<HHI8s")  # type, id, flags, value
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_WINDOWS_PAGES = frozenset([874, 932, 936, 949, 950, *range(1250, 1259)])
_COUNT_LIMIT = 2_000  # recipients, and attachments


class Properties:
    """What is known of one message, recipient or attachment."""

    def __init__(
        self, file: olefile.OleFileIO, path: tuple[str, ...], head: int, encoding: str | None = None
    ) -> None:
        self._file = file
        self._path = path
        self._fixed: dict[int, bytes] = {}
        listed = self._stream(_LIST)[head:]
        for _, number, _, value in _ENTRY.iter_unpack(listed[: len(listed) // _ENTRY.size * _ENTRY.size]):
            self._fixed[number] = value
        self._encoding = encoding or self._stated_encoding() or self._guessed_encoding()

    def text(self, number: int) -> str:
        """ "" when the property is not there."""
        if found := self._stream(_named(number, _UTF16)):
            return found.decode("utf-16-le", "replace").rstrip("\0")
        return self._stream(_named(number, _STRING8)).decode(self._encoding, "replace").rstrip("\0")

    def binary(self, number: int) -> bytes:
        return self._stream(_named(number, _BINARY))

    def number(self, number: int) -> int:
        """0 when the property is not there."""
        return int.from_bytes(self._fixed.get(number, b"")[:4], "little")

    def moment(self, number: int) -> str:
        """ISO 8601 in UTC, "" when the property is not there. It counts tenths of a microsecond since 1601."""
        ticks = int.from_bytes(self._fixed.get(number, b""), "little")
        try:
            return (_EPOCH + timedelta(microseconds=ticks // 10)).isoformat(timespec="seconds") if ticks else ""
        except OverflowError:
            return ""

    def html(self) -> bytes:
        """The body as a web page in UTF-8, b"" without one."""
        encoding = of_code_page(self.number(_INTERNET_CODE_PAGE))
        found = self.binary(HTML).rstrip(b"\0").decode(encoding, "replace") or self.text(HTML)
        return ("\ufeff" + found).encode() if found.strip() else b""

    def recipients(self) -> Iterator["Properties"]:
        return self._parts("__recip_version1.0_#")

    def attachments(self) -> Iterator["Properties"]:
        return self._parts("__attach_version1.0_#")

    def inner_message(self) -> "Properties | None":
        """The message that an attachment is; None for a file."""
        path = (*self._path, _named(FILE_DATA, _OBJECT))
        if not self._file.exists([*path, _LIST]):
            return None
        return Properties(self._file, path, _INNER_MESSAGE_HEAD)

    def _stated_encoding(self) -> str:
        """Of 8-bit strings; "" when the message does not say. What it was sent in counts if Windows writes it."""
        page = self.number(_CODE_PAGE) or self.number(_INTERNET_CODE_PAGE)
        return of_code_page(page) if self.number(_CODE_PAGE) or page in _WINDOWS_PAGES else ""

    def _guessed_encoding(self) -> str:
        return guessed(b"\n".join(self._stream(_named(number, _STRING8)) for number in (SUBJECT, BODY)))

    def _parts(self, prefix: str) -> Iterator["Properties"]:
        depth = len(self._path)
        storages = self._file.listdir(streams=False, storages=True)
        inside = (tuple(path) for path in storages if len(path) == depth + 1 and tuple(path[:depth]) == self._path)
        for path in islice((path for path in inside if path[depth].startswith(prefix)), _COUNT_LIMIT):
            yield Properties(self._file, path, _HEAD, self._encoding)

    def _stream(self, name: str) -> bytes:
        """b"" when it is not there."""
        path = [*self._path, name]
        if not self._file.exists(path) or self._file.get_type(path) != olefile.STGTY_STREAM:
            return b""
        found: bytes = self._file.openstream(path).read()
        return found


@contextmanager
def opened(content: bytes, name: str) -> Iterator[Properties]:
    """The message in an OLE file, whose streams are read when they are asked for.

    Raises `DocumentUnreadable`, also while it is in use, for what is no message, and for an encrypted one.
    """
    try:
        message = Properties(olefile.OleFileIO(BytesIO(content)), (), _MESSAGE_HEAD)
        if message.text(MESSAGE_CLASS).lower() == "ipm.note.smime":
            raise DocumentUnreadable(
                f"{name}: expected a message that anybody can read; found an encrypted one",
                hint="save it decrypted",
            )
        yield message
    except (OSError, ValueError, IndexError, TypeError, RecursionError, struct.error) as error:
        raise DocumentUnreadable(
            f"{name}: expected an Outlook message; found a file that cannot be taken apart ({error})",
            hint="save it anew from Outlook, or as .eml",
        ) from None


def _named(number: int, kind: str) -> str:
    return f"__substg1.0_{number:04X}{kind}"
