"""Values as people read them. Pure; used as filters in the templates."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote, urlencode

from steadyhand.ledger.ids import short
from steadyhand.types.json import Json

CLIP = 20_000  # characters of a prompt or an answer that a page shows; the API gives all of it


def money(value: Decimal | None) -> str:
    """US dollars, with as many digits as a small amount needs."""
    if value is None:
        return "price unknown"
    if value == 0:
        return "$0.00"
    if value >= Decimal("0.01"):
        return f"${value:,.2f}"
    digits = 1 - value.adjusted()  # two digits that count
    return f"${value:.{digits}f}"


def duration(seconds: float) -> str:
    """Such as `850 µs`, `38 ms`, `1.24 s`, `3 min 5 s`, `2 h`."""
    if seconds < 0.000_95:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.01:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f}".removesuffix(".00") + " s"
    whole, rest = divmod(int(seconds), 60)
    if whole < 60:
        return f"{whole} min {rest} s" if rest else f"{whole} min"
    hours, minutes = divmod(whole, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def moment(value: datetime) -> str:
    """Such as `7 Mar 2026, 09:05:01` in UTC."""
    utc = value.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M:%S}"


def iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def percent(value: float) -> str:
    """A share in [0, 1] as per cent."""
    return f"{value * 100:.0f} %"


def pretty(value: object) -> str:
    """JSON over several lines, as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def fact(value: Json) -> str:
    """What metadata say of one thing: a text as it is, a list in a line, else JSON."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else pretty(value)


def clip(text: str) -> str:
    return text if len(text) <= CLIP else f"{text[:CLIP]}\n… {len(text) - CLIP:,} characters more"


def count(value: int) -> str:
    return f"{value:,}"


def span_link(
    base: str, path: str, page: int, start: int | None = None, end: int | None = None, *, version: int | None = None
) -> str:
    """The address of a page of a document, or of a version of it, at the span if there is one."""
    query = {"page": page} | _span(start, end, version)
    there = "" if start is None or end is None else "#span"
    return f"/knowledge/{quote(base, safe='')}/{quote(path)}?{urlencode(query)}{there}"


def picture_link(
    base: str, path: str, page: int, start: int | None = None, end: int | None = None, *, version: int | None = None
) -> str:
    """The address of a picture of the page, with the span marked."""
    query = urlencode(_span(start, end, version))
    return f"/knowledge/{quote(base, safe='')}/{quote(path)}/page/{page}.png" + (f"?{query}" if query else "")


def _span(start: int | None, end: int | None, version: int | None) -> dict[str, int]:
    span = {} if start is None or end is None else {"start": start, "end": end}
    return span | ({"version": version} if version else {})


def day(value: date) -> str:
    """Such as `7 Mar 2026`."""
    return f"{value.day} {value:%b %Y}"


def query(values: Mapping[str, object]) -> str:
    """The query part of an address, without what is empty; "" when nothing is left."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return f"?{urlencode(given)}" if given else ""


FILTERS: dict[str, Callable[..., str]] = {
    "money": money,
    "duration": duration,
    "moment": moment,
    "iso": iso,
    "percent": percent,
    "fact": fact,
    "pretty": pretty,
    "clip": clip,
    "count": count,
    "short": short,
    "day": day,
    "picture_link": picture_link,
    "span_link": span_link,
    "query": query,
}
