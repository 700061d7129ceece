"""How much of the bodies that come in pieces is held at once: any key is enough to send many large ones."""

from steadyhand.errors import RateLimited

MOST_BYTES = 256 * 2**20
"""Each is held several times over until its answer is there: as it came, as text, and as rows of the ledger."""

BODY_S = 120.0
"""Seconds for the whole of one body, after its first piece."""


class Room:
    """Of one process."""

    __slots__ = ("_left_bytes",)

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._left_bytes = most_bytes

    def take(self, size_bytes: int) -> None:
        """Raises `RateLimited` when there is none left."""
        if size_bytes > self._left_bytes:
            raise RateLimited(
                "expected room for a large request; others fill it",
                hint="try again when they are answered; send large files as URLs",
                retry_after_s=1.0,
            )
        self._left_bytes -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        self._left_bytes += size_bytes
