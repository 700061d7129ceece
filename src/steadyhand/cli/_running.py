"""Runs a command's asynchronous work, and closes everything however it ends."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import typer

from steadyhand.cli._shell import Shell
from steadyhand.workspace import AsyncWorkspace

if sys.platform == "win32":
    from asyncio import new_event_loop as _new_loop
else:
    from uvloop import new_event_loop as _new_loop

Result = TypeVar("Result")


def in_workspace(shell: Shell, work: Callable[[AsyncWorkspace], Awaitable[Result]]) -> Result:
    """The result of `work` in the shell's workspace, which is open meanwhile."""

    async def opened() -> Result:
        async with await AsyncWorkspace.open(shell.root) as workspace:
            return await work(workspace)

    return to_end(opened())


def to_end(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`. Ctrl-C, SIGTERM and a closed terminal cancel it, so that what it opened is closed."""
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(_cancellable(work))
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


def stop_signals() -> list[signal.Signals]:
    """What asks a command to stop besides Ctrl-C, unless `nohup` or a shell wants it ignored."""
    wanted = (signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) != signal.SIG_IGN]


async def _cancellable(work: Coroutine[Any, Any, Result]) -> Result:
    task = asyncio.current_task()
    assert task is not None
    with suppress(NotImplementedError):  # Windows has no such handlers
        for number in stop_signals():
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work
