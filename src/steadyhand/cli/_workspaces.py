"""Makes workspaces: an empty one, or a copy of the example company."""

import errno
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import steadyhand
from steadyhand.errors import DiskFull, NotFound, NotWritable, UsageError
from steadyhand.settings import FILE

_PACKAGE = Path(steadyhand.__file__).parent
_STARTER = _PACKAGE / "cli" / "_starter"
_COMPANY = "company"
_IGNORED = """\
# What Steadyhand keeps here can be made again, except the database: `steadyhand db backup FILE` copies it.
.steadyhand/
"""
_FOLDERS = ("features", "knowledge", "data")
_LEFT_OUT = {".steadyhand", ".gitkeep", "__pycache__", FILE}


def make(folder: Path, *, is_example: bool) -> None:
    """Fill `folder`, made where needed. Raises `UsageError` when something is in it already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"expected an empty or new folder; {folder} has something in it", hint="name another folder"
        )
    _copy(examples(_COMPANY) if is_example else _STARTER, folder)


def examples(name: str) -> Path:
    """A folder of examples: in the installed package, or in the repository of an editable installation."""
    for parent in (_PACKAGE, _PACKAGE.parents[1]):
        folder = parent / "examples" / name
        if folder.is_dir():
            return folder
    raise NotFound(
        f"expected examples in {_PACKAGE / 'examples' / name}; they are not there", hint="reinstall steadyhand"
    )


def _copy(source: Path, folder: Path) -> None:
    """All of it, or nothing. What is there keeps its mode and owner; what is new gets the usual ones."""
    made: list[Path] = []
    try:
        _fill(source, folder, made)
    except OSError as error:
        _remove(made)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"no space left in {folder}", hint="free some space") from None
        raise NotWritable(
            f"{folder} cannot be written: {error.strerror or error}", hint="name another folder"
        ) from None
    except BaseException:  # Ctrl-C
        _remove(made)
        raise


def _fill(source: Path, folder: Path, made: list[Path]) -> None:
    """Copy the settings last: a folder counts as a workspace when all of it is there. `made` grows meanwhile."""
    for name in _FOLDERS:
        _make_folder(folder / name, made)
    for place, below, names in os.walk(source):
        below[:] = sorted(set(below) - _LEFT_OUT)
        beside = folder / Path(place).relative_to(source)
        _make_folder(beside, made)
        for name in sorted(set(names) - _LEFT_OUT):
            made.append(beside / name)
            shutil.copyfile(Path(place) / name, beside / name)
    made.append(folder / ".gitignore")
    (folder / ".gitignore").write_text(_IGNORED, encoding="utf-8")
    made.append(folder / FILE)
    shutil.copyfile(source / FILE, folder / FILE)


def _make_folder(folder: Path, made: list[Path]) -> None:
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir()
        made.append(parent)


def _remove(made: Sequence[Path]) -> None:
    """Take back what was made, the last first. What cannot be removed stays."""
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
