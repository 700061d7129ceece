"""What guardrails find in a client's request, wherever in its JSON the words are."""

import asyncio
from collections.abc import Sequence

import msgspec

from steadyhand.errors import InvalidInput
from steadyhand.guardrails import Report, inspect, segments
from steadyhand.types.json import Json
from steadyhand.types.text import DataClass, Segment

_LONG = 50_000  # bytes from which on a look takes long enough to hold others up


async def guarded(body: bytes, names: Sequence[str], data_class: DataClass) -> Report:
    """The findings, and how sensitive the call is with them. Raises `InvalidInput` for a body that is no JSON."""
    if not names:
        return Report((), data_class)
    if len(body) > _LONG:
        return await asyncio.to_thread(_report, body, names, data_class)
    return _report(body, names, data_class)


def _report(body: bytes, names: Sequence[str], data_class: DataClass) -> Report:
    """First all texts at once, which is fast and nearly always finds nothing; else one by one, for their places."""
    try:
        value: Json = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"expected JSON; {error}", hint="send a body of JSON") from None
    together = Segment("\n".join(_texts(value)), "caller", "untrusted", data_class)
    report = inspect(names, [together])
    if not report.findings:
        return report
    return inspect(names, segments(value, "body", "caller", data_class))


def _texts(value: Json) -> list[str]:
    """Every string in a JSON value."""
    texts: list[str] = []
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            texts.append(found)
        elif isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
    return texts
