"""Reads documents in child processes that can be killed: what a hostile file breaks is not this process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from steadyhand.knowledge import reading
from steadyhand.knowledge.members import Member
from steadyhand.types.document import Document


class Readers:
    """At most `workers` children read at once. `async with`, or `close` it in the event loop that used it.

    Children are started when there is something to read, and kept for what comes next.
    """

    def __init__(self, workers: int = 0) -> None:
        """`workers` 0 means one for each core, at most 4."""
        self._workers = workers

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End every child. Whoever still waits for one gets `DocumentUnreadable`."""

    async def read(self, content: bytes, name: str) -> Document:
        """The document in `content`; `name` is its path or file name. Cancelling this kills the reading.

        Raises `DocumentUnsupported`, and `DocumentUnreadable` for whatever the file does: broken, protected, not
        what its name says, or too much for the time and memory it gets, or it crashed its reader.
        """
        return await asyncio.to_thread(reading.read_document, content, name)

    async def unpack(self, content: bytes, name: str) -> AsyncIterator[Member]:
        """The documents in a container (`reading.CONTAINERS`), one at a time, nested containers included.

        A member that is refused comes as its `DocumentError` in place of its content. A message is itself a
        document, for `read`; its attachments come from here. Close the iterator when it is left early:
        `async with aclosing(readers.unpack(content, name)) as members`. May be slow to use: the time that the
        caller takes between two members does not count. Raises as `read` does.
        """
        for member in await asyncio.to_thread(lambda: list(reading.members(content, name))):
            yield member
