"""Ids of runs. Source: the ULID specification (48 bits of milliseconds, 80 random bits, Crockford base 32)."""

from datetime import datetime
from functools import lru_cache

from steadyhand.types.ids import RunId

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits each


def new_id(now: datetime, randomness: bytes) -> RunId:
    """A run id of 26 characters that sorts by time. `randomness` is 10 bytes."""
    return id_at(now.timestamp(), randomness)


def id_at(now_s: float, randomness: bytes) -> RunId:
    """The same for a time in seconds since the epoch."""
    number = int.from_bytes(randomness, "big")
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(70, -1, -10)]
    return RunId(_time(int(now_s * 1000)) + "".join(pairs))


@lru_cache(maxsize=8)
def _time(milliseconds: int) -> str:
    return "".join(_ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5))


def short(run_id: str) -> str:
    """The last characters, for people; `traces show` takes them."""
    return run_id[-6:]
