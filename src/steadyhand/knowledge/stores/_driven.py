"""A vector store over a driver: what all stores have in common, so that a driver only translates.

Each collection has a row beside those of chunks, its mark, which says which content it has.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from steadyhand.errors import WorkspaceInvalid, WrongEmbedder
from steadyhand.hints import did_you_mean
from steadyhand.knowledge.stores._calls import Calls, NotThere
from steadyhand.knowledge.stores._payload import Every, Payload, batches, demands
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.vectors import Collection, Vector, VectorHit, VectorQuery, VectorRow

MARK = 2**31
"""The id of the mark, just above those of chunks."""

_IDS_MOST = 1_000  # of a request
_NO_NUMBERS: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Point:
    """A row as it is sent. `mark` is "" for a chunk."""

    id: int
    vector: Vector
    labels: Sequence[str] = ()
    terms: Sequence[str] = ()
    numbers: Mapping[str, float] = field(default_factory=lambda: _NO_NUMBERS)
    mark: str = ""


class Driver(Protocol):
    """One store's client. Raises the exceptions of its library, which `Calls` translates."""

    async def dims(self, collection: Collection) -> int | None:
        """The length of the collection's vectors; None when it is not there."""
        ...

    async def make(self, collection: Collection) -> None:
        """Make the collection. One that somebody else made meanwhile is no fault."""
        ...

    async def declare(self, collection: Collection, numbers: Iterable[str]) -> None:
        """From now on rows have these numbers, labels and terms. What was declared before is no fault."""
        ...

    async def put(self, collection: Collection, points: Sequence[Point]) -> None: ...

    async def remove(self, collection: Collection, ids: Sequence[int]) -> None: ...

    async def drop(self, collection: Collection) -> None: ...

    async def nearest(
        self, collection: Collection, vector: Vector, limit: int, wanted: Every
    ) -> list[VectorHit]: ...

    async def count(self, collection: Collection) -> int:
        """Points, with the mark."""
        ...

    async def mark(self, collection: Collection) -> str:
        """What the mark says; "" without one."""
        ...

    async def close(self) -> None: ...


class DrivenStore:
    """A `VectorStore`. A request has at most about `batch_bytes`."""

    def __init__(self, driver: Driver, calls: Calls, batch_bytes: int) -> None:
        self._driver = driver
        self._calls = calls
        self._batch_bytes = batch_bytes
        self._declared: dict[str, set[str]] = {}  # numbers by collections that are there
        self._making = asyncio.Lock()

    async def upsert(self, collection: Collection, rows: Sequence[VectorRow]) -> None:
        for row in rows:
            require_dims(collection, len(row.vector))
        for batch in batches(rows, self._batch_bytes):
            points = [_point(row, kept) for row, kept in batch]
            try:
                await self._put(collection, points)
            except NotThere:  # it was there when this process looked
                self._declared.pop(collection.name, None)
                await self._put(collection, points)

    async def delete(self, collection: Collection, ids: Sequence[int] | None = None) -> None:
        try:
            if ids is None:
                self._declared.pop(collection.name, None)
                await self._calls.write(lambda: self._driver.drop(collection))
                return
            for start in range(0, len(ids), _IDS_MOST):
                part = ids[start : start + _IDS_MOST]
                await self._calls.write(lambda part=part: self._driver.remove(collection, part))  # type: ignore[misc]
            await self._calls.write(lambda: self._driver.put(collection, [_mark(collection)]))
        except NotThere:
            return

    async def search(self, collection: Collection, query: VectorQuery) -> list[VectorHit]:
        require_dims(collection, len(query.vector))
        wanted = demands(query)
        if wanted is None:
            return []
        try:
            found = await self._calls.search(
                lambda: self._driver.nearest(collection, query.vector, query.k + 1, wanted)
            )
        except NotThere:
            return []
        return [hit for hit in found if hit.id != MARK][: query.k]

    async def stats(self, collection: Collection) -> int:
        try:
            return max(await self._calls.write(lambda: self._driver.count(collection)) - 1, 0)
        except NotThere:
            return 0

    async def snapshot(self, collection: Collection) -> str:
        try:
            return await self._calls.write(lambda: self._driver.mark(collection))
        except NotThere:
            return ""

    async def close(self) -> None:
        await self._driver.close()

    async def _put(self, collection: Collection, points: Sequence[Point]) -> None:
        await self._prepare(collection, {name for point in points for name in point.numbers})
        await self._calls.write(lambda: self._driver.put(collection, [*points, _mark(collection)]))

    async def _prepare(self, collection: Collection, numbers: set[str]) -> None:
        """Make the collection when it is not there, and declare numbers that are new in it."""
        async with self._making:
            if collection.name not in self._declared:
                held = await self._calls.write(lambda: self._driver.dims(collection))
                if held is None:
                    await self._calls.write(lambda: self._driver.make(collection))
                else:
                    require_dims(collection, held)
                await self._declare(collection, numbers)
            elif new := numbers - self._declared[collection.name]:
                await self._declare(collection, new)

    async def _declare(self, collection: Collection, numbers: set[str]) -> None:
        await self._calls.write(lambda: self._driver.declare(collection, sorted(numbers)))
        self._declared[collection.name] = self._declared.get(collection.name, set()) | numbers


def require_settings(settings: StoreSettings, urls: tuple[str, ...], options: tuple[str, ...] = ()) -> None:
    """Raise `WorkspaceInvalid` for a URL that begins otherwise, or an option that the store does not have."""
    kind = settings.kind
    if not settings.url.startswith(urls):
        raise WorkspaceInvalid(
            f"the url of a {kind} store: expected one that begins with {' or '.join(urls)}; found another",
            hint=f"set url in its table, as {urls[0]}…",
        )
    for name in settings.options:
        if name not in options:
            raise WorkspaceInvalid(
                f"options of a {kind} store: expected {', '.join(options) or 'none'}; found {name!r}",
                hint=did_you_mean(name, options) or "take it out",
            )


def require_dims(collection: Collection, found: int) -> None:
    if found != collection.dims:
        raise WrongEmbedder(
            f"expected vectors of length {collection.dims} in {collection.name}; found {found}",
            hint="vectors of two embedders are never compared: build the collection anew",
        )


def _point(row: VectorRow, kept: Payload) -> Point:
    return Point(row.id, row.vector, kept.labels, kept.terms, kept.numbers)


def _mark(collection: Collection) -> Point:
    """With a vector that has a length, because some stores take no other."""
    vector = np.zeros(collection.dims, dtype=np.float32)
    vector[0] = 1.0
    return Point(MARK, vector, mark=secrets.token_hex(8))
