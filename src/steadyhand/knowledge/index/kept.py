"""What was read once stays in memory as long as there is room: what nobody asked for longest makes room first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """`size_of` says how many bytes a value takes with its key; it says the same each time."""

    def __init__(self, room_bytes: int, size_of: Callable[[Key, Value], int]) -> None:
        self._room = room_bytes
        self._size_of = size_of
        self.used_bytes = 0
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        if (value := self._values.get(key)) is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Key, value: Value) -> None:
        """In place of what there is: several may have read it at once. What is larger than the room is not kept."""
        self._drop(key)
        if (size_bytes := self._size_of(key, value)) > self._room:
            return
        self._values[key] = value
        self.used_bytes += size_bytes
        while self.used_bytes > self._room:
            self._drop(next(iter(self._values)))

    def _drop(self, key: Key) -> None:
        if (gone := self._values.pop(key, None)) is not None:
            self.used_bytes -= self._size_of(key, gone)
