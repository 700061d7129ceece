"""The features of a running workspace. An edited contract counts from the next run on; a broken edit does not."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from steadyhand.errors import ContractInvalid, NotFound
from steadyhand.features.files import Signature, feature_names, signature
from steadyhand.features.known import Known
from steadyhand.features.load import load
from steadyhand.hints import did_you_mean
from steadyhand.types.feature import Feature, Problem

OnEdit: TypeAlias = Callable[[str, list[Problem], bool], None]
"""Called with a contract's name, its problems now, and whether a good version of it runs."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """`feature` is the last good version, None when there never was one; `problems` are those of the last edit."""

    feature: Feature | None
    problems: tuple[Problem, ...]
    signatures: tuple[tuple[str, Signature], ...]

    def is_current(self) -> bool:
        return all(signature(path) == seen for path, seen in self.signatures)


class Registry:
    """Compares the signatures of a contract's files at every access: about 20 us, no thread, no notification.

    `on_edit` is told once of every edit that is broken, and of the one that mends it, which has no problems.
    """

    def __init__(self, root: Path, known: Known, on_edit: OnEdit = lambda *_: None) -> None:
        self._root = root.resolve()
        self._known = known
        self._on_edit = on_edit
        self._entries: dict[str, _Entry] = {}

    def get(self, name: str) -> Feature:
        """The feature as its files say now, or as they last said without a fault.

        Raises `NotFound` with the nearest name, and `ContractInvalid` with every problem of a contract that never
        was good.
        """
        entry = self._current(name)
        if entry is None:
            names = self.names()
            hint = did_you_mean(name, names) or f"the features are {', '.join(names) or 'none'}"
            raise NotFound(f"there is no feature {name!r}", hint=hint)
        if entry.feature is None:
            said = "\n".join(str(problem) for problem in entry.problems)
            raise ContractInvalid(f"the contract of {name!r} never was good:\n{said}", hint="steadyhand check")
        return entry.feature

    def names(self) -> list[str]:
        """Every folder with a contract, good or broken, sorted."""
        return feature_names(self._root)

    def broken(self) -> dict[str, list[Problem]]:
        """The problems of every contract whose files have any now, by name, whether or not a good version runs."""
        entries = ((name, self._current(name)) for name in self.names())
        return {name: list(entry.problems) for name, entry in entries if entry and entry.problems}

    def _current(self, name: str) -> _Entry | None:
        entry = self._entries.get(name)
        if entry is not None and entry.is_current():
            return entry
        if name not in self.names():
            self._entries.pop(name, None)
            return None
        return self._reload(name, entry)

    def _reload(self, name: str, before: _Entry | None) -> _Entry:
        loaded = load(self._root, name, self._known)
        feature = loaded.feature or (before.feature if before else None)
        entry = _Entry(feature, loaded.problems, tuple(loaded.signatures.items()))
        self._entries[name] = entry
        if loaded.problems or (before and before.problems):
            self._on_edit(name, list(loaded.problems), feature is not None)
        return entry
