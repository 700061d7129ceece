"""Zip archives: one member at a time, nothing written to a disk. Source: PKWARE's APPNOTE, 6.3.

What is encrypted, packed like a bomb, or has a name that leads elsewhere is refused; hidden files and folders are
left out, as in a folder.
"""

import lzma
import stat
import zlib
from collections.abc import Iterator
from io import BytesIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.reading.members import MEMBER_LIMIT, Member, fault, refusal, safe

EXTENSIONS = (".zip",)

_RATIO = 200  # bytes out of one; text gives 20, a table of little but zeros 100
_RATIO_MATTERS = 2**20  # bytes unpacked
_BROKEN = (BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
_ENCRYPTED, _UTF8 = 0x1, 0x800
_LEFT_OUT = frozenset(["__MACOSX", "Thumbs.db", "desktop.ini"])


def members(content: bytes, name: str) -> Iterator[Member]:
    """Every file of the archive, in its order. Raises `DocumentUnreadable` for what is no archive."""
    try:
        archive = ZipFile(BytesIO(content))
    except (BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
        raise DocumentUnreadable(
            f"{name}: expected a zip archive; found a file that cannot be unpacked ({error})",
            hint="is it cut off, one part of several, or another format?",
        ) from None
    with archive:
        listed = archive.infolist()
        if sum(info.compress_size for info in listed) > len(content):
            raise DocumentUnreadable(
                f"{name}: expected members with bytes of their own; found some that share them, as bombs do",
                hint="distrust it",
            )
        for info in listed:
            path = _path(info)
            if not info.is_dir() and not _is_left_out(path):
                yield _member(archive, info, path)


def _path(info: ZipInfo) -> str:
    """The name as it is meant: without a mark it is code page 437, but nearly always written as UTF-8."""
    if info.flag_bits & _UTF8:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _is_left_out(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    return any(part in _LEFT_OUT or (part.startswith(".") and part.strip(".")) for part in parts)


def _member(archive: ZipFile, info: ZipInfo, path: str) -> Member:
    shown = safe(path)
    if obstacle := _obstacle(info, path):
        return refusal(shown, *obstacle)
    try:
        return shown, archive.read(info)
    except (*_BROKEN, zlib.error, lzma.LZMAError) as error:
        return refusal(shown, "a member that can be unpacked", f"a broken one ({error})", "pack it again")


def _obstacle(info: ZipInfo, path: str) -> tuple[str, str, str] | None:
    """Expected, found and hint for what the list of members already says against one."""
    size, packed = info.file_size, info.compress_size
    if wrong := fault(path):
        return "a name that stays inside the archive", f"{wrong}: {path[:200]!r}", "pack it again"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a file", "a symbolic link", "pack what it points to"
    if info.flag_bits & _ENCRYPTED:
        return "a member that opens without a password", "an encrypted one", "unpack it first"
    if size > max(_RATIO_MATTERS, _RATIO * packed):
        return f"at most {_RATIO} bytes out of one", f"{size // max(packed, 1):,}, as in a bomb", "distrust it"
    if size > MEMBER_LIMIT:
        return f"at most {MEMBER_LIMIT // 2**20} MiB once unpacked", f"{size / 2**20:,.0f} MiB", "split it"
    return None
