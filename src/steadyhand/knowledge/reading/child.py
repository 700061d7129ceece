"""The child process that reads: `python -m steadyhand.knowledge.reading.child BYTES`, one request after another.

It gives up what reading does not need before it sees a file: memory beyond a limit, new files, new processes, more
privileges and, where Linux lets it, the network and the files of others. It ends with its parent.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from steadyhand import plugins
from steadyhand.errors import DocumentError, DocumentUnreadable, NotFound
from steadyhand.knowledge.reading import formats, frames, landlock
from steadyhand.knowledge.reading.frames import Broken, Ended, Held, Painted, Reply, Request

if sys.platform != "win32":
    import resource

_DOCUMENTS = 500  # before another child takes over
_GROWTH = 256 * 2**20  # bytes, likewise
_GRACE_S = 5.0  # the parent is the first to look at the clock
_NICE = 5
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def main(memory: int) -> None:
    """Serve until standard input ends. `memory` is in bytes, beyond what the process has now."""
    parent = os.getppid()
    formats.load_all()
    with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb") as replies:
        _confine(memory, parent)
        frames.send(replies, Ended())
        replies.flush()
        _silence()
        with suppress(BrokenPipeError):
            _serve(requests, replies)
        os._exit(0)  # nothing is left to be done, and what a file broke cannot stand in the way


def _serve(requests: BinaryIO, replies: BinaryIO) -> None:
    start = _size()
    served = 0

    def tell(reply: Reply) -> None:
        left = _alarm(0.0)  # the parent may take its time
        frames.send(replies, reply)
        _alarm(left)

    while (request := frames.next_request(requests)) is not None:
        content = requests.read(request.size)
        _alarm(request.time_s + _GRACE_S)
        is_whole = _answered(request, content, tell)
        _alarm(0.0)
        del content
        served += 1
        frames.send(replies, Ended(not is_whole or served >= _DOCUMENTS or _size() - start > _GROWTH))
        replies.flush()


def _answered(request: Request, content: bytes, tell: Callable[[Reply], None]) -> bool:
    """False when the reader broke, so that this process is not to be trusted any more."""
    try:
        match request.verb:
            case "read":
                tell(frames.parsed(formats.read_document(content, request.name)))
            case "unpack":
                for path, held in formats.members(content, request.name):
                    tell(Held(path, held) if isinstance(held, bytes) else frames.refused(held, path))
            case "show":
                tell(_painted(request, content))
    except DocumentError as error:
        tell(frames.refused(error))
    except BrokenPipeError:
        raise
    except MemoryError:
        tell(Broken("no memory", is_memory=True))
        return False
    except Exception as error:  # noqa: BLE001 the edge of this process: a hostile file may raise anything
        tell(Broken(f"{type(error).__name__}: {error}"[:200]))
        return False
    return True


def _painted(request: Request, content: bytes) -> Painted:
    pages = plugins.load("knowledge.reading", "pages")  # most children never need what it imports
    try:
        shown = pages.render(content, request.page, request.marks, name=request.name)
    except NotFound as error:
        raise DocumentUnreadable(str(error)) from error
    return Painted(shown.data, all(shown.found))


def _confine(memory: int, parent: int) -> None:
    """Give up for good what reading does not need. What this system does not know is left out."""
    sys.dont_write_bytecode = True
    os.chdir("/")
    if sys.platform == "win32":
        return
    os.nice(_NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")  # before the database, when the machine runs out
    for limit, most in (
        (resource.RLIMIT_CORE, 0),  # no document lies around in a core dump
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, _size() + memory),
    ):
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.unshare(_CLONE_NEWNET) != 0:  # for root; others get a name space of their own first
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        landlock.confine()
    if os.getppid() != parent:
        os._exit(1)  # it died before the kernel was told to tell


def _silence() -> None:
    """Keep what libraries print out of the replies; until here, standard error showed why no start was possible."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _alarm(after_s: float) -> float:
    """Let the kernel end this process after so many seconds, 0 for never; what was left of the last alarm."""
    if sys.platform == "win32":
        return 0.0
    return signal.setitimer(signal.ITIMER_REAL, after_s)[0]


def _size() -> int:
    """Bytes of address space where the system tells, else the most memory there has been."""
    if sys.platform == "win32":
        return 0
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(int(sys.argv[1]))
