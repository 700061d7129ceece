"""Secrets that are shown once: 256 random bits, of which the database holds only the SHA-256.

A slow password hash would add nothing: there is no dictionary of random secrets.
"""

import hashlib
from collections.abc import Callable

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = 43  # 62 ** 43 > 2 ** 256


def new(randomness: Callable[[int], bytes]) -> str:
    """43 letters and digits. `randomness(n)` gives n unpredictable bytes."""
    number = int.from_bytes(randomness(32), "big")
    digits = []
    for _ in range(_DIGITS):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(digits)


def hashed(secret: str) -> bytes:
    """What is kept of a secret: 32 bytes, also of a text that no secret can be."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
