"""Ids of runs. Source: the ULID specification (48 bits of milliseconds, 80 random bits, Crockford base 32)."""

from base64 import b32encode
from datetime import datetime
from functools import lru_cache

from steadyhand.types.ids import RunId

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET.encode())


def new_id(now: datetime, randomness: bytes) -> RunId:
    """A run id of 26 characters that sorts by time. `randomness` is 10 bytes."""
    return RunId(_time(int(now.timestamp() * 1000)) + b32encode(randomness).translate(_CROCKFORD).decode())


@lru_cache(maxsize=8)
def _time(milliseconds: int) -> str:
    return "".join(_ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5))


def short(run_id: str) -> str:
    """The last characters, for people; `traces show` takes them."""
    return run_id[-6:]
