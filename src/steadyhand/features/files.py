"""The files a contract is made of: its own folder, and those of the contracts that it extends."""

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from steadyhand.features.contract import NAME
from steadyhand.features.flaw import Flaw
from steadyhand.hints import did_you_mean
from steadyhand.tables import faults
from steadyhand.tables.lines import KeyPath, locate, nearest
from steadyhand.types.feature import Problem

FOLDER = "features"
CONTRACT = "feature.toml"
_RECIPE = "recipe:"

Signature: TypeAlias = tuple[int, int, int] | None
"""Time of change in nanoseconds, size and inode; None for a file that is not there."""


class Files:
    """Reads files once, and remembers each, also those that were looked for in vain."""

    def __init__(self, root: Path, recipes: Path | None) -> None:
        self._root = root
        self._recipes = recipes
        self._read: dict[Path, bytes | None] = {}
        self.signatures: dict[str, Signature] = {}
        self._unreadable: set[Path] = set()
        self._problems: dict[Problem, None] = {}  # each once, in order

    def text(self, path: Path) -> str | None:
        """The file's text; None when it is not there. One that cannot be read, or not as UTF-8, is a problem."""
        if path not in self._read:
            self.signatures[str(path)] = signature(str(path))
            self._read[path] = self._bytes(path)
        found = self._read[path]
        if found is None:
            return None
        try:
            return found.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = found.count(b"\n", 0, error.start) + 1
            self.add(path, line, "expected UTF-8; found other bytes", "save the file as UTF-8")
            return found.decode("utf-8", errors="replace")

    def add(self, path: Path, line: int, message: str, hint: str = "") -> None:
        """Note a problem. Of a file that cannot be read, nothing else is known."""
        if path in self._unreadable:
            return
        self._problems[Problem(self.label(path), line, f"{message.rstrip('.')}.", hint)] = None

    def problems(self) -> tuple[Problem, ...]:
        """What was added, by file and line."""
        return tuple(sorted(self._problems, key=lambda problem: (problem.file, problem.line)))

    def label(self, path: Path) -> str:
        """The path as people read it: relative to the workspace, or to what holds the recipes."""
        bases = [self._root, *([self._recipes.parent] if self._recipes else [])]
        for base in bases:
            if path.is_relative_to(base):
                return path.relative_to(base).as_posix()
        return path.as_posix()

    def watch(self, folder: Path | None) -> None:
        """Remember that a contract was looked for in `folder`, so that its arrival is a change."""
        if folder is not None:
            self.text(folder / CONTRACT)

    def version(self) -> str:
        """12 hexadecimal digits over the names and contents of everything that was read."""
        digest = hashlib.sha256()
        for label, content in sorted(
            (self.label(path), found) for path, found in self._read.items() if found is not None
        ):
            digest.update(f"{label}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:12]

    def _bytes(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.add(path, 1, f"cannot be read: {error.strerror}", "check the file's permissions")
            self._unreadable.add(path)
            return None


@dataclass(frozen=True, slots=True)
class Layer:
    """One `feature.toml`, with the line of each of its keys."""

    folder: Path
    raw: Mapping[str, Any]
    lines: Mapping[KeyPath, int]


@dataclass(frozen=True, slots=True)
class Layers:
    """A contract's own layer first, then the one it extends, and so on."""

    layers: tuple[Layer, ...]
    files: Files

    def merged(self) -> dict[str, Any]:
        """The raw table that counts: tables are merged key by key, everything else is replaced."""
        table: dict[str, Any] = {}
        for layer in reversed(self.layers):
            table = _merge(table, layer.raw)
        return table

    def find(self, name: str) -> tuple[Path, str] | None:
        """A file that lies beside a contract: its own, else the inherited one. None when there is none."""
        for layer in self.layers:
            text = self.files.text(layer.folder / name)
            if text is not None:
                return layer.folder / name, text
        return None

    def report(self, flaw: Flaw) -> None:
        """Make a flaw a problem, at the file and line where its key was written."""
        layer = self._owner(flaw.path)
        self.files.add(layer.folder / CONTRACT, nearest(layer.lines, flaw.path), flaw.message, flaw.hint)

    def _owner(self, path: KeyPath) -> Layer:
        """The layer that wrote the key, or its nearest parent. A list belongs to one layer as a whole."""
        for depth in range(len(path), 0, -1):
            until_list = next((at for at, key in enumerate(path[:depth]) if isinstance(key, int)), depth)
            for layer in self.layers:
                if path[:until_list] in layer.lines:
                    return layer
        return self.layers[0]


def signature(path: str) -> Signature:
    """What changes when the file does."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path object would cost more than the call
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def read_layers(files: Files, name: str, root: Path, recipes: Path | None) -> Layers | None:
    """The contract in `features/<name>` with its bases. None, with problems added, when one cannot be read."""
    layers: list[Layer] = []
    folder: Path | None = root / FOLDER / name
    while folder is not None:
        layer = _layer(files, folder)
        if layer is None:
            return None
        layers.append(_inherited(layer) if layers else layer)
        folder = None
        if isinstance(extends := layer.raw.get("extends"), str):
            folder = _base(extends, root, recipes)
            flaw = _base_flaw(extends, folder, layers, _known_bases(root, recipes))
            if flaw:
                files.add(layer.folder / CONTRACT, nearest(layer.lines, flaw.path), flaw.message, flaw.hint)
                files.watch(folder)
                return None
    return Layers(tuple(layers), files)


def feature_names(root: Path) -> list[str]:
    """The folders of `features/`, sorted; those that begin with a dot or an underscore are not features."""
    return _folders(root / FOLDER)


def _layer(files: Files, folder: Path) -> Layer | None:
    path = folder / CONTRACT
    text = files.text(path)
    if text is None:
        files.add(path, 1, "expected a contract; there is no such file", f"write {CONTRACT}, or remove the folder")
        return None
    try:
        return Layer(folder, tomllib.loads(text), locate(text))
    except tomllib.TOMLDecodeError as error:
        line, message = faults.syntax(error, text)
        files.add(path, line, message, "fix the TOML")
        return None


def _inherited(layer: Layer) -> Layer:
    """What a contract passes on: everything but who it is."""
    raw = {key: value for key, value in layer.raw.items() if key != "name"}
    return replace(layer, raw=raw, lines={path: line for path, line in layer.lines.items() if path[0] != "name"})


def _base(extends: str, root: Path, recipes: Path | None) -> Path | None:
    """The folder that `extends` names; None when the name cannot be one."""
    name = extends.removeprefix(_RECIPE)
    if not re.fullmatch(NAME, name):
        return None
    if extends.startswith(_RECIPE):
        return recipes / name if recipes else None
    return root / FOLDER / name


def _base_flaw(extends: str, base: Path | None, layers: list[Layer], known: list[str]) -> Flaw | None:
    folders = [layer.folder for layer in layers]
    if extends not in known:
        message = f"extends: expected a feature of the workspace or recipe:NAME; found {extends!r}"
        return Flaw(("extends",), message, did_you_mean(extends, known) or f"there are {', '.join(known)}")
    if base in folders:
        circle = " -> ".join(folder.name for folder in (*folders, folders[folders.index(base)]))
        return Flaw(("extends",), f"extends: expected a chain with an end; found {circle}", "break the circle")
    return None


def _known_bases(root: Path, recipes: Path | None) -> list[str]:
    return [*_folders(root / FOLDER), *(f"{_RECIPE}{name}" for name in (_folders(recipes) if recipes else []))]


def _folders(parent: Path) -> list[str]:
    try:
        entries = list(os.scandir(parent))
    except OSError:
        return []
    return sorted(entry.name for entry in entries if entry.is_dir() and entry.name[0] not in "._")


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        merged[key] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
