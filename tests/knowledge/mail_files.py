"""Outlook messages, made from nothing: an OLE writer of the smallest kind, and the properties that a message has."""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

Storage: TypeAlias = dict[str, "bytes | Storage"]

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def ole(root: Storage) -> bytes:
    """A compound file. Small streams lie in the root's own stream, as the format wants it."""
    file = _Ole()
    file.add("Root Entry", root, 5)
    file.entries[0] |= {"start": file.chain(bytes(file.mini)), "size": len(file.mini)}
    mini_fat = file.chain(_numbers(file.mini_fat))
    directory = file.chain(b"".join(_entry(**entry) for entry in file.entries))
    return file.written(directory, mini_fat)


class _Ole:
    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.mini, self.mini_fat = bytearray(), list[int]()
        self.sectors, self.fat = bytearray(), list[int]()

    def chain(self, content: bytes) -> int:
        return _chained(content, _SECTOR, self.sectors, self.fat)

    def add(self, name: str, held: "bytes | Storage", kind: int) -> int:
        entry: dict[str, Any] = {
            "name": name,
            "kind": kind,
            "right": _FREE,
            "child": _FREE,
            "start": _END,
            "size": 0,
        }
        self.entries.append(entry)
        number = len(self.entries) - 1
        if isinstance(held, bytes):
            is_large = len(held) >= _CUTOFF
            entry["start"] = self.chain(held) if is_large else _chained(held, _MINI, self.mini, self.mini_fat)
            entry["size"] = len(held)
            return number
        before, link = entry, "child"
        for inner, content in sorted(held.items(), key=lambda item: (len(item[0]), item[0].upper())):
            before[link] = self.add(inner, content, 2 if isinstance(content, bytes) else 1)
            before, link = self.entries[before[link]], "right"
        return number

    def written(self, directory: int, mini_fat: int) -> bytes:
        tables = len(self.fat) // (_SECTOR // 4 - 1) + 1
        first = len(self.fat)
        table = _numbers([*self.fat, *[_FAT] * tables]).ljust(tables * _SECTOR, b"\xff")
        head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        head += bytes(6) + _numbers([0, tables, directory, 0, _CUTOFF, mini_fat, 1, _END, 0])
        head += _numbers([first + at if at < tables else _FREE for at in range(109)])
        return head + bytes(self.sectors) + table


def _chained(content: bytes, size: int, sectors: bytearray, table: list[int]) -> int:
    """Append `content` in sectors of `size`; where it begins."""
    count = -(-len(content) // size)
    start = len(table)
    table.extend(start + at + 1 if at < count - 1 else _END for at in range(count))
    sectors.extend(content.ljust(count * size, b"\0"))
    return start if count else _END


def _numbers(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _entry(*, name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    links = struct.pack("<HBBIII", len(encoded), kind, 1, _FREE, right, child)
    return encoded.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)


def text(number: int, said: str) -> Storage:
    return {f"__substg1.0_{number:04X}001F": said.encode("utf-16-le")}


def string8(number: int, said: bytes) -> Storage:
    return {f"__substg1.0_{number:04X}001E": said}


def binary(number: int, said: bytes) -> Storage:
    return {f"__substg1.0_{number:04X}0102": said}


def properties(head: int, *fixed: tuple[int, int, int]) -> Storage:
    """Each is (type, id, value)."""
    entries = b"".join(struct.pack("<HHIQ", kind, number, 6, value) for kind, number, value in fixed)
    return {"__properties_version1.0": bytes(head) + entries}


def recipient(name: str, address: str, kind: int) -> Storage:
    return properties(8, (3, 0x0C15, kind)) | text(0x3001, name) | text(0x39FE, address)


def attachment(name: str, content: bytes, *, is_hidden: bool = False) -> Storage:
    return properties(8, (11, 0x7FFE, int(is_hidden))) | text(0x3707, name) | binary(0x3701, content)


def attached_message(message: Storage) -> Storage:
    return properties(8) | {"__substg1.0_3701000D": message}


def message(
    *body: Storage,
    recipients: tuple[Storage, ...] = (),
    attachments: tuple[Storage, ...] = (),
    is_inner: bool = False,
) -> Storage:
    """A message of Ann's, sent on 3 March 2026."""
    ticks = int((datetime(2026, 3, 3, 9, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7
    found: Storage = properties(
        24 if is_inner else 32, (0x40, 0x0039, ticks), (3, 0x3FFD, 1254), (3, 0x3FDE, 65001)
    )
    found |= text(0x001A, "IPM.Note") | text(0x0C1A, "Ann Lee") | text(0x5D01, "Ann@x.example")
    found |= {f"__recip_version1.0_#{at:08X}": one for at, one in enumerate(recipients)}
    found |= {f"__attach_version1.0_#{at:08X}": one for at, one in enumerate(attachments)}
    for part in body:
        found |= part
    return found


def compressed_rtf(rtf: bytes) -> bytes:
    """Packed without a single repetition, but for the end: 4,096 is where the writer stands."""
    packed = b"".join(b"\0" + rtf[at : at + 8] for at in range(0, len(rtf) - len(rtf) % 8, 8))
    rest = rtf[len(rtf) - len(rtf) % 8 :]
    end = (207 + len(rtf)) % 4096
    packed += bytes([1 << len(rest)]) + rest + struct.pack(">H", end << 4)
    return struct.pack("<IIII", len(packed) + 12, len(rtf), 0x75465A4C, 0) + packed
