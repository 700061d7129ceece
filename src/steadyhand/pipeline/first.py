"""The first answer of one request's attempts: one after the other, or the next one beside one that is slow."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from steadyhand.routing.attempts import Attempt, Attempts

Answer = TypeVar("Answer")

_Ask = Callable[[Attempt], Coroutine[None, None, Answer | None]]


async def first_answer(attempts: Attempts, ask: _Ask[Answer], hedge_s: float | None) -> Answer | None:
    """What `ask` gives first; None when no attempt is left, and `attempts.failure` says why.

    `ask` gives None for an attempt that failed, and has told `attempts` how it ended. With `hedge_s`, the next
    model is asked as well when one has not answered after so many seconds; the slower ones are broken off, and have
    ended when this returns.
    """
    while (attempt := attempts.next()) is not None:
        if attempt.wait_s:
            await asyncio.sleep(attempt.wait_s)
        found = await (ask(attempt) if hedge_s is None else _race(attempts, ask, attempt, hedge_s))
        if found is not None:
            return found
    return None


async def _race(attempts: Attempts, ask: _Ask[Answer], first: Attempt, hedge_s: float) -> Answer | None:
    running = {asyncio.create_task(ask(first))}
    try:
        while running:
            done, running = await asyncio.wait(running, timeout=hedge_s, return_when=asyncio.FIRST_COMPLETED)
            for found in (task.result() for task in done):
                if found is not None:
                    return found
            beside = attempts.hedge() if running else None
            if beside is not None:
                running.add(asyncio.create_task(ask(beside)))
        return None
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
