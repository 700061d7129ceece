"""Finds the members of a plugin folder by file name, and installed packages' members by entry point."""

import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from steadyhand.errors import NotFound
from steadyhand.hints import did_you_mean


@cache
def names(folder: str) -> tuple[str, ...]:
    """Sorted names of the members of a folder such as `guardrails` or `knowledge.readers`.

    A file whose name begins with an underscore is not a member. Packages installed beside ours join through the
    entry point group `steadyhand.<folder>`.
    """
    package = importlib.import_module(f"steadyhand.{folder}")
    own = {found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_")}
    return tuple(sorted(own | _joined(folder).keys()))


@cache
def load(folder: str, name: str) -> ModuleType:
    """The module of one member; the others stay unimported. Raises `NotFound` with the names there are."""
    if name not in names(folder):
        known = ", ".join(names(folder))
        raise NotFound(
            f"{folder}: expected one of {known}; found {name!r}",
            hint=did_you_mean(name, names(folder)) or f"name one of these, or add {folder}/{name}.py",
        )
    return importlib.import_module(module_name(folder, name))


def module_name(folder: str, name: str) -> str:
    """The dotted name of a member's module; nothing is imported."""
    return _joined(folder).get(name, f"steadyhand.{folder}.{name}")


def _joined(folder: str) -> dict[str, str]:
    """The modules of members that other packages bring, by name."""
    return {point.name: point.module for point in _installed() if point.group == f"steadyhand.{folder}"}


@cache
def _installed() -> tuple[EntryPoint, ...]:
    """What all installed packages bring for us: they are looked through once, which takes long."""
    every = entry_points()
    return tuple(
        point for group in every.groups if group.startswith("steadyhand.") for point in every.select(group=group)
    )
