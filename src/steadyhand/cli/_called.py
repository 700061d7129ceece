"""Commands that we print, so that they can be copied into the shell the program was called from."""

import os
import shlex
import shutil
import sys
from pathlib import Path

_NAME = "steadyhand"


def command(*arguments: str | Path, at: Path = Path()) -> str:
    """This program with these arguments, to be run in the folder `at`."""
    return shlex.join([_program(at), *map(str, arguments)])


def _program(at: Path) -> str:
    """The program's name where the shell finds it by that, else its path as seen from `at`, the shortest one."""
    used = Path(sys.argv[0])
    found = shutil.which(_NAME)
    if used.stem != _NAME or not used.is_file() or (found and used.samefile(found)):
        return _NAME
    relative = os.path.join(os.curdir, os.path.relpath(used, at))  # noqa: PTH118 - a Path drops the dot
    relative = relative if relative.count(os.sep) == 1 else os.path.relpath(used, at)
    return min(relative, str(used.absolute()), key=len)
