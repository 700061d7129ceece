"""Ids of runs. Source: the ULID specification (48 bits of milliseconds, 80 random bits, Crockford base 32)."""

from datetime import datetime

from steadyhand.types.ids import RunId

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(now: datetime, randomness: bytes) -> RunId:
    """A run id of 26 characters that sorts by time. `randomness` is 10 bytes."""
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(randomness, "big")
    return RunId("".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)))


def short(run_id: str) -> str:
    """The last characters, for people; `traces show` takes them."""
    return run_id[-6:]
