"""Makes workspaces: an empty one, or a copy of the example company."""

import errno
import shutil
from pathlib import Path

import steadyhand
from steadyhand.errors import DiskFull, NotFound, NotWritable, UsageError
from steadyhand.settings import FILE

_PACKAGE = Path(steadyhand.__file__).parent
_STARTER = _PACKAGE / "cli" / "_starter"
_EXAMPLE = ("examples", "company")
_IGNORED = """\
# What Steadyhand keeps here can be made again, except the database: `steadyhand db backup FILE` copies it.
.steadyhand/
"""
_LEFT_OUT = shutil.ignore_patterns(".steadyhand", ".gitkeep", "__pycache__", FILE)


def make(folder: Path, *, is_example: bool) -> None:
    """Fill `folder`, made where needed. Raises `UsageError` when something is in it already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"expected an empty or new folder; {folder} has something in it", hint="name another folder"
        )
    _copy(example() if is_example else _STARTER, folder)


def example() -> Path:
    """The example company: in the installed package, or in the repository of an editable installation."""
    for parent in (_PACKAGE, _PACKAGE.parents[1]):
        folder = parent.joinpath(*_EXAMPLE)
        if (folder / FILE).is_file():
            return folder
    raise NotFound(
        f"expected the example company in {_PACKAGE.joinpath(*_EXAMPLE)}; it is not there",
        hint="reinstall steadyhand",
    )


def _copy(source: Path, folder: Path) -> None:
    """Copy the settings last: a folder counts as a workspace when all of it is there."""
    try:
        shutil.copytree(source, folder, ignore=_LEFT_OUT, dirs_exist_ok=True)
        for name in ("features", "knowledge", "data"):
            (folder / name).mkdir(exist_ok=True)
        (folder / ".gitignore").write_text(_IGNORED, encoding="utf-8")
        shutil.copyfile(source / FILE, folder / FILE)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"no space left in {folder}", hint="free some space") from None
        raise NotWritable(
            f"{folder} cannot be written: {error.strerror or error}", hint="name another folder"
        ) from None
