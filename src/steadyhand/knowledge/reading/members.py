"""What comes out of a container, such as an archive or a message: a path that is safe, with content or a reason."""

import re
from pathlib import PurePath
from typing import TypeAlias

from steadyhand.errors import DocumentError, DocumentUnreadable

Member: TypeAlias = tuple[str, bytes | DocumentError]
"""A relative path inside the container, with "/" between its parts, and what is there.

A member that is refused comes with its reason: `DocumentUnsupported` when nobody reads its kind.
"""

MEMBER_LIMIT = 256 * 2**20
"""Bytes of one member once unpacked."""

_PATH_LIMIT = 1_000  # bytes of UTF-8
_PART_LIMIT = 200  # code points
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_NOWHERE = frozenset(["", ".", ".."])
_DRIVE = re.compile(r"\A[A-Za-z]:")


class Paths:
    """Gives each member of a container a path of its own, also when the container has two of one name."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, path: str) -> str:
        """`path`; the second member of the same path becomes "name (2).ext"."""
        count = self._taken[path] = self._taken.get(path, 0) + 1
        if count == 1:
            return path
        at = PurePath(path)
        return self.take(str(at.with_name(f"{at.stem} ({count}){at.suffix}")))


def fault(path: str) -> str:
    """What is wrong with a member's name, as "an absolute path"; "" for a good one."""
    parts = path.replace("\\", "/").split("/")
    if ".." in parts:
        return "a path that leads out of the archive"
    if not parts[0] or _DRIVE.match(path):
        return "an absolute path"
    if _UNSEEN.search(path):
        return "characters that nobody can see"
    if len(path.encode()) > _PATH_LIMIT:
        return f"a path of more than {_PATH_LIMIT:,} bytes"
    return ""


def safe(path: str) -> str:
    """`path` without what `fault` finds in it; never empty."""
    parts = [_shortened(part.strip()) for part in _UNSEEN.sub("", path).replace("\\", "/").split("/")]
    kept = [part for part in parts if part not in _NOWHERE]
    if len("/".join(kept).encode()) > _PATH_LIMIT:
        kept = kept[-1:]
    while kept and _DRIVE.match(kept[0]):
        kept[0] = kept[0][2:].strip()
        if kept[0] in _NOWHERE:
            del kept[0]
    return "/".join(kept) or "unnamed"


def refusal(path: str, expected: str, found: str, hint: str = "") -> Member:
    """A member that is not read, with its reason."""
    return path, DocumentUnreadable(f"{path}: expected {expected}; found {found}", hint=hint)


def _shortened(part: str) -> str:
    if len(part) <= _PART_LIMIT:
        return part
    suffix = PurePath(part).suffix[:20]
    return part[: _PART_LIMIT - len(suffix)].strip() + suffix
