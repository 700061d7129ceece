"""Finds the members of a plugin folder by file name, and installed packages' members by entry point."""

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType

from steadyhand.errors import NotFound


@cache
def names(folder: str) -> tuple[str, ...]:
    """Sorted names of the members of a folder such as `guardrails` or `knowledge.readers`.

    A file whose name begins with an underscore is not a member. Packages installed beside ours join through the
    entry point group `steadyhand.<folder>`.
    """
    package = importlib.import_module(f"steadyhand.{folder}")
    own = {found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_")}
    return tuple(sorted(own | {point.name for point in entry_points(group=f"steadyhand.{folder}")}))


@cache
def load(folder: str, name: str) -> ModuleType:
    """The module of one member; the others stay unimported. Raises `NotFound` with the names there are."""
    if name not in names(folder):
        known = ", ".join(names(folder))
        raise NotFound(f"{folder}: expected one of {known}; found {name!r}", hint=f"add {folder}/{name}.py")
    return importlib.import_module(module_name(folder, name))


def module_name(folder: str, name: str) -> str:
    """The dotted name of a member's module; nothing is imported."""
    for point in entry_points(group=f"steadyhand.{folder}", name=name):
        return point.module
    return f"steadyhand.{folder}.{name}"
