"""Figures as people read them."""

from decimal import Decimal


def duration(seconds: float) -> str:
    """`38 ms`, `1.2 s`."""
    return f"{seconds * 1_000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def money(usd: Decimal | None) -> str:
    """`$0.00`, `$0.0004`; two digits that count where a cent is too coarse."""
    if usd is None:
        return "price unknown"
    if usd == 0 or usd >= Decimal("0.01"):
        return f"${usd:,.2f}"
    return f"${usd:.{1 - usd.adjusted()}f}"


def size(size_bytes: int) -> str:
    """`90 MB`, `1.4 GB`."""
    megabytes = size_bytes / 1_000_000
    return f"{megabytes:,.0f} MB" if megabytes < 1_000 else f"{megabytes / 1_000:,.1f} GB"


def count(number: int, thing: str) -> str:
    """`1 document`, `25 documents`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
