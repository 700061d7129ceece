"""Reads documents in child processes that can be killed: what a hostile file breaks is not this process.

A child is a fresh interpreter, not a fork, because this process has threads. It gets no environment and no
descriptors but its two pipes, and is kept for the next document when the last one ended well. A file that took its
child over without a sign could tell of those that come after it, so a child reads documents of one circle only: of
those that the same people may see.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal, Protocol, Self, TypeVar

from steadyhand.errors import DocumentUnreadable, UsageError
from steadyhand.knowledge.reading.frames import Broken, Ended, Held, Painted, Refused, Request
from steadyhand.knowledge.reading.members import Member
from steadyhand.knowledge.reading.process import Answer, ReaderProcess
from steadyhand.types.document import Document

_MIB = 2**20
_MEMORY = 1024 * _MIB
_TIME_S = 120.0
_TIME_S_PER_MIB = 4.0  # the slowest reader does half a MiB per second on a core of its own
_IDLE_S = 60.0  # until a child that nobody needs is ended
_LOOK_S = 0.5  # between two looks at a child's memory
_WORKERS = 4
_UNUSED = object()  # the circle of a child that has read nothing

Result = TypeVar("Result")


class Readers:
    """At most `workers` children read, and as many unpack, at once; who asks first is first.

    `async with`, or `close` it in the event loop that used it. Children are started when there is something to do.
    """

    def __init__(self, workers: int = 0, *, memory: int = _MEMORY, time_s: float = _TIME_S) -> None:
        """`workers` 0 means one for each core, at most 4.

        A file gets `memory` bytes beyond what an idle child has, its own content included, and `time_s` seconds
        and four more for each MiB.
        """
        count = workers or min(os.cpu_count() or 1, _WORKERS)
        self._most = 2 * count
        self._memory = memory
        self._time_s = time_s
        self._reading = asyncio.Semaphore(count)
        self._unpacking = asyncio.Semaphore(count)  # apart: who unpacks wants to read what comes out
        self._threads = ThreadPoolExecutor(max_workers=2 * count, thread_name_prefix="read")
        self._starting: set[asyncio.Future[ReaderProcess]] = set()
        self._idle: dict[ReaderProcess, tuple[Hashable, asyncio.TimerHandle]] = {}
        self._busy: set[ReaderProcess] = set()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End every child. Whoever still waits for one gets `UsageError`. May be repeated."""
        if not self._is_closed:
            self._is_closed = True
            for _, retirement in self._idle.values():
                retirement.cancel()
            started = await asyncio.gather(*self._starting, return_exceptions=True)
            for child in {*self._idle, *self._busy, *started}:
                if isinstance(child, ReaderProcess):
                    self._threads.submit(child.end)
        await asyncio.to_thread(self._threads.shutdown)

    async def read(self, content: bytes, name: str, circle: Hashable = None) -> Document:
        """The document in `content`; `name` is its path or file name. Cancelling this kills the child.

        A child that reads for one `circle` never reads for another.

        Raises `DocumentUnsupported`, and `DocumentUnreadable` for whatever the file does: broken, protected, not
        what its name says, too much for the time and memory it gets, or it crashes its reader.
        """
        async with self._reading, self._lent(circle) as child:
            task = self._task(child, content, name)
            answer = await task.ask("read", content)
            await task.next_answer()
        match answer:
            case Document():
                return answer
            case Refused():
                raise answer.error()
            case _:
                raise task.broke("an answer that is no document")

    async def show(
        self, content: bytes, name: str, page: int, marks: tuple[str, ...] = (), circle: Hashable = None
    ) -> Painted:
        """Page `page` of a PDF as a PNG, counted from 1, with texts marked on it. Raises as `read` does."""
        async with self._reading, self._lent(circle) as child:
            task = self._task(child, content, name)
            answer = await task.ask("show", content, page=page, marks=marks)
            await task.next_answer()
        match answer:
            case Painted():
                return answer
            case Refused():
                raise answer.error()
            case _:
                raise task.broke("an answer that is no picture")

    async def unpack(self, content: bytes, name: str, circle: Hashable = None) -> AsyncGenerator[Member, None]:
        """The documents in a container (`formats.containers`), one at a time, nested containers included.

        A member that is refused comes as its `DocumentError` in place of its content. A message is itself a
        document, for `read`; its attachments come from here. The caller may take its time between two members.
        Who leaves early closes it: `async with aclosing(readers.unpack(content, name)) as members`. Raises as
        `read` does.
        """
        async with self._unpacking, self._lent(circle) as child:
            task = self._task(child, content, name)
            answer = await task.ask("unpack", content)
            while not isinstance(answer, Ended):
                match answer:
                    case Held():
                        yield answer.path, answer.content
                    case Refused(path=path) if path:
                        yield path, answer.error()
                    case Refused():
                        await task.next_answer()
                        raise answer.error()
                    case _:
                        raise task.broke("an answer that is no member")
                answer = await task.next_answer()

    def _task(self, child: ReaderProcess, content: bytes, name: str) -> "_Task":
        limit_s = self._time_s + _TIME_S_PER_MIB * len(content) / _MIB
        return _Task(child, self._in_thread, name, memory=self._memory, limit_s=limit_s)

    @asynccontextmanager
    async def _lent(self, circle: Hashable) -> AsyncIterator[ReaderProcess]:
        """A child of one's own. It is given back when it said that it is done, and else killed."""
        child = self._idle_child(circle) or await self._started()
        self._busy.add(child)
        try:
            yield child
        except DocumentUnreadable:
            self._check_open()  # it was not the document's fault
            raise
        finally:
            self._busy.discard(child)
            self._return(child, circle)

    def _return(self, child: ReaderProcess, circle: Hashable) -> None:
        if self._is_closed:
            child.kill()  # `close` waits for its end
        elif child.is_ready:
            loop = asyncio.get_running_loop()
            self._idle[child] = circle, loop.call_later(_IDLE_S, self._retire, child)
        else:
            child.kill()
            self._threads.submit(child.end)

    def _retire(self, child: ReaderProcess) -> None:
        del self._idle[child]
        self._threads.submit(child.end)

    def _idle_child(self, circle: Hashable) -> ReaderProcess | None:
        """The one that was used last; None when another has to be started, which there is room for then."""
        self._check_open()
        for child, (served, retirement) in reversed(list(self._idle.items())):
            if served is _UNUSED or served == circle:
                del self._idle[child]
                retirement.cancel()
                if child.is_alive():
                    return child
                self._threads.submit(child.end)
        while self._idle and len(self._idle) + len(self._busy) >= self._most:
            child = next(iter(self._idle))
            self._idle[child][1].cancel()
            self._retire(child)
        return None

    async def _started(self) -> ReaderProcess:
        starting = self._in_thread(partial(ReaderProcess, self._memory))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(self._keep_unwanted)
            raise

    def _keep_unwanted(self, starting: asyncio.Future[ReaderProcess]) -> None:
        if not starting.cancelled() and starting.exception() is None:
            self._return(starting.result(), _UNUSED)

    def _in_thread(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        self._check_open()
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _check_open(self) -> None:
        if self._is_closed:
            raise UsageError("expected open readers; they were closed", hint="read before they are closed")


class _InThread(Protocol):
    def __call__(self, work: Callable[[], Result]) -> asyncio.Future[Result]: ...


class _Task:
    """One request to a child, with an eye on the clock and on its memory."""

    def __init__(
        self, child: ReaderProcess, in_thread: _InThread, name: str, *, memory: int, limit_s: float
    ) -> None:
        self._child = child
        self._in_thread = in_thread
        self._name = name
        self._memory = memory
        self._limit_s = self._left_s = limit_s

    async def ask(
        self, verb: Literal["read", "unpack", "show"], content: bytes, *, page: int = 0, marks: tuple[str, ...] = ()
    ) -> Answer:
        """The first answer. Raises `DocumentUnreadable` like `next_answer`."""
        name = self._name.encode("utf-8", "replace").decode()
        request = Request(verb, name, len(content), self._limit_s, page, marks)
        return await self._answer(partial(self._child.ask, request, content))

    async def next_answer(self) -> Answer:
        """Only time that is spent in here counts.

        Raises `DocumentUnreadable` when the reader broke, crashed, or took too much. The child is then killed.
        """
        return await self._answer(self._child.next_answer)

    async def _answer(self, work: Callable[[], Answer | None]) -> Answer:
        future = self._in_thread(work)
        while not future.done():
            begun = asyncio.get_running_loop().time()
            done, _ = await asyncio.wait({future}, timeout=min(_LOOK_S, self._left_s))
            self._left_s = max(0.0, self._left_s - (asyncio.get_running_loop().time() - begun))
            if done:
                break
            if not self._left_s:
                raise self._over_time()
            if await asyncio.to_thread(self._child.grown) > self._memory:
                raise self._over_memory()
        answer = future.result()
        if answer is None:
            raise self._crashed()
        if isinstance(answer, Broken):
            raise self._over_memory() if answer.is_memory else self.broke(answer.found)
        return answer

    def broke(self, found: str) -> DocumentUnreadable:
        return DocumentUnreadable(
            f"{self._name}: expected a file that its reader can take; found one that broke it ({found})",
            hint="save it anew with another program, or convert it",
        )

    def _crashed(self) -> DocumentUnreadable:
        ended = self._child.how_it_ended()
        if ended == signal.SIGALRM:
            return self._over_time()
        if ended == signal.SIGKILL:
            return self._over_memory()
        return self.broke(f"it ended with {ended.name if isinstance(ended, signal.Signals) else ended}")

    def _over_time(self) -> DocumentUnreadable:
        return DocumentUnreadable(
            f"{self._name}: expected a file that is read within {self._limit_s:.0f} s; found one that takes longer",
            hint="split it, or convert it",
        )

    def _over_memory(self) -> DocumentUnreadable:
        return DocumentUnreadable(
            f"{self._name}: expected a file that is read in {self._memory // _MIB:,} MiB of memory; "
            "found one that takes more",
            hint="split it, or convert it",
        )
