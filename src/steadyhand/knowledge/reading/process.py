"""One child process that reads, as its parent holds it. Everything blocks, but `kill` and what only looks."""

import mmap
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from steadyhand.errors import SteadyhandError
from steadyhand.knowledge.reading import frames
from steadyhand.knowledge.reading.frames import Broken, Ended, Held, Painted, Parsed, Refused, Request
from steadyhand.types.document import Document

_PROGRAM = "steadyhand.knowledge.reading.child"
_ONE_THREAD = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_START_S = 60.0
_PAGE = mmap.PAGESIZE
_GONE_S = 1.0  # between the end of a child's pipe and its own

Answer: TypeAlias = Document | Held | Painted | Refused | Broken | Ended


class ReaderProcess:
    """Asked one thing at a time. `is_ready` says that it waits for the next one."""

    def __init__(self, memory: int) -> None:
        """Start one; it may take `memory` bytes beyond what it has at its start.

        It is told where our modules are, and nothing else of our environment. Raises `SteadyhandError`. Make it in
        a thread that lives as long as it: Linux ends a child with the thread that started it.
        """
        modules = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-X", "utf8", "-m", _PROGRAM, str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"PYTHONPATH": modules, **_ONE_THREAD},
                start_new_session=True,  # who interrupts us does not interrupt it
            )
        except OSError as error:
            raise SteadyhandError(
                f"expected to start a process that reads documents; {error.strerror}",
                hint="are there too many processes, or too little memory?",
            ) from error
        self._requests = cast("BinaryIO", self._process.stdin)
        self._replies = cast("BinaryIO", self._process.stdout)
        self._talking = threading.Lock()
        self.is_ready = False
        self._wait_for_start()
        self._resident_at_start = self._resident()

    def ask(self, request: Request, content: bytes) -> Answer | None:
        """The first answer; the others come from `next_answer`. None when the process died."""
        self.is_ready = False
        with self._talking:
            try:
                frames.send(self._requests, request)
                self._requests.write(content)
                self._requests.flush()
            except (BrokenPipeError, ValueError):  # ValueError: it was ended in the meantime
                self._wait_for_end()
                return None
            return self._heard()

    def next_answer(self) -> Answer | None:
        """The last one is `Ended`. None when the process died."""
        with self._talking:
            return self._heard()

    def grown(self) -> int:
        """Bytes of memory that the process has now beyond what it had at its start."""
        return self._resident() - self._resident_at_start

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def how_it_ended(self) -> signal.Signals | int | None:
        """The signal that killed it, else its exit code; None while it lives."""
        code = self._process.poll()
        if code is not None and code < 0:
            with suppress(ValueError):
                return signal.Signals(-code)
        return code

    def kill(self) -> None:
        """May be called from any thread, also while another one waits for an answer."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, and wait until nothing of it is left."""
        self.kill()
        with self._talking:
            self._process.wait()
            with suppress(BrokenPipeError):
                self._requests.close()
            self._replies.close()

    def _wait_for_start(self) -> None:
        impatience = threading.Timer(_START_S, self.kill)
        impatience.start()
        said = self.next_answer()
        impatience.cancel()
        if not isinstance(said, Ended):
            self.end()
            raise SteadyhandError(
                f"expected a process that reads documents; it ended at its start ({self.how_it_ended()!r})",
                hint=f"standard error says why; try {sys.executable} -m {_PROGRAM} 0",
            )

    def _heard(self) -> Answer | None:
        try:
            reply = frames.next_reply(self._replies)
            if reply is None:
                self._wait_for_end()
                return None
            if isinstance(reply, Parsed):
                return frames.document(reply)
        except ValueError as error:
            self.kill()
            return Broken(f"an answer that makes no sense: {error}")
        if isinstance(reply, Ended):
            self.is_ready = not reply.is_spent
        return reply

    def _wait_for_end(self) -> None:
        """For a process whose pipe has ended."""
        try:
            self._process.wait(_GONE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def _resident(self) -> int:
        """Bytes of memory in use; 0 when the system does not tell."""
        pid = self._process.pid
        with suppress(OSError, IndexError):
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        with suppress(OSError, ValueError):  # macOS
            told = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False)
            return int(told.stdout) * 1024
        return 0
