"""Shows segments to guardrails and sums up what they found.

A guardrail is a file with `find(text) -> Iterator[Finding]` and `RAISES_TO`, the data class that a text with one
of its findings has at least. Its `MARKS`, when it has some, are strings of which one is in every such text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, cast

from steadyhand import plugins
from steadyhand.types.findings import Finding
from steadyhand.types.json import Json
from steadyhand.types.text import DataClass, Origin, Segment, highest


class Guardrail(Protocol):
    """What a file of this folder offers. Findings lie in `[start, end)`, in code points of the given text."""

    RAISES_TO: DataClass

    def find(self, text: str) -> Iterator[Finding]: ...


@dataclass(frozen=True, slots=True)
class Report:
    """Every finding, and the data class of the inspected text: at least what it came with."""

    findings: tuple[Finding, ...]
    data_class: DataClass


def marks(names: Iterable[str]) -> tuple[str, ...] | None:
    """Strings of which one is in every text that any of the guardrails finds something in; None when one has none.

    They are printable ASCII without quotes and backslashes, so that they can be looked for in JSON as it stands.
    """
    found: list[str] = []
    for name in names:
        own: tuple[str, ...] | None = getattr(load(name), "MARKS", None)
        if own is None:
            return None
        found += own
    return tuple(found)


def load(name: str) -> Guardrail:
    return cast("Guardrail", plugins.load("guardrails", name))


def inspect(names: Iterable[str], texts: Iterable[Segment]) -> Report:
    """Show every text to every named guardrail."""
    guardrails = [load(name) for name in names]
    findings: list[Finding] = []
    data_class: DataClass = "public"
    for text in texts:
        data_class = highest(data_class, text.data_class)
        for guardrail in guardrails:
            found = [replace(finding, path=text.path) for finding in guardrail.find(text.text)]
            if found:
                data_class = highest(data_class, guardrail.RAISES_TO)
            findings += found
    return Report(tuple(findings), data_class)


def segments(value: Json, path: str, origin: Origin, data_class: DataClass) -> Iterator[Segment]:
    """Every string inside a JSON value as an untrusted segment with its place, such as `input.items[2].name`.

    The names of an object are strings too: their place is the object's. A value without strings gives one empty
    segment, so that a report on it still has its data class.
    """
    yield Segment("", origin, "untrusted", data_class, path)
    waiting = [(path, value)]
    while waiting:
        place, found = waiting.pop()
        match found:
            case str():
                yield Segment(found, origin, "untrusted", data_class, place)
            case list():
                waiting += [(f"{place}[{index}]", item) for index, item in enumerate(found)][::-1]
            case dict():
                yield from (Segment(name, origin, "untrusted", data_class, place) for name in found)
                waiting += [(f"{place}.{name}", item) for name, item in found.items()][::-1]
