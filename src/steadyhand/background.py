"""An event loop in a thread of its own, for programs that have none."""

import asyncio
import threading
from collections.abc import Awaitable, Coroutine
from typing import TypeVar

from steadyhand.errors import UsageError

Result = TypeVar("Result")


class BackgroundLoop:
    """Runs from the start until `close`. `name` is the thread's, as debuggers show it."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def wait(self, work: Awaitable[Result]) -> Result:
        """The result of `work`, done in the loop; raises what it raises. May be called from any other thread.

        Raises `UsageError` after `close`.
        """
        if self._loop.is_closed():
            if isinstance(work, Coroutine):
                work.close()
            raise UsageError("expected it to be open; it was closed", hint="open it again")

        async def finished() -> Result:
            return await work

        return asyncio.run_coroutine_threadsafe(finished(), self._loop).result()

    def close(self) -> None:
        """Stop the loop and wait for its thread to end; what still runs in it is left. May be repeated."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
