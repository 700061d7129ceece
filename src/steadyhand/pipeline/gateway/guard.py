"""What guardrails find in a client's request, wherever in its JSON the words are."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from steadyhand.errors import InvalidInput
from steadyhand.guardrails import Report, inspect, marks, segments
from steadyhand.types.json import Json
from steadyhand.types.text import DataClass, Segment, highest

_NONE: Mapping[str, str] = {}
_NOTHING = Report((), "public")
_LONG = 50_000  # bytes from which on a look takes long enough to hold others up


class Guard:
    """Shows every request to the guardrails of these names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        found = marks(self._names)
        self._marks = None if found is None else _searches(mark.encode() for mark in found)

    async def __call__(self, body: bytes, data_class: DataClass, headers: Mapping[str, str] = _NONE) -> Report:
        """The findings, and how sensitive the call is with them. Raises `InvalidInput` for what is no JSON.

        `headers` are those that a vendor gets to see.
        """
        beside = self._beside(headers, data_class) if headers else _NOTHING
        data_class = highest(data_class, beside.data_class)
        if self._is_clean(body):
            return Report(beside.findings, data_class)
        if len(body) > _LONG:
            report = await asyncio.to_thread(_report, body, self._names, data_class)
        else:
            report = _report(body, self._names, data_class)
        return Report(beside.findings + report.findings, report.data_class)

    def _beside(self, headers: Mapping[str, str], data_class: DataClass) -> Report:
        texts = [
            Segment(value, "caller", "untrusted", data_class, f"headers.{name}") for name, value in headers.items()
        ]
        return inspect(self._names, texts)

    def _is_clean(self, body: bytes) -> bool:
        """Is none of the marks there? JSON shows them as they are, where it escapes no letters and no slashes."""
        if self._marks is None or (b"\\" in body and (b"\\u" in body or b"\\/" in body)):
            return False
        for search in self._marks:  # noqa: SIM110 - a generator costs more than the search
            if search(body):
                return False
        return True


_COMMON = b"etaoinshrdlcumwfgypbvk:,-.0123456789"
"""Bytes of texts in JSON, the most frequent first; others are rarer still."""


def _searches(marks: Iterable[bytes]) -> tuple[Callable[[bytes], object], ...]:
    """Finds any of the marks, starting from the rarest byte of each, which most texts do not hold."""
    found: dict[int, list[bytes]] = {}
    for mark in marks:
        at = max(range(len(mark)), key=lambda index: _rarity(mark[index]))
        before, behind = re.escape(mark[: at + 1]), re.escape(mark[at + 1 :])
        found.setdefault(mark[at], []).append(b"(?<=%b)%b" % (before, behind))
    return tuple(
        re.compile(re.escape(bytes([rarest])) + b"(?:" + b"|".join(rest) + b")").search
        for rarest, rest in found.items()
    )


def _rarity(byte: int) -> int:
    return _COMMON.index(byte) if byte in _COMMON else len(_COMMON)


def _report(body: bytes, names: Sequence[str], data_class: DataClass) -> Report:
    """First all texts at once, which is fast and nearly always finds nothing; else one by one, for their places."""
    value = _read(body)
    together = Segment("\n".join(_texts(value)), "caller", "untrusted", data_class)
    report = inspect(names, [together])
    if not report.findings:
        return report
    return inspect(names, segments(value, "body", "caller", data_class))


def _read(body: bytes) -> Json:
    """The body, with nothing left out. Raises `InvalidInput`, also where a name stands twice in an object.

    A decoder keeps only one of the two, and a vendor gets both. With one lost there are fewer quotation marks.
    """
    try:
        value: Json = msgspec.json.decode(body)
        is_whole = b"\\u0022" not in body and body.count(b'"') == msgspec.json.encode(value).count(b'"')
        return value if is_whole else json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:  # msgspec's and json's errors are ValueErrors
        raise InvalidInput(f"expected JSON; {error}", hint="send a body of JSON") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _texts(value: Json) -> list[str]:
    """Every string in a JSON value, names included."""
    texts: list[str] = []
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            texts.append(found)
        elif isinstance(found, dict):
            texts += found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
    return texts
